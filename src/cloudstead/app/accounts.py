"""Opening an account from the command line, straight on the data folder, while no server holds it."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cloudstead.app.data_folder import DataFolder
from cloudstead.app.errors import CannotStart
from cloudstead.app.keys import open_keys
from cloudstead.core.accounts.errors import HostNameTaken
from cloudstead.core.accounts.opening import ADMINISTRATOR, add_administrator, open_account
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.clock import SystemClock
from cloudstead.core.credentials.api_keys import make_api_key
from cloudstead.core.credentials.passwords import PasswordHasher
from cloudstead.core.domains.model import ROOT_ID
from cloudstead.core.errors import InvalidField
from cloudstead.core.ids import DomainId, Uuid7Source
from cloudstead.storage.sql import Database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.app.settings import Settings
    from cloudstead.core.accounts.model import Account, MqttProfile
    from cloudstead.core.unit import Unit


@dataclass(frozen=True, slots=True)
class OpenedAccount:
    """A new account with the secrets of its administrator, which are shown here once."""

    account: Account
    hosts: Sequence[str]
    user_name: str
    password: str = field(repr=False)
    api_key: str = field(repr=False)


def state_url(settings: Settings, folder: DataFolder) -> str:
    """Return the address of the state store."""
    return settings.storage.url or f"sqlite:///{folder.state_file}"


def own_hosts(settings: Settings) -> list[str]:
    """Return the host names that the first account of an installation answers to."""
    return list(dict.fromkeys([settings.public.hostname, "localhost", "127.0.0.1", "::1"]))


def random_password() -> str:
    """Return 96 random bits in a form that survives copying by hand."""
    return "-".join(secrets.token_hex(3) for _ in range(4))


async def create_account(
    settings: Settings,
    *,
    name: str,
    user_name: str,
    email: str,
    hosts: Sequence[str],
    mqtt_profile: MqttProfile,
) -> OpenedAccount:
    """Open an account with an administrator who has a password and an API key.

    Without ``hosts`` it answers to the installation's own names, which only one account can have. Raises
    ``CannotStart`` for everything that the operator can put right.
    """
    folder = DataFolder.hold(Path(settings.data.folder))
    try:
        open_keys(folder, SystemClock())  # so that a folder begun here has its secrets before its first account
        database = await Database.open(state_url(settings, folder), on_events=lambda _events: None)
        try:
            return await _open(
                database,
                settings,
                name=name,
                user_name=user_name,
                email=email,
                hosts=hosts,
                mqtt_profile=mqtt_profile,
            )
        finally:
            await database.close()
    finally:
        folder.release()


async def _open(
    database: Database,
    settings: Settings,
    *,
    name: str,
    user_name: str,
    email: str,
    hosts: Sequence[str],
    mqtt_profile: MqttProfile,
) -> OpenedAccount:
    clock = SystemClock()
    ids = Uuid7Source(clock)
    password = random_password()
    with ThreadPoolExecutor(max_workers=1) as executor:
        password_hash = await PasswordHasher(executor).hash(password)
    chosen = list(hosts) or own_hosts(settings)

    def work(unit: Unit) -> OpenedAccount:
        account = open_account(
            unit, ids, clock, name=name, stack=settings.public.stack, hosts=chosen, mqtt_profile=mqtt_profile
        )
        person = add_administrator(
            unit, account, ids=ids, clock=clock, user_name=user_name, password_hash=password_hash, email=email
        )
        grants = (Grant(DomainId(ROOT_ID), ADMINISTRATOR),)
        caller = Caller(account.id, f"person:{person.id}", person.user_name, person.id, grants)
        key = make_api_key(unit, caller, clock=clock, ids=ids, name="first key", grants=grants, owner_id=person.id)
        return OpenedAccount(account, chosen, user_name, password, key.text)

    try:
        return await database.write(work)
    except HostNameTaken as taken:
        raise CannotStart(f"{taken} Give the new account names of its own with --host.") from None
    except InvalidField as invalid:
        raise CannotStart(str(invalid)) from None
