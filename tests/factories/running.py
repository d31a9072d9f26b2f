"""A cloud that really runs, in a process of its own, for tests that are its users."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_READY = "cloudstead is ready."
_STOPS_WITHIN_S = 30


class FunctionRefused(Exception):
    """A function answered with an error; the text is its JSON."""


@dataclass
class RunningCloud:
    """A started cloud. ``ready`` is what its ready file says."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]

    def invoke(self, function: str, **payload: Any) -> Any:
        """Invoke a function by its logical name, with the API key of the demo's administrator."""
        request = urllib.request.Request(
            f"{self.ready['http']}/functions/{function}",
            json.dumps(payload).encode(),
            {"Authorization": f"Bearer {self.ready['api_key']}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = json.load(response)
        if isinstance(answer, dict) and "errorMessage" in answer:
            raise FunctionRefused(answer["errorMessage"])
        return answer

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(_STOPS_WITHIN_S)
        finally:
            self.process.kill()


@contextmanager
def running_cloud(folder: Path, command: str = "demo", *arguments: str) -> Iterator[RunningCloud]:
    """Run ``cloudstead demo`` or ``serve`` on free ports, and stop it afterwards.

    Data is kept in ``folder``/data, so that a second cloud in the same folder goes on where the first one stopped.
    The log of the process goes to ``folder``/log.txt, and into the message when it does not come up.
    """
    ready_file = folder / "ready.json"
    listeners = tuple(f"--{name}=127.0.0.1:0" for name in ("http", "https", "mqtts", "thing-event"))
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
        cloud = RunningCloud(process, json.loads(ready_file.read_text(encoding="utf-8")))
        yield cloud
        cloud.stop()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
