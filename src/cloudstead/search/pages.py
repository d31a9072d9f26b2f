"""Fetching one page of documents: how many there are, what they score, and the page itself."""

# ruff: noqa: S608 (all outside text becomes SQL in cloudstead.search.sql)

from collections.abc import Generator, Sequence
from typing import Any, TypeAlias, TypeVar

from cloudstead.search import sql
from cloudstead.search.conditions import Conditions, instant_sql
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.hits import HitShape, document_statement, plan_sort
from cloudstead.search.scoring import Score, search_score
from cloudstead.search.search import ParsedSearch

_T = TypeVar("_T")

Rows: TypeAlias = Sequence[Sequence[Any]]
Asking: TypeAlias = Generator[str, Rows, _T]

# A page at one end of time is looked for in a window that should hold it four times over if documents came evenly,
# then in one sixty times as long, before everything is read: on ten million rows that was 9 ms instead of 42.
_SPARE = 4
_SHORTEST_MS = 60_000
_WIDER = 60
_WORTH_A_WINDOW = 50_000


def fetch_hits(
    search: ParsedSearch,
    conditions: Conditions,
    base: tuple[str, ...],
    *,
    total: int,
    edges: tuple[int, int],
) -> Asking[dict[str, object]]:
    """Ask for the page of a search; `total` documents pass `base`, all between the instants of `edges` if known."""
    return (yield from _Page(search, conditions, base, edges).hits(total))


class _Page:
    """One page on its way."""

    def __init__(
        self, search: ParsedSearch, conditions: Conditions, base: tuple[str, ...], edges: tuple[int, int]
    ) -> None:
        self._search = search
        self._conditions = conditions
        self._index = conditions.index
        self._where = base
        self._edges = edges
        if search.post_filter is not None:
            self._where = (*base, conditions.of(search.post_filter))
        by_score = not search.sort or any(sort.field == "_score" for sort in search.sort)
        self._scored = by_score or search.track_scores or search.explain
        self._score: Score = 0.0
        if self._scored:
            self._score = search_score(search.query, conditions, search.index_boost(conditions.index))
        for name in search.fields or ():
            _refuse_object(name, conditions)
        self._plan = plan_sort(search.sort, conditions, self._score if isinstance(self._score, str) else None)
        # Scores are told when the hits are in their order, or when they are asked for beside another order.
        self._tells_scores = self._plan.scores or search.track_scores

    def hits(self, total: int) -> Asking[dict[str, object]]:
        """Hold the part of the conversation that is about documents."""
        search = self._search
        if search.post_filter is not None and total:
            ((total,),) = yield f"SELECT count() FROM {self._index.table} WHERE {sql.all_of(self._where)}"
            total = int(total)
        rows: Rows = ()
        if search.size and total > search.start:
            rows = yield from self._page(total)
        highest: float | None = 0.0 if search.size == 0 else None
        if self._tells_scores and total and search.size:
            highest = yield from self._highest(rows)
        return {"total": total, "max_score": highest, "hits": self._shaped(rows)}

    def _shaped(self, rows: Rows) -> list[dict[str, object]]:
        search = self._search
        fixed = self._score if isinstance(self._score, float) else 0.0
        shape = HitShape(
            self._index,
            search.source,
            search.fields,
            self._plan,
            fixed if self._tells_scores else None,
            data_fields=search.data_fields,
            tells_version=search.version,
            explains=search.explain,
        )
        width = len(self._index.document_columns)
        extra = len(self._extra())
        found: list[dict[str, object]] = []
        for place, row in enumerate(rows):
            document, beside, cells = row[:width], row[width : width + extra], row[width + extra :]
            score = float(beside[-1]) if isinstance(self._score, str) else fixed
            version = int(beside[0]) if search.version else 1
            found.append(shape.hit(document, cells, search.start + place, score=score, version=version))
        return found

    def _extra(self) -> list[str]:
        """Name the columns beside those of the document: its version, and its score where that varies."""
        version = [self._index.version_column] if self._search.version else []
        return [*version, self._score] if isinstance(self._score, str) else version

    def _highest(self, rows: Rows) -> Asking[float | None]:
        if isinstance(self._score, float):
            return self._score
        if rows and not self._search.start and not self._search.sort:
            return float(rows[0][len(self._index.document_columns) + len(self._extra()) - 1])
        ((highest,),) = yield f"SELECT max({self._score}) FROM {self._index.table} WHERE {sql.all_of(self._where)}"
        return float(highest)

    def _page(self, total: int) -> Asking[Rows]:
        """Fetch the page; one at an end of time is looked for in windows that grow."""
        search = self._search
        for window in self._windows(total):
            rows = yield self._statement((*self._where, window))
            if len(rows) >= min(search.size, total - search.start):
                return rows
        return (yield self._statement(self._where))

    def _statement(self, where: tuple[str, ...]) -> str:
        return document_statement(
            self._conditions,
            where,
            self._plan,
            start=self._search.start,
            size=self._search.size,
            extra=self._extra(),
        )

    def _windows(self, total: int) -> list[str]:
        time = self._index.columns.get(self._index.default_time)
        columns = self._plan.columns
        if time is None or total <= _WORTH_A_WINDOW or not columns or columns[0].compared != time.sql:
            return []
        oldest, newest = self._edges
        even = (newest - oldest) * _SPARE * (self._search.start + self._search.size) // total
        first = max(_SHORTEST_MS, even)
        lengths = [length for length in (first, first * _WIDER) if length * 2 < newest - oldest]
        if columns[0].ascending:
            return [f"{time.sql} <= {instant_sql(oldest + length)}" for length in lengths]
        return [f"{time.sql} >= {instant_sql(newest - length)}" for length in lengths]


def _refuse_object(name: str, conditions: Conditions) -> None:
    """Refuse an object where a field with values is meant; one that nothing is known of has no values."""
    if "*" not in name and not conditions.field(name).parts and conditions.index.leaves(name, conditions.paths):
        raise SearchInvalid(f"field [{name}] isn't a leaf field")
