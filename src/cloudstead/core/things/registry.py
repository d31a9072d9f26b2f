"""Things: create, read, change and remove."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.reach import Reach
from cloudstead.core.audit.record import Trail
from cloudstead.core.domains.errors import DomainNotFound
from cloudstead.core.errors import InvalidField
from cloudstead.core.files.removals import ImageRemovals
from cloudstead.core.ids import ThingName, ThingUid
from cloudstead.core.patch import ABSENT, Patched, patched
from cloudstead.core.texts import require_line, require_prose
from cloudstead.core.things.errors import ThingNameTaken, ThingNotFound
from cloudstead.core.things.events import CertificatesRevoked, ThingChanged, ThingCreated, ThingRemoved
from cloudstead.core.things.model import NAME_PATTERN, Thing
from cloudstead.core.thingtypes.errors import ThingTypeNotFound, ThingTypeNotUsable

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.certificates import Certificates
    from cloudstead.core.ids import DomainId, IdSource, ThingTypeId
    from cloudstead.core.thingtypes.model import ThingType
    from cloudstead.core.unit import Unit

_READ: Final = Permission("thing:read")
_CREATE: Final = Permission("thing:create")
_UPDATE: Final = Permission("thing:update")
_REMOVE: Final = Permission("thing:remove")
_TRANSFER: Final = Permission("thing:transfer")


class Things:
    """The things of all accounts, as callers may see and change them."""

    def __init__(self, clock: Clock, ids: IdSource, certificates: Certificates) -> None:
        self._clock = clock
        self._ids = ids
        self._trail = Trail(clock, ids, object_type="thing", name_of=lambda each: each.name, fields_of=audited)
        self._certificates = certificates
        self._image_removals = ImageRemovals(clock, ids)

    def get(self, unit: Unit, caller: Caller, *, name: ThingName) -> Thing:
        """Return a thing; raise ``ThingNotFound`` or ``OutOfReach``."""
        return self.allowed(unit, caller, name=name, permission=_READ)

    def allowed(self, unit: Unit, caller: Caller, *, name: ThingName, permission: Permission) -> Thing:
        """Return a thing at whose domain the caller holds ``permission``; raise ``ThingNotFound`` or ``OutOfReach``."""
        reach = Reach.of(caller, permission, unit.domains.tree(caller.account_id))
        thing = unit.things.get(caller.account_id, name)
        if thing is None:
            raise ThingNotFound(name)
        reach.require(thing.domain_id)
        return thing

    def create(
        self,
        unit: Unit,
        caller: Caller,
        *,
        thing_type: ThingTypeId,
        domain_id: DomainId,
        name: ThingName | None = None,
        certify: Callable[[Unit, Thing], object] | None = None,
    ) -> Thing:
        """Make a thing with its first certificate; without a name it gets the next number of the account.

        ``certify`` is for things that bring a key of their own; the others get one of ours. The label of a thing is its
        name until somebody changes it (Cloud Connect 2.11, section 11.1.1.2).
        """
        tree = unit.domains.tree(caller.account_id)
        reach = Reach.of(caller, _CREATE, tree)
        if name is not None and NAME_PATTERN.fullmatch(name) is None:
            raise InvalidField("thing_name", "needs 1 to 128 of the letters, the digits, ':', '_' and '-'")
        found = unit.thing_types.get(caller.account_id, thing_type)
        if found is None:
            raise ThingTypeNotFound(thing_type, field="thing_type")
        if domain_id not in tree.nodes:
            raise DomainNotFound(domain_id, field="domain")
        reach.require(domain_id, field="domain")
        self.require_usable(reach, found, domain_id)
        if name is None:
            name = self._next_name(unit, caller)
        elif unit.things.get(caller.account_id, name) is not None:
            raise ThingNameTaken(name)
        thing = Thing(
            uid=ThingUid(self._ids.new()),
            account_id=caller.account_id,
            name=name,
            thing_type=thing_type,
            domain_id=domain_id,
            label=name,
            description=None,
            created_at_ms=self._clock.millis(),
            created_by=caller.user_name,
        )
        unit.things.add(thing)
        (certify or self._certificates.create)(unit, thing)
        unit.things.mark_for_index((thing.uid,))
        self._trail.made(unit, caller, "thing.create", thing)
        unit.emit(ThingCreated(thing, tree.path(domain_id)))
        return thing

    def update(
        self,
        unit: Unit,
        caller: Caller,
        *,
        name: ThingName,
        domain_id: Patched[DomainId] = ABSENT,
        label: Patched[str] = ABSENT,
        description: Patched[str | None] = ABSENT,
    ) -> Thing:
        """Change what is given; another domain moves the thing, whose topics are new from then on."""
        tree = unit.domains.tree(caller.account_id)
        reach = Reach.of(caller, _UPDATE, tree)
        if label is not ABSENT:
            require_line(label, field="label")
        if description is not ABSENT:
            require_prose(description, field="description")
        before = unit.things.get(caller.account_id, name)
        if before is None:
            raise ThingNotFound(name)
        target = patched(domain_id, before.domain_id)
        if target not in tree.nodes:
            raise DomainNotFound(target, field="domain")
        reach.require(before.domain_id)
        reach.require(target, field="domain")
        if target != before.domain_id:
            transfer = Reach.of(caller, _TRANSFER, tree)
            transfer.require(before.domain_id)
            transfer.require(target, field="domain")
        thing = replace(
            before,
            domain_id=target,
            label=patched(label, before.label),
            description=patched(description, before.description) or None,
        )
        unit.things.replace(thing)
        unit.things.mark_for_index((thing.uid,))
        self._trail.changed(unit, caller, "thing.update", before, thing)
        unit.emit(ThingChanged(before, tree.path(before.domain_id), thing, tree.path(target)))
        return thing

    def remove(self, unit: Unit, caller: Caller, *, name: ThingName) -> None:
        """Withdraw a thing's certificates and remove it with its shadow; its image follows."""
        thing = self.allowed(unit, caller, name=name, permission=_REMOVE)
        revoked = unit.certificates.revoke_all(caller.account_id, thing.uid, self._clock.millis())
        unit.things.remove(caller.account_id, thing.uid)
        self._image_removals.follow(unit, [thing])
        self._trail.removed(unit, caller, "thing.remove", thing)
        if revoked:
            unit.emit(CertificatesRevoked(tuple(revoked)))
        unit.emit(ThingRemoved(thing, unit.domains.tree(caller.account_id).path(thing.domain_id)))

    @staticmethod
    def require_usable(reach: Reach, thing_type: ThingType, domain_id: DomainId) -> None:
        """Let a type be used at its own domain and below, or raise ``ThingTypeNotUsable``.

        Say ``ThingTypeNotFound`` to those who do not see the type.
        """
        if reach.tree.is_within(domain_id, thing_type.domain_id):
            return
        if reach.covers(thing_type.domain_id):
            raise ThingTypeNotUsable(thing_type.id)
        raise ThingTypeNotFound(thing_type.id, field="thing_type")

    def _next_name(self, unit: Unit, caller: Caller) -> ThingName:
        """Return the next number as a name (Cloud Connect 2.11, section 11.1.1.1), passing over names already taken."""
        account = unit.accounts.get(caller.account_id)
        prefix = account.generated_prefix if account is not None else ""
        while True:
            number = unit.accounts.next_number(caller.account_id, "thing")
            name = ThingName(f"{prefix}{number:08d}")
            if unit.things.get(caller.account_id, name) is None:
                return name


def audited(thing: Thing) -> dict[str, Any]:
    """Return what the trail shows of a thing."""
    return {
        "uid": thing.uid,
        "thing_type": thing.thing_type,
        "domain": thing.domain_id,
        "label": thing.label,
        "description": thing.description,
    }
