"""Coming in by an invitation: whoever reads the mail chooses name and password, or shows the password held elsewhere.

Looking at an invitation changes nothing, for mail scanners follow every link they see.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cloudstead.core.audit.record import record
from cloudstead.core.caller import Caller
from cloudstead.core.invitations.errors import InvitationNotFound
from cloudstead.core.invitations.model import InvitationId
from cloudstead.core.people.credentials import set_password
from cloudstead.core.people.events import PersonChanged
from cloudstead.core.people.full_name import called
from cloudstead.core.people.model import Stage
from cloudstead.core.people.password_rules import shortest_password
from cloudstead.core.people.profile import require_password
from cloudstead.core.people.users import MAX_TEXT, add_membership, require_free_user_name, require_user_name
from cloudstead.core.policygroups.model import ADMINISTRATOR_GRANT, DEVELOPER_GRANT, GroupKind
from cloudstead.core.texts import require_line
from cloudstead.core.versions import touched

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.passwords import PasswordHasher
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.invitations.model import Invitation
    from cloudstead.core.people.links import Links
    from cloudstead.core.people.model import Person
    from cloudstead.core.people.sign_in import SignIn
    from cloudstead.core.unit import Database, Unit

_TOKEN: Final = re.compile(r"([0-9a-f]{32})([A-Za-z0-9_-]{43})")
_NOBODYS_HASH: Final = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInvitation:
    """What the page tells. ``user_name`` is that of somebody known already, who needs the password held elsewhere."""

    account_id: AccountId
    account_name: str
    email: str
    user_name: str | None
    shortest_password: int


class Accepting:
    """Takes invitations up; for the event loop's thread."""

    def __init__(
        self,
        database: Database,
        hasher: PasswordHasher,
        *,
        sign_in: SignIn,
        links: Links,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._sign_in = sign_in
        self._links = links
        self._clock = clock
        self._ids = ids

    async def look(self, token: str) -> OpenInvitation | None:
        """Return what to tell about an invitation, without using it; ``None`` for one that is not open."""
        return await self._database.read(lambda unit: self._look(unit, token))

    async def accept(
        self, token: str, *, user_name: str, full_name: str, password: str, source_address: str | None = None
    ) -> Person:
        """Come in as somebody new; raise ``InvitationNotFound``, ``InvalidField`` and ``UserNameTaken``."""
        opened = await self.look(token)
        if opened is None or opened.user_name is not None:
            raise InvitationNotFound
        require_user_name(user_name)
        if full_name:
            require_line(full_name, field="full_name", max_chars=MAX_TEXT)
        require_password(password, shortest=opened.shortest_password)
        password_hash = await self._hasher.hash(password)

        def write(unit: Unit) -> Person:
            invitation, person = self._taken(unit, token)
            if user_name != person.user_name:
                require_free_user_name(unit, user_name)
            named = replace(called(person, full_name), user_name=user_name, is_confirmed=True, is_email_verified=True)
            person = set_password(unit, named, password_hash, links=self._links, now_ms=self._clock.millis())
            self._let_in(unit, invitation, person, source_address)
            return person

        return await self._database.write(write)

    async def accept_as_known(self, token: str, *, password: str, source_address: str | None = None) -> Person:
        """Come in with the password held elsewhere; raise ``InvitationNotFound`` and what a login raises."""

        def read(unit: Unit) -> tuple[Account, Person]:
            invitation = self._find(unit, token)
            person = None if invitation is None else unit.people.get(invitation.person_id)
            home = None if person is None else unit.accounts.get(person.home_account_id)
            if invitation is None or person is None or home is None or home.id == invitation.account_id:
                raise InvitationNotFound
            return home, person

        home, person = await self._database.read(read)
        await self._sign_in.prove(home, person.user_name, password=password, source_address=source_address)

        def write(unit: Unit) -> Person:
            invitation, person = self._taken(unit, token)
            self._let_in(unit, invitation, person, source_address)
            return person

        return await self._database.write(write)

    def _look(self, unit: Unit, token: str) -> OpenInvitation | None:
        invitation = self._find(unit, token)
        person = None if invitation is None else unit.people.get(invitation.person_id)
        account = None if invitation is None else unit.accounts.get(invitation.account_id)
        if invitation is None or person is None or account is None or not account.is_usable:
            return None
        is_known = person.home_account_id != account.id
        return OpenInvitation(
            account_id=account.id,
            account_name=account.name,
            email=invitation.email,
            user_name=person.user_name if is_known else None,
            shortest_password=shortest_password(unit, account.id),
        )

    def _find(self, unit: Unit, token: str) -> Invitation | None:
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        invitation = unit.invitations.get(InvitationId(match[1]))
        expected = _NOBODYS_HASH if invitation is None else invitation.secret_hash
        matches = hmac.compare_digest(hashlib.sha256(match[2].encode()).digest(), expected)
        is_open = invitation is not None and matches and invitation.expires_at_ms > self._clock.millis()
        return invitation if is_open else None

    def _taken(self, unit: Unit, token: str) -> tuple[Invitation, Person]:
        """Use the invitation up; of two at the same time one wins."""
        invitation = self._find(unit, token)
        person = None if invitation is None else unit.people.get(invitation.person_id)
        if invitation is None or person is None or not unit.invitations.remove(invitation.id):
            raise InvitationNotFound
        return invitation, person

    def _let_in(self, unit: Unit, invitation: Invitation, person: Person, source_address: str | None) -> None:
        """Open the membership and let the person into the groups, as whoever invited was allowed to promise."""
        account_id = invitation.account_id
        resident = unit.members.get(account_id, person.id)
        if resident is None:
            add_membership(unit, account_id, person.id, Stage.INVITED, now_ms=self._clock.millis())
            resident = unit.members.get(account_id, person.id)
        if resident is not None:
            standing = replace(resident.standing, stage=Stage.OPEN)
            unit.members.put(touched(standing, now_ms=self._clock.millis()))
        groups = unit.policy_groups.named(account_id, invitation.groups)
        is_administrator = any(group.kind is GroupKind.ADMINISTRATORS for group in groups)
        membership = unit.people.membership(account_id, person.id)
        if membership is not None:
            own = (ADMINISTRATOR_GRANT,) if is_administrator else (DEVELOPER_GRANT,)
            # What somebody was given while the invitation lay in the mailbox stays, each thing once.
            grants = tuple(dict.fromkeys((*(own if invitation.into_account else ()), *membership.grants)))
            unit.people.put_membership(replace(membership, grants=grants))
        plain = [group for group in groups if group.kind is not GroupKind.ADMINISTRATORS]
        unit.policy_groups.put_people(plain, [person.id])
        record(
            unit,
            Caller(account_id, f"person:{person.id}", person.user_name, person.id, (), source_address),
            clock=self._clock,
            ids=self._ids,
            operation="invitation.accept",
            object_type="invitation",
            object_id=invitation.id,
            after={"person_id": person.id, "user_name": person.user_name, "groups": list(invitation.groups)},
        )
        unit.emit(PersonChanged(account_id, person.id))
