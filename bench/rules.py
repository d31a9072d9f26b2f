"""What rules cost: updates per second with 1,000 enabled rules in the account, beside the same without any.

The work is that of ``updates.py``. Every rule looks at every thing, at one of five values that each update reports. In
the first figure none is hit; in the second, one is hit by every update and counts, so that each hit is stored.

Usage: rules.py [SECONDS [ROUNDS]]. Sites take turns, and the best round of each counts; takes some ten seconds longer
than SECONDS for each of three sites in each round.
"""

from __future__ import annotations

import sys

from _figures import Figure, tell
from updates import Figures, drive, show, site

LIMIT = 0.85


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    best: dict[str, Figures] = {}
    for _ in range(rounds):
        for kind in ("gateway", "rules", "counting-rules"):
            with site(kind) as (ready, processes):
                figures = drive(ready, processes, window=1, per_second=0, seconds=seconds)
            best[kind] = max(best.get(kind, figures), figures)
    for kind, name in (
        ("rules", "1,000 rules, none hit"),
        ("counting-rules", "1,000 rules, one hit by every update"),
    ):
        ratio = best[kind].per_second / best["gateway"].per_second
        tell(
            Figure(
                name=name,
                value=show(best[kind]),
                reference=f"no rules, {show(best['gateway'])}",
                ratio=ratio,
                target=f"{LIMIT:.2f} of it" if kind == "rules" else "",
                is_met=ratio >= LIMIT if kind == "rules" else None,
            )
        )


if __name__ == "__main__":
    main()
