"""Tell what the observation store of a stopped cloud holds of some things, as JSON.

Usage: histories.py DATA THING... A process of its own, because whoever has opened the store may not fork any more.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import clickhouse_connect


def read(folder: Path, names: list[str]) -> dict[str, Any]:
    """Return for each thing the offsets of its observations and what its history says, in the order of the log."""
    client = clickhouse_connect.get_client(interface="chdb", path=str(folder / "observations"))
    told = {}
    for name in names:
        chosen = {"name": name}
        changes = client.query(
            "SELECT offset, version FROM shadow_changes WHERE thing_name = {name:String} AND outcome = '0'"
            " ORDER BY offset",
            chosen,
        )
        observed = client.query(
            "SELECT offset FROM observations WHERE thing_name = {name:String} ORDER BY offset", chosen
        )
        told[name] = {
            "changes": [{"offset": offset, "version": version} for offset, version in changes.result_rows],
            "observed": [offset for (offset,) in observed.result_rows],
        }
    client.close()
    return told


if __name__ == "__main__":
    json.dump(read(Path(sys.argv[1]), sys.argv[2:]), sys.stdout)
