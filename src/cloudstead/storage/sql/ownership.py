"""One process owns a SQLite file: its group commit, its caches and its order of events assume it."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from cloudstead.storage.sql.errors import StoreInUse, StoreNotUsable

if TYPE_CHECKING:
    from pathlib import Path


class Ownership:
    """An advisory lock on ``<file>.lock``; the kernel lets go of it when the process dies, however that happens."""

    def __init__(self, path: Path) -> None:
        lock_path = path.with_name(f"{path.name}.lock")
        try:
            self._file = lock_path.open("a+", encoding="ascii")
        except OSError as error:
            raise StoreNotUsable(str(lock_path), f"{error.strerror}: check that we may write there") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.seek(0)
            owner = self._file.read().strip()
            self._file.close()
            raise StoreInUse(path, owner) from error
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        """Let another process own the file; the lock file stays, because removing it would race."""
        self._file.close()
