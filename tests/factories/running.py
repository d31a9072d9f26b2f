"""A cloud that really runs, in a process of its own, for tests that are its users."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_READY = "cloudstead is ready."
_STOPS_WITHIN_S = 30


@contextmanager
def running_cloud(folder: Path, command: str = "demo", *arguments: str) -> Iterator[dict[str, Any]]:
    """Run ``cloudstead demo`` or ``serve`` on free ports; give what the ready file says, and stop it afterwards.

    Data is kept in ``folder``/data, so that a second cloud in the same folder goes on where the first one stopped.
    The log of the process goes to ``folder``/log.txt, and into the message when it does not come up.
    """
    ready_file = folder / "ready.json"
    listeners = ("--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--mqtts", "127.0.0.1:0")
    places = ("--data", str(folder / "data"), "--ready-file", str(ready_file))
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cloudstead.app", command, *places, *listeners, *arguments],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.strip() == _READY:
                break
        else:
            told = (folder / "log.txt").read_text(encoding="utf-8")
            raise AssertionError(f"the cloud did not come up, exit code {process.wait()}:\n{told}")
        yield json.loads(ready_file.read_text(encoding="utf-8"))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOPS_WITHIN_S)
        finally:
            process.kill()
            process.stdout.close()
