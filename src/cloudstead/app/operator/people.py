"""The operator's desk for people: passwords, for whoever cannot get at a mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from cloudstead.app.accounts import random_password
from cloudstead.app.operator.asks import LinkMade, PasswordSet
from cloudstead.app.operator.desk import OperatorRefused, find_account, operator_in, utc
from cloudstead.core.audit.record import record
from cloudstead.core.identityproviders.profiles import may_use_password
from cloudstead.core.people.credentials import set_password
from cloudstead.core.people.links import Links, Purpose, lifetime_ms
from cloudstead.core.people.mails import SET_PASSWORD_PATH
from cloudstead.core.people.model import Member
from cloudstead.core.people.profile import SHORTEST_CHOSEN_PASSWORD, require_password
from cloudstead.core.people.registry import audited

if TYPE_CHECKING:
    from cloudstead.app.operator.asks import MakeLink, SetPassword
    from cloudstead.app.operator.desk import Desk
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.unit import Unit

_BY_PROVIDER: Final = "the user comes by an identity provider only"


async def put_password(desk: Desk, asked: SetPassword) -> PasswordSet:
    """Set somebody's password, a random one unless it is given, and end all that the old one opened."""
    chosen = asked.password or random_password()
    require_password(chosen, shortest=SHORTEST_CHOSEN_PASSWORD)
    password_hash = await desk.hasher.hash(chosen)

    def write(unit: Unit) -> PasswordSet:
        account = find_account(unit, asked.account)
        before = member_called(unit, account, asked.user_name)
        links = Links(desk.clock, desk.ids)
        person = set_password(unit, before.person, password_hash, links=links, now_ms=desk.clock.millis())
        after = Member(person, before.grants)
        _record(desk, unit, account, "person.set-password", before=before, after=after)
        return PasswordSet(
            account=account.name,
            account_number=account.number,
            user_name=person.user_name,
            password=None if asked.password else chosen,
            obstacle=_obstacle(unit, account, after),
        )

    return await desk.database.write(write)


async def make_link(desk: Desk, asked: MakeLink) -> LinkMade:
    """Make the link that a mail for a forgotten password would hold; the old password works until it is used."""
    if not desk.public_url:
        raise OperatorRefused("Nobody knows where the link should lead: set public.url, or start the service.")

    def write(unit: Unit) -> LinkMade:
        account = find_account(unit, asked.account)
        member = member_called(unit, account, asked.user_name)
        person = member.person
        if not person.is_enabled:
            raise OperatorRefused(f"The user {person.user_name!r} is disabled: a link would not let anybody in.")
        if not may_use_password(unit, account.id, person.id):
            raise OperatorRefused(f"A password would not let {person.user_name!r} in: {_BY_PROVIDER}.")
        purpose = Purpose.SET_PASSWORD if person.must_set_password else Purpose.FORGOT_PASSWORD
        token = Links(desk.clock, desk.ids).make(unit, account.id, person, purpose)
        _record(desk, unit, account, "person.make-link", before=member, after=member)
        return LinkMade(
            account=account.name,
            account_number=account.number,
            user_name=person.user_name,
            email=person.email,
            link=f"{desk.public_url}{SET_PASSWORD_PATH}?{urlencode({'token': token})}",
            expires_at=utc(desk.clock.millis() + lifetime_ms(unit, account.id, purpose)),
        )

    return await desk.database.write(write)


def member_called(unit: Unit, account: Account, user_name: str) -> Member:
    """Return somebody of the account; raise ``OperatorRefused``."""
    members = unit.people.members(account.id, (user_name,))
    if not members:
        raise OperatorRefused(f"The account {account.name!r} has no user {user_name!r}.")
    return members[0]


def _record(desk: Desk, unit: Unit, account: Account, operation: str, *, before: Member, after: Member) -> None:
    record(
        unit,
        operator_in(account),
        clock=desk.clock,
        ids=desk.ids,
        operation=operation,
        object_type="person",
        object_id=after.person.user_name,
        before=audited(before),
        after=audited(after),
    )


def _obstacle(unit: Unit, account: Account, member: Member) -> str | None:
    if not account.is_usable:
        return f"the account is {account.status.lower()}"
    if not member.person.is_enabled:
        return "the user is disabled"
    if not member.person.is_confirmed:
        return "the mail address is not confirmed yet"
    if not may_use_password(unit, account.id, member.person.id):
        return _BY_PROVIDER
    return None if member.grants else "the user has no role and no domain yet"
