"""The findings, as a table for people and as JSON for programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cloudstead.app.doctor.finding import Finding, State

if TYPE_CHECKING:
    from collections.abc import Sequence

_STYLES = {State.GOOD: "green", State.NOTE: "yellow", State.WRONG: "bold red"}


def print_table(findings: Sequence[Finding], *, console: Console | None = None) -> None:
    """Print one row for each finding."""
    out = console or Console()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("What", "State", "Seen", "What to do"):
        table.add_column(title, overflow="fold")
    for finding in findings:
        state = Text(finding.state.value, style=_STYLES[finding.state])
        table.add_row(finding.what, state, Text(finding.seen), Text(finding.advice))
    out.print(table)


def print_json(findings: Sequence[Finding]) -> None:
    """Print a JSON list."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(findings), indent=2).decode() + "\n")
