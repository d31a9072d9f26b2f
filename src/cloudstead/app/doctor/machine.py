"""Disk, memory, open files and the engine of the column store."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil

from cloudstead.app.doctor.finding import Finding, State
from cloudstead.app.open_files import most_open_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cloudstead.app.settings import Settings

_GIGABYTE = 1 << 30
_DISK_LEAST = 1 * _GIGABYTE  # SQLite copies its file before a migration, the column store merges its parts in copies
_DISK_GOOD = 5 * _GIGABYTE
_MEMORY_LEAST = 512 << 20  # an idle process takes about half of it
_OWN_FILES = 512  # everything but connections: about 100 when idle; searches and merges open parts of the store
_ENGINE_WITHIN_S = 60


def examine(folder: Path, settings: Settings) -> Iterator[Finding]:
    """Look at what the machine offers."""
    yield _disk(folder)
    yield _memory()
    yield _open_files(settings.limits.connections)
    if not settings.observations.url:
        yield _engine()


def _disk(folder: Path) -> Finding:
    place = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(place).free
    seen = f"{free / _GIGABYTE:.1f} GB free at {place}"
    if free < _DISK_LEAST:
        return Finding("disk", State.WRONG, seen, "Free some space, or keep the log and observations for fewer days.")
    if free < _DISK_GOOD:
        return Finding("disk", State.NOTE, seen, "Enough for now; watch it.")
    return Finding("disk", State.GOOD, seen)


def _memory() -> Finding:
    available = psutil.virtual_memory().available
    seen = f"{available >> 20} MB available"
    if available < _MEMORY_LEAST:
        return Finding(
            "memory", State.NOTE, seen, "The service idles below 250 MB; searches and connections take more."
        )
    return Finding("memory", State.GOOD, seen)


def _open_files(connections: int) -> Finding:
    limit = most_open_files()
    seen = f"limit {limit}"
    how = f"raise the hard limit to {connections + _OWN_FILES} (`LimitNOFILE` of systemd, `ulimit -Hn`)"
    if limit <= _OWN_FILES:
        return Finding("open files", State.WRONG, seen, f"Hardly enough to start: {how}.")
    if limit < connections + _OWN_FILES:
        advice = f"Good for about {limit - _OWN_FILES} connections; for {connections} {how}."
        return Finding("open files", State.NOTE, seen, advice)
    return Finding("open files", State.GOOD, seen)


def _engine() -> Finding:
    # In a process of its own: on a processor that is too old for it the engine does not raise, it is killed.
    command = [sys.executable, "-c", "import chdb; print(chdb.engine_version)"]
    try:
        outcome = subprocess.run(command, capture_output=True, text=True, timeout=_ENGINE_WITHIN_S, check=False)  # noqa: S603  # our own interpreter
    except subprocess.TimeoutExpired:
        return Finding("column store", State.WRONG, "does not load within a minute", "Look at the machine's load.")
    except OSError as error:
        refusal = f"{sys.executable} cannot be run: {error.strerror}"
        return Finding("column store", State.WRONG, refusal, "Use a Python that this user may run.")
    if outcome.returncode == 0:
        return Finding("column store", State.GOOD, f"engine {outcome.stdout.strip()}")
    reason = (outcome.stderr.strip().splitlines() or [f"ended with {outcome.returncode}"])[-1]
    return Finding(
        "column store", State.WRONG, reason, "Install the locked packages anew, or set observations.url to a server."
    )
