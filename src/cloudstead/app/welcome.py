"""What the terminal says: where to look once the service is ready."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.app.ready import ReadyReport


def show_ready(report: ReadyReport, *, data: str, console: Console | None = None) -> None:
    """Print the addresses, and how to sign in or how to open the first account."""
    out = console or Console(highlight=False, soft_wrap=True)
    page = report.http or report.https
    rows = [
        ("Page", f"{page}/" if page else None),
        ("APIs", f"{page}/docs" if page else None),
        ("HTTPS", report.https if page != report.https else None),
        ("MQTT (TLS)", report.mqtts),
        ("Trust", report.ca_file),
        ("Manifest", report.manifest_url),
        ("Thing", report.thing_name),
        ("User", report.user_name),
        ("Password", report.password),
        ("API key", report.api_key),
    ]
    out.print()
    out.print("cloudstead is ready.", style="bold")
    list_rows(out, rows)
    if report.thing_name is not None and report.mqtts is None:
        out.print(f"{report.thing_name} stays silent: the listener that devices report to, --mqtts, is off.")
    elif report.thing_name is not None:
        out.print(f"This machine reports as {report.thing_name}: open the page and watch.")
    elif report.account_count == 0:
        out.print("There is no account yet. Open one, from another terminal:")
        out.print(Text(f"  {opening_command(data)}", style="bold"))
    out.print("Ctrl-C stops the service.")
    out.print()


def opening_command(data: str) -> str:
    """Return the command that opens the first account of a data folder."""
    return shlex.join(["cloudstead", "account", "create", "--data", data, "--name", "My company", "--user", "admin"])


def list_rows(out: Console, rows: Sequence[tuple[str, str | None]]) -> None:
    """Print names and values below one another; ``None`` is left out."""
    # Not a table, which would cut what is too wide: a key is there to be copied. Text, not markup: a name with square
    # brackets in it is shown as it is.
    for name, value in rows:
        if value is not None:
            out.print(Text(f"  {name:<12}", style="dim").append(value, style="not dim"))
