"""Writing the audit trail: every change, by whom, from where, through which operation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from cloudstead.core.audit.model import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import IdSource
    from cloudstead.core.unit import Unit

T = TypeVar("T")

HIDDEN: Final = "(hidden)"
"""Stands where a secret would: that it changed may be known, what it was may not."""

_SECRET: Final = re.compile(r"password|secret|token|private_?key|hash", re.IGNORECASE)
_MISSING: Final = object()


def record(
    unit: Unit,
    caller: Caller,
    *,
    clock: Clock,
    ids: IdSource,
    operation: str,
    object_type: str,
    object_id: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry in the same transaction as the change.

    ``before`` and ``after`` are the object's fields. Of an object that was there before and after, only the fields that
    differ are kept; when none does, both stay empty. Secrets are hidden by the names of their fields.
    """
    unit.audit.add(
        entry_of(
            caller,
            clock=clock,
            ids=ids,
            operation=operation,
            object_type=object_type,
            object_id=object_id,
            before=before,
            after=after,
        )
    )


def entry_of(
    caller: Caller,
    *,
    clock: Clock,
    ids: IdSource,
    operation: str,
    object_type: str,
    object_id: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Return the entry that ``record`` adds."""
    if before is not None and after is not None:
        before, after = _differing(before, than=after), _differing(after, than=before)
    return AuditEntry(
        id=ids.new(),
        account_id=caller.account_id,
        at_ms=clock.millis(),
        principal=caller.principal,
        operation=operation,
        object_type=object_type,
        object_id=object_id,
        source_address=caller.source_address,
        before=_without_secrets(before),
        after=_without_secrets(after),
    )


class Trail(Generic[T]):
    """Records what happens to objects of one type: made, changed, removed."""

    def __init__(
        self,
        clock: Clock,
        ids: IdSource,
        *,
        object_type: str,
        name_of: Callable[[T], str],
        fields_of: Callable[[T], Mapping[str, Any]],
    ) -> None:
        """``name_of`` gives the object's id in the trail, ``fields_of`` what of it the trail shows."""
        self._clock = clock
        self._ids = ids
        self._object_type = object_type
        self._name_of = name_of
        self._fields_of = fields_of

    def made(self, unit: Unit, caller: Caller, operation: str, after: T) -> None:
        """Record that an object is there."""
        self._record(unit, caller, operation, after, after=self._fields_of(after))

    def changed(self, unit: Unit, caller: Caller, operation: str, before: T, after: T) -> None:
        """Record how an object was and how it is."""
        self._record(unit, caller, operation, after, before=self._fields_of(before), after=self._fields_of(after))

    def removed(self, unit: Unit, caller: Caller, operation: str, before: T) -> None:
        """Record that an object is gone."""
        self._record(unit, caller, operation, before, before=self._fields_of(before))

    def made_each(self, unit: Unit, caller: Caller, operation: str, after: Sequence[T]) -> None:
        """Record that several objects are there; one statement."""
        unit.audit.add_each([self._entry(caller, operation, each, after=self._fields_of(each)) for each in after])

    def changed_each(self, unit: Unit, caller: Caller, operation: str, changes: Sequence[tuple[T, T]]) -> None:
        """Record how several objects were and how they are; one statement."""
        unit.audit.add_each(
            [
                self._entry(caller, operation, after, before=self._fields_of(before), after=self._fields_of(after))
                for before, after in changes
            ]
        )

    def removed_each(self, unit: Unit, caller: Caller, operation: str, before: Sequence[T]) -> None:
        """Record that several objects are gone; one statement."""
        unit.audit.add_each([self._entry(caller, operation, each, before=self._fields_of(each)) for each in before])

    def _record(self, unit: Unit, caller: Caller, operation: str, subject: T, **fields: Mapping[str, Any]) -> None:
        unit.audit.add(self._entry(caller, operation, subject, **fields))

    def _entry(self, caller: Caller, operation: str, subject: T, **fields: Mapping[str, Any]) -> AuditEntry:
        return entry_of(
            caller,
            clock=self._clock,
            ids=self._ids,
            operation=operation,
            object_type=self._object_type,
            object_id=self._name_of(subject),
            **fields,
        )


def _differing(fields: Mapping[str, Any], *, than: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if than.get(name, _MISSING) != value}


def _without_secrets(fields: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return _shown(fields) if fields else None


def _shown(value: Any) -> Any:
    """Return a value with what goes by the name of a secret hidden, however deep."""
    if isinstance(value, (list, tuple)):
        return [_shown(each) for each in value]
    if isinstance(value, dict):
        return {name: HIDDEN if _SECRET.search(name) else _shown(each) for name, each in value.items()}
    return value
