"""Invitations, as administrators see and make them (account management, version 3, AccountUserInvitations)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from cloudstead.core.access.whole_account import require_at_root
from cloudstead.core.accounts.errors import AccountNotFound
from cloudstead.core.accounts.limits import PEOPLE, require_room
from cloudstead.core.audit.record import Trail
from cloudstead.core.errors import InvalidField
from cloudstead.core.identityproviders.profiles import bind, profiles_of
from cloudstead.core.ids import PersonId
from cloudstead.core.invitations.errors import InvitationNotFound
from cloudstead.core.invitations.model import Invitation, InvitationId
from cloudstead.core.mail import templates
from cloudstead.core.paging import Page
from cloudstead.core.people.errors import EmailTaken
from cloudstead.core.people.model import Person, Stage
from cloudstead.core.people.profile import MAX_USER_NAME_CHARS, require_email
from cloudstead.core.people.standing import Status
from cloudstead.core.people.users import ADMINISTER, READ, add_membership, count_people, take_out
from cloudstead.core.policygroups.members import require_may_give

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.accounts.acting import Acting
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.caller import Caller, Grant
    from cloudstead.core.clock import Clock
    from cloudstead.core.identityproviders.model import IdentityProvider
    from cloudstead.core.ids import AccountId, IdSource, PolicyGroupId
    from cloudstead.core.paging import PageRequest
    from cloudstead.core.people.ports import Letters
    from cloudstead.core.policygroups.registry import PolicyGroups
    from cloudstead.core.unit import Unit

ACCEPT_PATH: Final = "/people/accept"
VALID_DAYS: Final = 30
MOST_VALID_DAYS: Final = 100

_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 24 * 60 * _MINUTE_MS
_SECRET_BYTES: Final = 32
_MOST_PROVEN: Final = 100  # people who have proved the same address, each in an account of its own
_QUIET_MS: Final = 60_000
"""Whoever may invite into a single domain does not get to fill a mailbox."""


@dataclass(frozen=True, slots=True)
class ShownInvitation:
    """An invitation, with the providers by which the person may come."""

    invitation: Invitation
    providers: Sequence[IdentityProvider]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who is asked in, and into what."""

    person_id: PersonId
    email: str
    groups: tuple[PolicyGroupId, ...]
    valid_ms: int = VALID_DAYS * _DAY_MS
    into_account: bool = True


class Invitations:
    """The open invitations of accounts. ``public_url`` is where our pages are reached, without a slash at its end."""

    def __init__(self, clock: Clock, ids: IdSource, *, letters: Letters, groups: PolicyGroups, public_url: str) -> None:
        self._clock = clock
        self._ids = ids
        self._letters = letters
        self._groups = groups
        self._public_url = public_url
        self._trail = Trail[Invitation](
            clock, ids, object_type="invitation", name_of=lambda each: each.id, fields_of=_audited
        )

    def invite(
        self,
        unit: Unit,
        acting: Acting,
        *,
        email: str,
        group_ids: Sequence[PolicyGroupId] = (),
        valid_days: int = VALID_DAYS,
        provider_ids: Sequence[str] | None = None,
    ) -> ShownInvitation:
        """Ask somebody in by mail; an open invitation to the same address is replaced.

        Raise ``EmailTaken`` when somebody of the account has that address, ``InvalidField`` and ``GroupGivesTooMuch``.
        """
        caller, account = acting.caller, acting.account
        require_at_root(caller, ADMINISTER)
        require_email(email)
        if not 1 <= valid_days <= MOST_VALID_DAYS:
            raise InvalidField("valid_for_days", f"must be a number from 1 to {MOST_VALID_DAYS}")
        groups = self._groups.find_named(unit, caller, tuple(group_ids))
        require_may_give(unit, caller, groups)
        person_id = self._invited(unit, account.id, email)
        if provider_ids is not None:
            bind(unit, account, person_id, provider_ids)
        asked = _Asked(person_id, email, tuple(group.id for group in groups), valid_days * _DAY_MS)
        invitation = self._sent(unit, caller, account, asked)
        return _shown(unit, account, (invitation,))[0]

    def ask_into(self, unit: Unit, caller: Caller, *, email: str, grant: Grant) -> PersonId:
        """Ask somebody who is not in the account into one domain, and return who that is; asking again mails again.

        The membership shows the grant from now on, and opens with the invitation. Whoever calls this has made sure that
        the caller may give the grant. Raise ``EmailTaken`` for somebody who is in the account already.
        """
        require_email(email)
        account = unit.accounts.get(caller.account_id)
        if account is None:
            raise AccountNotFound
        person_id = self._invited(unit, account.id, email)
        membership = unit.people.membership(account.id, person_id)
        if membership is not None and grant not in membership.grants:
            unit.people.put_membership(replace(membership, grants=(*membership.grants, grant)))
        earlier, now_ms = unit.invitations.of_person(account.id, person_id), self._clock.millis()
        if earlier is not None and now_ms - earlier.created_at_ms < _QUIET_MS:
            return person_id  # the mail of a moment ago says all that this one would
        asked = _Asked(person_id, email, (), into_account=False)
        if earlier is not None and earlier.into_account and earlier.expires_at_ms > now_ms:
            # What an administrator has promised goes along and ends as it was to: it is not the caller's to give.
            asked = _Asked(person_id, email, earlier.groups, earlier.expires_at_ms - now_ms)
        self._sent(unit, caller, account, asked)
        return person_id

    def drop(self, unit: Unit, caller: Caller, person: Person) -> None:
        """Take back what was sent to somebody who has not come in, and with it the person."""
        invitation = unit.invitations.of_person(caller.account_id, person.id)
        unit.invitations.remove_of(caller.account_id, person.id)
        take_out(unit, caller.account_id, person)
        if invitation is not None:
            self._trail.removed(unit, caller, "invitation.withdraw", invitation)

    def _sent(self, unit: Unit, caller: Caller, account: Account, asked: _Asked) -> Invitation:
        """Mail an invitation in place of any earlier one."""
        unit.invitations.remove_of(account.id, asked.person_id)
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        now_ms = self._clock.millis()
        invitation = Invitation(
            id=InvitationId(self._ids.new()),
            account_id=account.id,
            person_id=asked.person_id,
            email=asked.email,
            groups=asked.groups,
            secret_hash=hashlib.sha256(secret.encode()).digest(),
            created_at_ms=now_ms,
            updated_at_ms=now_ms,
            expires_at_ms=now_ms + asked.valid_ms,
            into_account=asked.into_account,
        )
        unit.invitations.add(invitation)
        letter = templates.join(
            to=asked.email,
            account_name=account.name,
            link=f"{self._public_url}{ACCEPT_PATH}?{urlencode({'token': invitation.id + secret})}",
            valid_minutes=max(1, asked.valid_ms // _MINUTE_MS),
        )
        self._letters.send(unit, account.id, letter)
        self._trail.made(unit, caller, "invitation.create", invitation)
        return invitation

    def get(self, unit: Unit, acting: Acting, invitation_id: InvitationId) -> ShownInvitation:
        """Return an open invitation; raise ``InvitationNotFound``."""
        require_at_root(acting.caller, READ)
        return _shown(unit, acting.account, (self._open(unit, acting, invitation_id),))[0]

    def page(
        self, unit: Unit, acting: Acting, request: PageRequest, *, provider_id: str | None = None
    ) -> Page[ShownInvitation]:
        """Return one page of the open invitations, or of those to people who come by one provider."""
        require_at_root(acting.caller, READ)
        found = unit.invitations.page(acting.account.id, request, now_ms=self._clock.millis(), provider_id=provider_id)
        return Page(tuple(_shown(unit, acting.account, found.items)), found.after, found.total)

    def withdraw(self, unit: Unit, acting: Acting, invitation_id: InvitationId) -> None:
        """Take an invitation back, and with it whoever has not come in by another way."""
        require_at_root(acting.caller, ADMINISTER)
        invitation = self._open(unit, acting, invitation_id)
        unit.invitations.remove(invitation.id)
        resident = unit.members.get(acting.account.id, invitation.person_id)
        if resident is not None and resident.standing.stage is Stage.INVITED:
            take_out(unit, acting.account.id, resident.person)
        self._trail.removed(unit, acting.caller, "invitation.withdraw", invitation)

    def _open(self, unit: Unit, acting: Acting, invitation_id: InvitationId) -> Invitation:
        invitation = unit.invitations.get(invitation_id)
        is_open = (
            invitation is not None
            and invitation.account_id == acting.account.id
            and invitation.expires_at_ms > self._clock.millis()
        )
        if invitation is None or not is_open:
            raise InvitationNotFound
        return invitation

    def _invited(self, unit: Unit, account_id: AccountId, email: str) -> PersonId:
        """Return who is invited: somebody invited before, the one person known by that address, or somebody new.

        An address counts as known once its owner has used a link that was mailed there: whatever an administrator
        elsewhere has typed proves nothing.
        """
        person = unit.members.with_email(account_id, email)
        resident = None if person is None else unit.members.get(account_id, person.id)
        if resident is not None and resident.status is not Status.INVITED:
            raise EmailTaken
        if resident is not None:
            return resident.person.id
        require_room(unit, account_id, PEOPLE, used=count_people(unit, account_id))
        proven = [each for each in unit.members.proven(email, limit=_MOST_PROVEN) if each.may_enter]
        if len(proven) == 1 and unit.people.by_user_name(account_id, proven[0].user_name) is None:
            add_membership(unit, account_id, proven[0].id, Stage.INVITED, now_ms=self._clock.millis())
            return proven[0].id
        return self._newcomer(unit, account_id, email)

    def _newcomer(self, unit: Unit, account_id: AccountId, email: str) -> PersonId:
        person_id = PersonId(self._ids.new())
        is_free = len(email) <= MAX_USER_NAME_CHARS and not unit.members.any_called(email)
        unit.people.add(
            Person(
                id=person_id,
                home_account_id=account_id,
                user_name=email if is_free else person_id,  # until one is chosen
                password_hash="",
                email=email,
                created_at_ms=self._clock.millis(),
                is_confirmed=False,
            )
        )
        add_membership(unit, account_id, person_id, Stage.INVITED, now_ms=self._clock.millis())
        return person_id


def _shown(unit: Unit, account: Account, invitations: Sequence[Invitation]) -> list[ShownInvitation]:
    providers = profiles_of(unit, account, [each.person_id for each in invitations])
    return [ShownInvitation(each, providers[each.person_id]) for each in invitations]


def _audited(invitation: Invitation) -> dict[str, Any]:
    return {
        "email": invitation.email,
        "person_id": invitation.person_id,
        "groups": list(invitation.groups),
        "expires_at_ms": invitation.expires_at_ms,
    }
