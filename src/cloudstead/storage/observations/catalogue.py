"""What was ever seen at each path of an account's states: the mapping that searches are compiled against.

It is stored before the rows that it describes, so that no row can hold a path that a search would not know. It only
grows; an account that invents ever new paths stops growing it at a limit, and is told so by a count.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import msgspec

from cloudstead.search.sql import text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from clickhouse_connect.driver.client import Client

_LINES = msgspec.json.Decoder(tuple[str, int])

MAX_PATHS = 10_000  # per account and index

_NONE: Mapping[str, int] = {}


class Catalogue:
    """The kinds of every path, by account; safe to read from any thread."""

    def __init__(self, name: str, *, is_shared: bool) -> None:
        self._name = name
        self._is_shared = is_shared
        self._lock = threading.Lock()
        self._known: dict[str, Mapping[str, int]] = {}

    def paths(self, account_id: str, client: Client) -> Mapping[str, int]:
        """Return the paths of an account; read anew each time when other processes write too."""
        known = self._known.get(account_id)
        if known is None or self._is_shared:
            known = self._load(account_id, client)
        return known

    def _load(self, account_id: str, client: Client) -> Mapping[str, int]:
        answer = client.raw_query(
            "SELECT path, groupBitOr(kinds) FROM state_paths"  # noqa: S608 (both texts are literals)
            f" WHERE account_id = {text(account_id)} AND name = {text(self._name)} GROUP BY path",
            fmt="JSONCompactEachRow",
        )
        loaded = dict(_LINES.decode_lines(answer))
        with self._lock:
            # The writer may have learnt more while this was read.
            known = self._known.get(account_id, _NONE)
            merged = loaded | {path: kinds | loaded.get(path, 0) for path, kinds in known.items()}
            self._known[account_id] = merged
        return merged

    def learn(
        self,
        kinds: Mapping[str, Mapping[str, int]],
        client: Client,
        store: Callable[[Sequence[list[object]]], None],
    ) -> dict[str, set[str]]:
        """Store what is new in `kinds`; return the paths of each account for which there was no room."""
        rows: list[list[object]] = []
        grown: dict[str, dict[str, int]] = {}
        crowded: dict[str, set[str]] = {}
        for account_id, seen in kinds.items():
            known = self._known.get(account_id)
            if known is None:
                known = self._load(account_id, client)
            fresh = {path: kind for path, kind in seen.items() if kind & ~known.get(path, 0)}
            if not fresh:
                continue
            room = MAX_PATHS - len(known)
            for path in list(fresh):
                if path in known:
                    continue
                if room <= 0:
                    crowded.setdefault(account_id, set()).add(path)
                    del fresh[path]
                room -= 1
            rows += [[account_id, self._name, path, kind] for path, kind in fresh.items()]
            if fresh:
                grown[account_id] = fresh
        if rows:
            store(rows)
        with self._lock:
            for account_id, fresh in grown.items():
                known = self._known.get(account_id, _NONE)
                self._known[account_id] = {
                    **known,
                    **{path: kind | known.get(path, 0) for path, kind in fresh.items()},
                }
        return crowded

    def forget(self, account_id: str) -> None:
        """Forget an account."""
        with self._lock:
            self._known.pop(account_id, None)
