"""Commands on the accounts and people of a data folder, straight on its store, while no server holds it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cloudstead.app.accounts import random_password, state_url
from cloudstead.app.data_folder import DataFolder
from cloudstead.app.errors import CannotStart
from cloudstead.core.audit.record import record
from cloudstead.core.caller import Caller
from cloudstead.core.clock import SystemClock
from cloudstead.core.credentials.passwords import PasswordHasher
from cloudstead.core.errors import InvalidField
from cloudstead.core.ids import Uuid7Source
from cloudstead.core.people.credentials import set_password
from cloudstead.core.people.links import Links
from cloudstead.core.people.model import Member
from cloudstead.core.people.profile import SHORTEST_CHOSEN_PASSWORD, require_password
from cloudstead.core.people.registry import audited
from cloudstead.storage.sql import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from cloudstead.app.settings import Settings
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.unit import Unit


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """An account with the host names that it answers to."""

    account: Account
    hosts: Sequence[str]


@dataclass(frozen=True, slots=True)
class SetPassword:
    """Whose password was set, and what still keeps the person out, if anything."""

    account: Account
    user_name: str
    password: str = field(repr=False)
    obstacle: str | None


async def list_accounts(settings: Settings) -> list[ListedAccount]:
    """Return every account, oldest first."""

    def read(unit: Unit) -> list[ListedAccount]:
        return [ListedAccount(each, unit.accounts.hosts(each.id)) for each in unit.accounts.all()]

    async with _store(settings) as database:
        return await database.read(read)


async def set_person_password(
    settings: Settings, *, user_name: str, account: str | None, password: str | None
) -> SetPassword:
    """Set somebody's password, a random one unless it is given, and end all that the old one opened.

    ``account`` is a host name or the number of one, and may be left out where there is only one. Raises ``CannotStart``
    for everything that the operator can put right.
    """
    chosen = password or random_password()
    clock = SystemClock()
    ids = Uuid7Source(clock)
    try:
        require_password(chosen, shortest=SHORTEST_CHOSEN_PASSWORD)
        with ThreadPoolExecutor(max_workers=1) as executor:
            password_hash = await PasswordHasher(executor).hash(chosen)
    except InvalidField as invalid:
        raise CannotStart(str(invalid)) from None

    def work(unit: Unit) -> SetPassword:
        found = _account(unit, account)
        members = unit.people.members(found.id, (user_name,))
        if not members:
            raise CannotStart(f"the account {found.name!r} has no user {user_name!r}")
        before = members[0]
        person = set_password(unit, before.person, password_hash, links=Links(clock, ids), now_ms=clock.millis())
        after = Member(person, before.grants)
        record(
            unit,
            Caller(found.id, "operator", "operator", None, ()),
            clock=clock,
            ids=ids,
            operation="person.set-password",
            object_type="person",
            object_id=user_name,
            before=audited(before),
            after=audited(after),
        )
        return SetPassword(found, user_name, chosen, _obstacle(after))

    async with _store(settings) as database:
        return await database.write(work)


@asynccontextmanager
async def _store(settings: Settings) -> AsyncIterator[Database]:
    path = Path(settings.data.folder)
    if not path.is_dir():  # noqa: ASYNC240 - a command, with nothing else on its loop
        raise CannotStart(f"there is no data folder {path}: name it with --data")
    folder = DataFolder.hold(path)
    try:
        database = await Database.open(state_url(settings, folder), on_events=lambda _events: None)
        try:
            yield database
        finally:
            await database.close()
    finally:
        folder.release()


def _account(unit: Unit, named: str | None) -> Account:
    if named is not None:
        found = unit.accounts.by_host(named.lower()) or unit.accounts.by_number(named)
        if found is None:
            raise CannotStart(f"no account answers to {named!r}: see 'cloudstead account list'")
        return found
    accounts = unit.accounts.all()
    if len(accounts) != 1:
        raise CannotStart(f"there are {len(accounts)} accounts: name one with --account")
    return accounts[0]


def _obstacle(member: Member) -> str | None:
    if not member.person.is_enabled:
        return "the user is disabled"
    if not member.person.is_confirmed:
        return "the mail address is not confirmed yet"
    return None if member.grants else "the user has no role and no domain yet"
