"""The tutorial, as a reader would type it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from factories.repository import ROOT
from factories.running import running_cloud

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

PAGE = ROOT / "docs" / "tutorial.md"
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> Iterator[str]:
    """Give every block of Python with as many empty lines before it as make its line numbers those of the page."""
    text = PAGE.read_text(encoding="utf-8")
    for block in _BLOCK.finditer(text):
        yield "\n" * text.count("\n", 0, block.start(1)) + block[1]


def test_the_tutorial_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told: dict[str, Any] = {"__name__": "tutorial"}

    with running_cloud(tmp_path):
        for block in blocks():
            exec(compile(block, str(PAGE), "exec"), told)

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
