"""What a bench says: figures, each beside the reference of the same run and the figure to reach.

Every bench prints its figures by ``tell``. Under ``run.py`` they also go into the file that an environment variable
names, one JSON document for each line, and from there into one table.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

import msgspec

FILE_VARIABLE = "CLOUDSTEAD_BENCH_FIGURES"


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One figure.

    ``reference`` is what ``ratio`` divides by. ``target`` is in words; ``is_met`` is ``None`` where there is no target.
    """

    name: str
    value: str
    reference: str = ""
    ratio: float | None = None
    target: str = ""
    is_met: bool | None = None

    def __str__(self) -> str:
        """Show it in one line."""
        text = f"{self.name}: {self.value}"
        if self.ratio is not None:
            text += f", {self.ratio:.2f} of {self.reference}"
        if self.target:
            text += f" (to reach: {self.target}{'' if self.is_met else ', MISSED'})"
        return text


def tell(figure: Figure) -> None:
    """Print a figure, and hand it to whoever makes a table."""
    print(figure, flush=True)
    if FILE_VARIABLE in os.environ:
        with Path(os.environ[FILE_VARIABLE]).open("ab") as file:
            file.write(msgspec.json.encode(figure) + b"\n")


def conditions() -> str:
    """Return what figures depend on and a reader has to know; not whose machine it is."""
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
