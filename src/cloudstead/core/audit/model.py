"""One entry of the audit trail, and which ones somebody asks for."""

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


@dataclass(frozen=True, slots=True)
class NamedEntry:
    """An entry with the user name of who it was; ``None`` for things, and for whom the reader cannot know."""

    entry: AuditEntry
    user_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Entries that are asked for: those that are all of what is given. Both times are included."""

    operation: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    principal: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
