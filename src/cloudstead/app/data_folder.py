"""The data folder: where everything lies, and the right of one process at a time to hold it."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from cloudstead.app.errors import DataFolderUnusable, DataInUse

if TYPE_CHECKING:
    from pathlib import Path


class DataFolder:
    """A folder that this process holds from ``hold`` to ``release``; the kernel lets go when the process dies."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def hold(cls, path: Path) -> DataFolder:
        """Make the folder if need be and take it; raise ``DataInUse`` or ``DataFolderUnusable``."""
        path = path.absolute()
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise DataFolderUnusable(path, (error.strerror or str(error)).lower()) from None
        try:
            # flock, not lockf: a POSIX record lock is lost as soon as any other descriptor of the file is closed.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).strip()
            os.close(lock)
            raise DataInUse(path, int(holder) if holder.isdigit() else None) from None
        folder = cls(path, lock)
        try:
            os.ftruncate(lock, 0)
            os.pwrite(lock, b"%d\n" % os.getpid(), 0)
            for part in (folder.log, folder.mails, folder.observations, folder.objects, folder.keys, folder.agent):
                part.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            folder.release()
            raise DataFolderUnusable(path, (error.strerror or str(error)).lower()) from None
        return folder

    def release(self) -> None:
        """Let the folder go. The lock file stays: removing it would race with whoever takes it next."""
        os.close(self._lock)

    @property
    def state_file(self) -> Path:
        """The SQLite file of the state."""
        return self.path / "state.sqlite"

    @property
    def log(self) -> Path:
        """The folder of the commit log."""
        return self.path / "log"

    @property
    def index_backlog(self) -> Path:
        """The folder of what the index could not take yet: within the log's, as it counts by its offsets."""
        return self.log / "index-backlog"

    @property
    def observations(self) -> Path:
        """The folder of the embedded column store."""
        return self.path / "observations"

    @property
    def objects(self) -> Path:
        """The folder of files and archives."""
        return self.path / "objects"

    @property
    def mails(self) -> Path:
        """The folder of mails that were not sent, because no mail server is named."""
        return self.path / "mails"

    @property
    def keys(self) -> Path:
        """The folder of the installation's secrets."""
        return self.path / "keys"

    @property
    def agent(self) -> Path:
        """The folder of the bundle with which this machine connects as a thing."""
        return self.path / "agent"

    @property
    def ca_file(self) -> Path:
        """The certificate that clients trust; no secret."""
        return self.path / "ca.pem"

    @property
    def demo_file(self) -> Path:
        """What ``demo`` made when it ran first."""
        return self.path / "demo.json"


def holder_of(path: Path) -> int | None:
    """Return the number of the process that holds the folder, ``None`` when nobody does; takes nothing."""
    try:
        lock = os.open(path / "lock", os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 20, 0).strip()
        return int(holder) if holder.isdigit() else 0
    finally:
        os.close(lock)
    return None
