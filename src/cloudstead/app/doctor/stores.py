"""The data folder, the state store, the log, and the clock that they were written by."""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from cloudstead.app.doctor import servers
from cloudstead.app.doctor.finding import Finding, State
from cloudstead.log import LogError
from cloudstead.log.frames import HEADER_BYTES, FrameBroken, decode_header, holds_later_batch, walk
from cloudstead.storage.sql.migrations import HEAD, VERSION_QUERY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudstead.app.settings import Settings

_RESTORE_LOG = "The start refuses it, since acknowledged records are at stake: restore the folder from a backup."
_CLOCK_SLACK = timedelta(minutes=1)


def examine(folder: Path, settings: Settings, *, holder: int | None, now: datetime) -> Iterator[Finding]:
    """Look at what is kept."""
    yield _folder(folder, holder)
    url = settings.storage.url
    if url.startswith("postgresql:"):
        yield servers.postgresql(url)
    elif url or folder.exists():
        yield _state(Path(url.removeprefix("sqlite:///")) if url else folder / "state.sqlite")
    if settings.observations.url:
        yield servers.clickhouse(settings.observations.url)
    if not folder.exists():
        return
    segments = sorted((folder / "log").glob("[0-9]*.log")) if (folder / "log").is_dir() else []
    if not settings.objects.url:
        yield _objects(folder / "objects")
    yield _log(segments, is_held=holder is not None)
    yield _clock(segments, now)


def _folder(folder: Path, holder: int | None) -> Finding:
    if not folder.exists():
        return Finding("data folder", State.NOTE, f"{folder} is not there", "It is made on the first start.")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        advice = "Run as its owner, or name another folder with --data."
        return Finding("data folder", State.WRONG, f"{folder} cannot be read and written", advice)
    user = "nobody" if holder is None else f"process {holder or '?'}"
    return Finding("data folder", State.GOOD, f"{folder}, held by {user}")


def _state(file: Path) -> Finding:
    if not file.exists():
        return Finding("state", State.NOTE, "no store yet", "It is made on the first start.")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as connection:
            (version,) = connection.execute(VERSION_QUERY).fetchone()
    except (sqlite3.Error, TypeError) as error:
        return Finding("state", State.WRONG, f"{file.name}: {error}", "Restore it from a backup.")
    seen = f"schema {version}, {file.stat().st_size >> 20} MB"
    if version > HEAD:
        return Finding("state", State.WRONG, seen, f"This release knows {HEAD}: install the one that wrote it.")
    if version < HEAD:
        return Finding("state", State.NOTE, seen, f"The next start brings it to {HEAD} and keeps a copy from before.")
    return Finding("state", State.GOOD, seen)


def _objects(folder: Path) -> Finding:
    if not folder.is_dir():
        return Finding("files", State.NOTE, "no folder yet", "It is made on the first start.")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Finding("files", State.WRONG, f"{folder} cannot be read and written", "Give it back to its owner.")
    if folder.stat().st_mode & 0o077:
        return Finding("files", State.WRONG, f"{folder} is open to others", f"Close it: chmod 700 {folder}")
    return Finding("files", State.GOOD, f"{folder}, private")


def _log(segments: list[Path], *, is_held: bool) -> Finding:
    if not segments:
        return Finding("log", State.NOTE, "no records yet", "It is begun on the first start.")
    last = segments[-1]
    size = sum(segment.stat().st_size for segment in segments)
    many = f"{len(segments)} segment" if len(segments) == 1 else f"{len(segments)} segments"
    seen = f"{many}, {size >> 20} MB, from record {int(segments[0].stem)}"
    try:
        broken = None if is_held else _broken_at(last)
    except OSError as error:
        return Finding("log", State.WRONG, f"{last.name}: {error.strerror}", "Give the folder back to its owner.")
    except LogError as error:
        return Finding("log", State.WRONG, str(error), _RESTORE_LOG)
    if broken is None:
        return Finding("log", State.GOOD, seen)
    if broken.hides_records:
        return Finding("log", State.WRONG, f"{last.name} is damaged at byte {broken.position}", _RESTORE_LOG)
    advice = "Left by a crash before anything was acknowledged: the next start cuts it off."
    return Finding("log", State.NOTE, f"{seen}; half a batch at byte {broken.position} of {last.name}", advice)


class _Broken(NamedTuple):
    position: int
    hides_records: bool  # sound records stand behind it, so it is no crash but damage


def _broken_at(segment: Path) -> _Broken | None:
    """Read a segment that nobody writes to; return where it stops being sound before its end."""
    descriptor = os.open(segment, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        header = decode_header(os.pread(descriptor, HEADER_BYTES, 0), segment)
        frames = walk(
            partial(os.pread, descriptor), header, position=HEADER_BYTES, offset=header.first_offset, end=size
        )
        try:
            deque(frames, maxlen=0)
        except FrameBroken as broken:
            rest = os.pread(descriptor, size - broken.position, broken.position)
            return _Broken(broken.position, holds_later_batch(rest, header, broken.offset))
    finally:
        os.close(descriptor)
    return None


def _clock(segments: list[Path], now: datetime) -> Finding:
    seen = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if not segments:
        return Finding("clock", State.GOOD, seen)
    written = datetime.fromtimestamp(segments[-1].stat().st_mtime, UTC)
    if now < written - _CLOCK_SLACK:
        advice = f"The log was written at {written:%Y-%m-%d %H:%M:%S}: set the clock before starting."
        return Finding("clock", State.WRONG, seen, advice)
    return Finding("clock", State.GOOD, seen)
