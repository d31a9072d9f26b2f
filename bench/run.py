"""All benches one after the other, and one table of what they found: ``make bench``.

Usage: run.py [NAME...] runs all, or those that are named, with short runs: some four minutes in all. Each bench can be
run by itself with longer ones; its first lines say how. A ratio compares with a reference that was measured in the same
run on the same machine, so it means more than the figure beside it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from _figures import FILE_VARIABLE, Figure, conditions

HERE = Path(__file__).parent
SHORT: dict[str, tuple[str, ...]] = {
    "updates": ("4",),
    "connections": ("2000",),
    "archive": ("3",),
    "rules": ("3", "1"),
    "webhooks": ("5", "1"),
    "batches": (),
    "search": ("--rows", "1000000", "--rounds", "7"),
    "http_calls": ("2",),
    "accounts": ("2",),
    "sign_ins": ("3", "4"),
    "groups": ("6",),
    "clouds": ("30",),
    "provisioning": ("2",),
    "start": ("3",),
    "state": (),
    "log_commit": (),
}


def figures_of(name: str) -> list[Figure]:
    """Run a bench, let it print, and return its figures."""
    with tempfile.NamedTemporaryFile() as file:
        environment = os.environ | {FILE_VARIABLE: file.name}
        subprocess.run([sys.executable, HERE / f"{name}.py", *SHORT[name]], env=environment, check=True)
        return [msgspec.json.decode(line, type=Figure) for line in Path(file.name).read_bytes().splitlines()]


def table_of(found: dict[str, list[Figure]]) -> Table:
    table = Table("figure", "value", "ratio", "reference", "to reach", title=conditions(), show_lines=True)
    for name, figures in found.items():
        table.add_section()
        table.add_row(f"[bold]{name}[/bold]")
        for figure in figures:
            ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
            verdict = {None: "", True: " [green](reached)[/green]", False: " [red](missed)[/red]"}[figure.is_met]
            table.add_row(figure.name, figure.value, ratio, figure.reference, figure.target + verdict)
    return table


def main() -> None:
    names = sys.argv[1:] or list(SHORT)
    if unknown := set(names) - set(SHORT):
        sys.exit(f"there is no bench {', '.join(sorted(unknown))}; there are {', '.join(SHORT)}")
    found = {}
    for name in names:
        print(f"== {name}", flush=True)
        found[name] = figures_of(name)
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(table_of(found))


if __name__ == "__main__":
    main()
