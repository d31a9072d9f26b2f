"""One entry of the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who changed what. ``before`` and ``after`` never hold secrets."""

    id: str
    account_id: AccountId
    at_ms: int
    principal: str
    operation: str
    object_type: str
    object_id: str
    source_address: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
