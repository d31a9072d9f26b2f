"""The ready report: what a script needs in order to use a service that has just come up."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from cloudstead.app.errors import CannotStart
from cloudstead.app.private_files import write_private

if TYPE_CHECKING:
    from pathlib import Path


class ReadyReport(msgspec.Struct, frozen=True, kw_only=True):
    """Where the service listens and, from ``demo``, how to sign in.

    ``http`` and ``https`` are addresses with scheme and real port, ``None`` when the listener is off; ``mqtts`` is
    ``host:port``. ``user_name``, ``password``, ``api_key`` and ``thing_name`` are there for ``demo`` only.
    ``account_count`` lets ``serve`` say how to open the first account.
    """

    http: str | None
    https: str | None
    mqtts: str | None
    ca_file: str
    hostname: str
    user_name: str | None
    password: str | None
    api_key: str | None
    manifest_url: str
    thing_name: str | None
    account_count: int

    def __repr__(self) -> str:
        """Show the addresses only."""
        return f"{type(self).__name__}(http={self.http!r}, https={self.https!r}, mqtts={self.mqtts!r})"


def require_place(path: Path) -> None:
    """Raise ``CannotStart`` when the report could not be written there, before anything is made or opened."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise CannotStart(f"--ready-file: there is no folder {folder}: make it first.")
    if path.is_dir():
        raise CannotStart(f"--ready-file: {path} is a folder: name a file in it.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CannotStart(f"--ready-file: {folder} cannot be written.")


def write_ready_file(path: Path, report: ReadyReport) -> None:
    """Write the report as JSON so that a reader sees all of it or nothing; only the owner may read it."""
    write_private(path, msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
