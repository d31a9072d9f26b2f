"""Writing the audit trail: every change, by whom, from where, through which operation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.audit.model import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import IdSource
    from cloudstead.core.unit import Unit

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
    if before is not None and after is not None:
        before, after = _differing(before, than=after), _differing(after, than=before)
    unit.audit.add(
        AuditEntry(
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
    )


def _differing(fields: Mapping[str, Any], *, than: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if than.get(name, _MISSING) != value}


def _without_secrets(fields: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not fields:
        return None
    return {name: HIDDEN if _SECRET.search(name) else value for name, value in fields.items()}
