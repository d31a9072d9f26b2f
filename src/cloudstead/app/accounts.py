"""Opening an account with its first administrator, and what every way of doing so has in common."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from cloudstead.core.accounts.opening import ADMINISTRATOR, add_administrator, open_account
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.credentials.api_keys import make_api_key
from cloudstead.core.domains.model import ROOT_ID
from cloudstead.core.ids import DomainId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.app.data_folder import DataFolder
    from cloudstead.app.settings import Settings
    from cloudstead.core.accounts.model import Account, MqttProfile
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import IdSource
    from cloudstead.core.unit import Unit


def state_url(settings: Settings, folder: DataFolder) -> str:
    """Return the address of the state store."""
    return settings.storage.url or f"sqlite:///{folder.state_file}"


def own_hosts(settings: Settings) -> list[str]:
    """Return the host names that the first account of an installation answers to."""
    return list(dict.fromkeys([settings.public.hostname, "localhost", "127.0.0.1", "::1"]))


def random_password() -> str:
    """Return 96 random bits in a form that survives copying by hand."""
    return "-".join(secrets.token_hex(3) for _ in range(4))


def open_with_administrator(
    unit: Unit,
    ids: IdSource,
    clock: Clock,
    *,
    name: str,
    stack: str,
    hosts: Sequence[str],
    mqtt_profile: MqttProfile,
    user_name: str,
    password_hash: str,
    email: str,
) -> tuple[Account, str]:
    """Open an account with an administrator who has a password and an API key; return both, the key to be shown once.

    Raise ``HostNameTaken``, ``UserNameTaken`` and ``InvalidField``.
    """
    account = open_account(unit, ids, clock, name=name, stack=stack, hosts=hosts, mqtt_profile=mqtt_profile)
    person = add_administrator(
        unit, account, ids=ids, clock=clock, user_name=user_name, password_hash=password_hash, email=email
    )
    unit.accounts.put_profile(replace(unit.accounts.profile(account.id), admin_id=person.id))
    grants = (Grant(DomainId(ROOT_ID), ADMINISTRATOR),)
    caller = Caller(account.id, f"person:{person.id}", person.user_name, person.id, grants)
    key = make_api_key(unit, caller, clock=clock, ids=ids, name="first key", grants=grants, owner_id=person.id)
    return account, key.text
