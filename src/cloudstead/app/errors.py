"""Why the service cannot start: errors that the operator puts right, told in one line each."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST_REASON: Final = 200


def reason_of(error: BaseException) -> str:
    """Return in a few words what is at the bottom of an error that wraps others: libraries tell it in paragraphs."""
    bottom = error
    # A cancellation below a time-out is how the time-out was made.
    while not isinstance(bottom, TimeoutError) and (below := bottom.__cause__ or bottom.__context__) is not None:
        bottom = below
    if isinstance(bottom, TimeoutError):
        return "No answer in time"
    if isinstance(bottom, ConnectionError) and bottom.errno:
        return os.strerror(bottom.errno)  # asyncio puts the address into the error's own text
    if isinstance(bottom, OSError) and bottom.strerror:
        return bottom.strerror
    words = " ".join(str(bottom).split()) or type(bottom).__name__
    return words if len(words) <= _LONGEST_REASON else words[:_LONGEST_REASON] + "..."


class CannotStart(Exception):
    """Something outside of the program stands in the way; the message says what, and what to do."""


class DataInUse(CannotStart):
    """Another process holds the data folder; ``pid`` is its number where it could be read."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        holder = f"process {pid}" if pid else "another process"
        super().__init__(f"{folder} is in use by {holder}: stop it, or name another folder with --data.")
        self.folder = folder
        self.pid = pid


class DataFolderUnusable(CannotStart):
    """The data folder cannot be made, read or written."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"{folder} cannot be used: {reason}. Name another folder with --data.")
        self.folder = folder
        self.reason = reason


class ObservationsUnusable(CannotStart):
    """The store of the observations does not open, or the server that holds it does not answer."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"The observations at {place} cannot be opened: {reason}. See 'cloudstead doctor'.")
        self.place = place
        self.reason = reason


class ObjectsUnusable(CannotStart):
    """The bucket or the folder of files and archives cannot be used."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"The files at {place} cannot be reached: {reason}. See the settings of 'objects'.")
        self.place = place
        self.reason = reason


class AddressUnusable(CannotStart):
    """A listener cannot have its address: somebody else has it, or this machine does not know it."""

    def __init__(self, setting: str, address: str, reason: str) -> None:
        super().__init__(f"{setting}: cannot listen on {address}: {reason}. Choose another one with --{setting}.")
        self.setting = setting
        self.address = address
        self.reason = reason
