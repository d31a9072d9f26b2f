"""Forgetting people who were waited for in vain: those who never confirmed their address, and those who never came.

Both in bounded steps, so that no writer waits for long; whoever calls this goes on until a step finds nobody more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudstead.core.audit.record import record
from cloudstead.core.caller import Caller
from cloudstead.core.credentials.events import ApiKeyWithdrawn
from cloudstead.core.people.events import PersonChanged
from cloudstead.core.people.model import Member, Stage
from cloudstead.core.people.registry import audited
from cloudstead.core.people.users import take_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.unit import Unit

UNCONFIRMED_KEPT_MS: Final = 30 * 24 * 60 * 60 * 1000
"""How long whoever signed up may take to confirm. The link lives seven days, and a newer one can be asked for."""

AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Removes people; each removal is in the trail of the account."""

    clock: Clock
    ids: IdSource

    def unconfirmed(self, unit: Unit) -> int:
        """Remove people who signed up and never confirmed; return how many.

        Whoever was given a role or a group stays, for an administrator has decided about them, and so does whoever
        has a link that still works.
        """
        now_ms = self.clock.millis()
        waited_for = unit.people.never_confirmed(now_ms - UNCONFIRMED_KEPT_MS, now_ms=now_ms, limit=AT_ONCE)
        person_ids = [each.id for each in waited_for]
        keys = unit.api_keys.ids_of(person_ids)
        unit.people.remove(person_ids)
        for each in waited_for:
            before = audited(Member(each, ()))
            self._record(unit, each.home_account_id, "person.forget", object_id=each.user_name, before=before)
            unit.emit(PersonChanged(each.home_account_id, each.id))
        for key_id in keys:
            unit.emit(ApiKeyWithdrawn(key_id))
        return len(waited_for)

    def uninvited(self, unit: Unit) -> int:
        """Remove invitations that have expired, and with each whoever has not come in by it; return how many."""
        expired = unit.invitations.expired(self.clock.millis(), limit=AT_ONCE)
        for each in expired:
            unit.invitations.remove(each.id)
            resident = unit.members.get(each.account_id, each.person_id)
            if resident is not None and resident.standing.stage is Stage.INVITED:
                take_out(unit, each.account_id, resident.person)
            before = {"email": each.email, "person_id": each.person_id, "groups": list(each.groups)}
            self._record(unit, each.account_id, "invitation.expire", object_id=each.id, before=before)
        return len(expired)

    def _record(
        self, unit: Unit, account_id: AccountId, operation: str, *, object_id: str, before: Mapping[str, object]
    ) -> None:
        record(
            unit,
            Caller(account_id, "cloudstead", "cloudstead", None, ()),
            clock=self.clock,
            ids=self.ids,
            operation=operation,
            object_type=operation.partition(".")[0],
            object_id=object_id,
            before=before,
        )
