"""A real browser, spoken to over its own debugging protocol: Debian's Chromium, without a driver in between."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from websockets.sync.client import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from websockets.sync.client import ClientConnection

_ANSWERS_WITHIN_S = 30
_LISTENING = re.compile(r"DevTools listening on ws://(\S+?)/")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # which a container's root cannot have
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--remote-debugging-port=0",
)


class Browser:
    """One page of a browser in which no script of the page runs."""

    def __init__(self, line: ClientConnection) -> None:
        self._line = line
        self._number = 0
        self._events: list[dict[str, Any]] = []
        self.told: list[str] = []
        for domain in ("Page", "Log", "Runtime"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setScriptExecutionDisabled", value=True)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask the browser for something and return its answer."""
        self._number += 1
        self._line.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            message = self._receive()
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]

    def open(self, address: str) -> None:
        """Go to an address, and return when the page is there."""
        self._events.clear()
        self.call("Page.navigate", url=address)
        self._loaded()

    def submit(self) -> None:
        """Press the page's button, and return when the next page is there."""
        self._events.clear()
        self.evaluate("document.querySelector('button[type=submit]').click()")
        self._loaded()

    def fill(self, name: str, text: str) -> None:
        """Type a text into the field of that name."""
        self.evaluate(f"document.querySelector('input[name={name}]').select()")
        self.evaluate(f"document.querySelector('input[name={name}]').focus()")
        self.call("Input.insertText", text=text)

    def evaluate(self, expression: str) -> Any:
        """Look at the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    @property
    def text(self) -> str:
        """What the page says."""
        return self.evaluate("document.body.innerText")

    @property
    def address(self) -> str:
        """Where the page is."""
        return self.evaluate("location.href")

    def _loaded(self) -> None:
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._receive()

    def _receive(self) -> dict[str, Any]:
        message = json.loads(self._line.recv(timeout=_ANSWERS_WITHIN_S))
        if "method" in message:
            self._events.append(message)
            if message["method"] == "Log.entryAdded":
                self.told.append(message["params"]["entry"]["text"])
        return message


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """Run a browser with a profile in ``folder``; skip the test where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("there is no browser: apt-get install chromium")
    process = subprocess.Popen(
        [program, *_FLAGS, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        for said in process.stderr:
            if found := _LISTENING.search(said):
                break
        else:
            raise AssertionError(f"the browser did not come up, exit code {process.wait()}")
        with urllib.request.urlopen(f"http://{found[1]}/json/list", timeout=_ANSWERS_WITHIN_S) as answer:
            [page] = [each for each in json.load(answer) if each["type"] == "page"]
        with connect(page["webSocketDebuggerUrl"], max_size=None) as line:
            yield Browser(line)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
