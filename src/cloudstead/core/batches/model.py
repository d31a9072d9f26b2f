"""A batch, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId, BatchId, DomainId, PersonId, ThingTypeId

LARGEST: Final = 1000
"""Things in one batch (Cloud Connect 2.11, section 7.1.1.3)."""

DEFAULT_CONCURRENCY: Final = 3
"""Cloud Connect 2.11, section 7.1.1.1."""


@dataclass(frozen=True, slots=True)
class BatchError:
    """Why the ``number``-th thing, counted from 1, could not be made."""

    number: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What was asked for, by whom, and what has become of it.

    ``key`` is the name of the archive in its bucket; ``size`` (bytes) and ``etag`` are the archive's, once it is there.
    """

    id: BatchId
    account_id: AccountId
    key: str
    thing_type: ThingTypeId
    domain_id: DomainId
    requested_size: int
    concurrency: int
    created_by: str
    principal: str
    person_id: PersonId | None
    source_address: str | None
    created_at_ms: int
    current_size: int = 0
    errors: tuple[BatchError, ...] = ()
    finished_at_ms: int | None = None
    size: int = 0
    etag: str = ""

    @property
    def tried(self) -> int:
        """How many things were made or could not be."""
        return self.current_size + len(self.errors)

    @property
    def is_complete(self) -> bool:
        """Whether every thing was made and the archive can be fetched."""
        return self.finished_at_ms is not None and not self.errors
