"""What can go wrong with the state store itself; each message says what to do.

::

    StoreError
    ├── StoreInUse          another process owns the SQLite file
    ├── SchemaTooNew        written by a later release than this one
    ├── StoreUnreachable    PostgreSQL does not answer, or refuses us
    ├── StoreNotUsable      the address or the file is not one that we can work with
    ├── StoreWriteFailed    the transaction could not be put on disk
    ├── StoreContended      too many transactions fought over the same rows
    └── StoreClosed         asked after ``close``
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.errors import CloudsteadError

if TYPE_CHECKING:
    from pathlib import Path


class StoreError(CloudsteadError):
    """The state store cannot do its work."""

    code = "store_error"


class StoreInUse(StoreError):
    """Another process owns the SQLite file; ``owner`` is what it wrote into the lock file."""

    code = "store_in_use"

    def __init__(self, path: Path, owner: str) -> None:
        super().__init__(f"{path} is in use by process {owner or '?'}: stop that one, or name another data folder.")
        self.path = path
        self.owner = owner


class SchemaTooNew(StoreError):
    """The schema has a version that this release does not know."""

    code = "schema_too_new"

    def __init__(self, found: str, known: str) -> None:
        super().__init__(
            f"The store has schema {found}, this release knows {known}: install the release that wrote it, "
            "or restore a backup taken before."
        )
        self.found = found
        self.known = known


class StoreUnreachable(StoreError):
    """PostgreSQL does not answer, or refuses us."""

    code = "store_unreachable"

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"PostgreSQL at {where} cannot be reached ({reason}): check that it runs and the address.")
        self.where = where
        self.reason = reason


class StoreNotUsable(StoreError):
    """The address or the file is not one that we can work with."""

    code = "store_not_usable"

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"{what}: {advice}.")
        self.what = what
        self.advice = advice


class StoreWriteFailed(StoreError):
    """The transaction could not be put on disk; nothing of it is there."""

    code = "store_write_failed"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The store could not be written ({reason}): check the disk.")
        self.reason = reason


class StoreContended(StoreError):
    """Too many transactions fought over the same rows; nothing of this one is there."""

    code = "store_contended"

    def __init__(self, attempts: int) -> None:
        super().__init__(f"The transaction gave way to others {attempts} times: try again.")
        self.attempts = attempts


class StoreClosed(StoreError):
    """The store was closed before this was asked."""

    code = "store_closed"

    def __init__(self) -> None:
        super().__init__("The store is closed.")
