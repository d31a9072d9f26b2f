"""What ``cloudstead trace`` does: ask the running service, print what it says."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.console import Console
from rich.text import Text

from cloudstead.app.errors import CannotStart
from cloudstead.app.running_service import Refused

if TYPE_CHECKING:
    from cloudstead.app.running_service import RunningService

_STYLES: Final = {
    "done": "green",
    "refused": "bold red",
    "pending": "yellow",
    "never": "dim",
    "gone": "yellow",
    "unknown": "bold red",
}
_SHOWN: Final = 2_000
"""Characters of a payload; ``--json`` has all of it."""


def trace_message(
    service: RunningService,
    thing: str,
    *,
    at: str | None,
    offset: int | None,
    as_json: bool,
    console: Console | None = None,
) -> None:
    """Follow a message and print it; raise ``CannotStart`` with the service's words when it is refused."""
    asked = {"thingName": thing, "at": at, "offset": offset}
    attributes = {name: value for name, value in asked.items() if value is not None}
    try:
        trace = service.invoke("ThingLambda", {"action": "TRACE", "attributes": attributes})
    except Refused as refused:
        raise CannotStart(str(refused)) from None
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(trace), indent=2).decode() + "\n")
    else:
        print_timeline(trace, console or Console(highlight=False, soft_wrap=True))


def print_timeline(trace: dict[str, Any], out: Console) -> None:
    """Print one paragraph for each step."""
    out.print(Text(f"{trace['thingName']}, offset {trace['offset']}", style="bold"))
    for step in trace["steps"]:
        line = Text(f"  {step['step']:<10}").append(f"{step['state']:<8}", style=_STYLES.get(step["state"], ""))
        out.print(line.append(f" {step['says']}"))
        payload = step["details"].get("payload")
        if payload:
            out.print(Text(f"{'':21}{payload[:_SHOWN]}{'...' if len(payload) > _SHOWN else ''}", style="dim"))
