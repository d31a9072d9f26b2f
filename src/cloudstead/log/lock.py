"""One process, one log: a lock file that names its holder and is let go by the kernel when the holder dies."""

import fcntl
import os
from pathlib import Path

from cloudstead.log.errors import LogInUse


class FolderLock:
    """The exclusive right to a folder, held from construction to `release`."""

    __slots__ = ("_fd",)

    def __init__(self, folder: Path) -> None:
        path = folder / "lock"
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            # flock, not lockf: a POSIX record lock would let this very process in twice, and would be lost as soon as
            # any other descriptor of the file is closed.
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(fd, 0)
            os.pwrite(fd, b"%d\n" % os.getpid(), 0)
        except BlockingIOError as error:
            holder = os.pread(fd, 20, 0).strip()
            os.close(fd)
            raise LogInUse(folder, int(holder) if holder.isdigit() else None) from error
        except OSError:
            os.close(fd)
            raise
        self._fd = fd

    def release(self) -> None:
        """Let the folder go. The file stays: removing it would race with whoever opens it next."""
        os.close(self._fd)
