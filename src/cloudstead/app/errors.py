"""Why the service cannot start: errors that the operator puts right, told in one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


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


class AddressUnusable(CannotStart):
    """A listener cannot have its address: somebody else has it, or this machine does not know it."""

    def __init__(self, setting: str, address: str, reason: str) -> None:
        super().__init__(f"{setting}: cannot listen on {address}: {reason}. Choose another one with --{setting}.")
        self.setting = setting
        self.address = address
        self.reason = reason
