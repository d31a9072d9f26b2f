"""How far each consumer of the log has come, for consumers whose own store cannot remember it."""

import re
from pathlib import Path

from cloudstead.log.disk import replace_durably
from cloudstead.log.errors import CheckpointCorrupt

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*", re.ASCII)
_CONTENT = re.compile(rb"([0-9]{1,20})\n")


class Checkpoints:
    """One small file per consumer, holding the last offset that the consumer has finished with."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, name: str) -> int:
        """Return the last offset that a consumer has finished with, 0 when it has not begun; read on behind it."""
        path = self._path(name)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return 0
        match = _CONTENT.fullmatch(content)
        if match is None:
            raise CheckpointCorrupt(path)
        return int(match[1])

    def store(self, name: str, offset: int) -> None:
        """Remember durably that a consumer has finished with an offset; costs two fsyncs, so once per many records."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_durably(self._path(name), b"%d\n" % offset)

    def _path(self, name: str) -> Path:
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{name!r} does not name a consumer")
        return self._folder / f"{name}.offset"
