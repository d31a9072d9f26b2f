"""The tutorial, as a reader would type it."""

from __future__ import annotations

import re
import stat
import sys
from code import InteractiveConsole
from typing import TYPE_CHECKING, Any

import pytest

from factories.repository import ROOT
from factories.running import running_cloud

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import CodeType

PAGE = ROOT / "docs" / "tutorial.md"
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Typist(InteractiveConsole):
    """Types blocks into Python as a reader does, and gives up at the first error."""

    def type(self, first_line: int, block: str) -> None:
        """Type a block of the page; Python must wait for nothing more at its end."""
        for number, line in enumerate(block.splitlines(), first_line):
            try:
                unfinished = self.push(line)
            except Exception as error:
                error.add_note(f"typed at {PAGE}:{number}")
                raise
        assert not unfinished, f"{PAGE}:{number} leaves a statement open: an empty line is missing before it"

    def runcode(self, code: CodeType) -> None:
        """Run a statement, without the handling of errors that a person needs."""
        exec(code, self.locals)

    def showsyntaxerror(self, *_args: object, **_options: object) -> None:
        """Raise rather than print what is being handled."""
        error = sys.exception()
        assert error is not None
        raise error


def blocks() -> Iterator[tuple[int, str]]:
    """Give every block of Python with the number of its first line."""
    text = PAGE.read_text(encoding="utf-8")
    for block in _BLOCK.finditer(text):
        yield text.count("\n", 0, block.start(1)) + 1, block[1]


@pytest.mark.parametrize(
    "block",
    ["for n in (1, 2):\n    n\nprint(n)\n", "while False:\n    pass\n", "def f():\n    a = 1\n\n    return a\n"],
)
def test_the_typist_notices_what_an_interactive_python_does_not_take(block: str) -> None:
    with pytest.raises((SyntaxError, AssertionError)):
        Typist().type(1, block)


def test_the_tutorial_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "displayhook", lambda _value: None)
    told: dict[str, Any] = {"__name__": "tutorial"}
    typist = Typist(told)

    with running_cloud(tmp_path):
        for first_line, block in blocks():
            typist.type(first_line, block)

    assert stat.S_IMODE((tmp_path / "climate-1" / "privkey.pem").stat().st_mode) == 0o600
    assert told["login"]["user"]["roleName"] == "ReadWrite"
    assert told["thing"]["domain"] == "greenhouse"
    assert [document["version"] for _, document in told["accepted"]] == [1, 2, 3]
    assert told["delta"]["state"] == {"fan": "on"}
    assert told["shadow"]["state"]["reported"]["fan"] == "on"
    assert told["shadow"]["state"].get("delta") is None
    assert told["found"]["hits"]["total"] == 3
    assert [hit["_source"]["state"]["temperature"] for hit in told["found"]["hits"]["hits"]] == [23.5, 22.0, 21.5]
    assert max(hour["warmth"]["max"] for hour in told["found"]["aggregations"]["hours"]["buckets"]) == 23.5
    assert [hit["_id"] for hit in told["greenhouse"]["hits"]["hits"]] == ["climate-1"]
