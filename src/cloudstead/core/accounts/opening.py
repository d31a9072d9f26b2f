"""Opening an account: its public names, its root domain and its first administrator."""

from __future__ import annotations

import re
import secrets
import string
import uuid
from typing import TYPE_CHECKING, Final

from cloudstead.core.accounts.model import Account, MqttProfile
from cloudstead.core.accounts.profile import AccountProfile
from cloudstead.core.caller import Grant
from cloudstead.core.domains.model import ROOT_ID, Domain
from cloudstead.core.errors import InvalidField
from cloudstead.core.ids import AccountId, DomainId, PersonId
from cloudstead.core.people.model import Membership, Person
from cloudstead.core.policygroups.built_in import add_built_in_groups
from cloudstead.core.texts import require_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import IdSource
    from cloudstead.core.unit import Unit

ADMINISTRATOR: Final = "Administrator"

_MAX_USER_NAME_CHARS: Final = 128  # Amazon Cognito user pools, Username
_SUFFIX_CHARS: Final = string.ascii_uppercase + string.digits
_POOL_CHARS: Final = string.ascii_letters + string.digits
_CLIENT_CHARS: Final = string.ascii_lowercase + string.digits
_STACK: Final = re.compile(r"[a-z][a-z0-9]{0,30}")
_NUMBER: Final = re.compile(r"[0-9]{12}")
_HOST: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*|[0-9a-f:]+"
)


def open_account(
    unit: Unit,
    ids: IdSource,
    clock: Clock,
    *,
    name: str,
    stack: str,
    hosts: Sequence[str],
    number: str | None = None,
    parent_id: AccountId | None = None,
    mqtt_profile: MqttProfile = MqttProfile.AWS_2017,
) -> Account:
    """Make an account that answers to ``hosts``, with a root domain called like itself.

    ``number`` is the 12-digit number of AWS-style names; without one a free one is drawn. Raises ``InvalidField`` and
    ``HostNameTaken``.
    """
    require_line(name, field="name")
    if not _STACK.fullmatch(stack):
        raise InvalidField("stack", "must be a lower-case letter followed by at most 30 lower-case letters and digits")
    if number is not None:
        _require_free_number(unit, number)
    account = Account(
        id=AccountId(ids.new()),
        name=name,
        number=number or _first_free(_random_number, unit.accounts.by_number),
        stack=stack,
        function_suffix=_first_free(_random_suffix, unit.accounts.by_function_suffix),
        identity_pool=str(uuid.uuid4()),
        user_pool=_random_text(_POOL_CHARS, 9),
        user_pool_client=_random_text(_CLIENT_CHARS, 26),
        created_at_ms=clock.millis(),
        parent_id=parent_id,
        mqtt_profile=mqtt_profile,
    )
    unit.accounts.add(account)
    for host in hosts:
        unit.accounts.add_host(account.id, _checked_host(host))
    unit.domains.add(
        Domain(
            account_id=account.id,
            uid=ids.new(),
            id=DomainId(ROOT_ID),
            parent_id=None,
            name=name,
            created_at_ms=account.created_at_ms,
        )
    )
    unit.accounts.put_profile(AccountProfile(account_id=account.id, updated_at_ms=account.created_at_ms))
    add_built_in_groups(unit, account, ids)
    return account


def add_administrator(
    unit: Unit,
    account: Account,
    *,
    ids: IdSource,
    clock: Clock,
    user_name: str,
    password_hash: str,
    email: str,
    first_name: str = "",
    last_name: str = "",
) -> Person:
    """Give the account a person who may do everything everywhere; raise ``UserNameTaken``."""
    require_line(user_name, field="user_name", max_chars=_MAX_USER_NAME_CHARS)
    require_line(email, field="email")
    person = Person(
        id=PersonId(ids.new()),
        home_account_id=account.id,
        user_name=user_name,
        password_hash=password_hash,
        email=email,
        first_name=first_name,
        last_name=last_name,
        created_at_ms=clock.millis(),
    )
    unit.people.add(person)
    unit.people.put_membership(Membership(account.id, person.id, (Grant(DomainId(ROOT_ID), ADMINISTRATOR),)))
    return person


def _require_free_number(unit: Unit, number: str) -> None:
    if not _NUMBER.fullmatch(number):
        raise InvalidField("number", "must have 12 digits")
    if unit.accounts.by_number(number) is not None:
        raise InvalidField("number", "is taken by another account")


def _checked_host(host: str) -> str:
    lowered = host.lower()
    if not _HOST.fullmatch(lowered):
        raise InvalidField("hosts", f"{host!r} is no host name")
    return lowered


def _first_free(draw: Callable[[], str], find: Callable[[str], Account | None]) -> str:
    while True:
        candidate = draw()
        if find(candidate) is None:
            return candidate


def _random_number() -> str:
    # AWS numbers may begin with 0, but a number that survives a spreadsheet is worth more.
    return secrets.choice("123456789") + _random_text(string.digits, 11)


def _random_suffix() -> str:
    # CloudFormation's random part of a physical name looks like 14W20MERP6ETW.
    return "1" + _random_text(_SUFFIX_CHARS, 12)


def _random_text(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))
