"""Answering a search as a conversation: statements out, rows in, and at the end the body of the answer.

Nothing here touches a database. `answer` is a generator that yields one SQL statement at a time and is sent its rows;
whoever drives it owns the connection, the time limit and the clock.
"""

# ruff: noqa: S608 (all outside text becomes SQL in cloudstead.search.sql)

from collections.abc import Generator, Iterable, Sequence
from typing import TypeAlias, TypeVar

from cloudstead.search.aggregation import (
    Aggregation,
    DateHistogramBuckets,
    Figure,
    Metric,
    Percentiles,
    Pipeline,
    TermsBuckets,
)
from cloudstead.search.conditions import Conditions
from cloudstead.search.fields import Index, Paths
from cloudstead.search.figures import EXACT_DOCUMENTS
from cloudstead.search.finishing import finish, needs_finishing
from cloudstead.search.grouping import Bucket, Level, Rows, with_meta
from cloudstead.search.histograms import date_values
from cloudstead.search.levels import Levels
from cloudstead.search.pages import fetch_hits
from cloudstead.search.scope import SearchScope
from cloudstead.search.scoring import Score, scored_at_least, search_score
from cloudstead.search.search import ParsedSearch

_T = TypeVar("_T")

Asking: TypeAlias = Generator[str, Rows, _T]
Conversation: TypeAlias = Asking[dict[str, object]]


def answer(
    search: ParsedSearch,
    *,
    index: Index,
    scope: SearchScope,
    paths: Paths,
    now_ms: int,
) -> Conversation:
    """Answer a search over one index; `took` is 0 and for the driver to set."""
    # Inside the generator, so that whatever is refused is refused while the conversation is driven.
    return (yield from _Answering(search, Conditions(index, paths, scope, now_ms)).body())


class _Answering:
    """One search on its way to its answer."""

    def __init__(self, search: ParsedSearch, conditions: Conditions) -> None:
        self._search = search
        self._conditions = conditions
        self._index = conditions.index
        self._base = conditions.base(search.query)
        if search.min_score is not None:
            self._base = (*self._base, scored_at_least(self._score(), search.min_score))
        self._levels = Levels(conditions, exact=True, score=self._score)
        self._spans = _span_fields(search.aggregations, conditions)
        # Between which instants the matches lie, roughly; (0, 0) when nothing needs to know.
        self._edges = (0, 0)

    def _score(self) -> Score:
        search = self._search
        return search_score(search.query, self._conditions, search.index_boost(self._index))

    def body(self) -> Conversation:
        """Hold the whole conversation."""
        yield from self._find_edges()
        total, aggregations = yield from self._aggregate()
        hits = yield from fetch_hits(self._search, self._conditions, self._base, total=total, edges=self._edges)
        found: dict[str, object] = {
            "took": 0,
            "timed_out": False,
            **({"terminated_early": False} if self._search.terminates else {}),
            "_shards": {"total": 5, "successful": 5, "failed": 0},
            "hits": hits,
        }
        if self._search.aggregates:
            found["aggregations"] = aggregations
        return found

    def _find_edges(self) -> Asking[None]:
        """Ask for the store's own first and last instant, and cut them to the query's bounds.

        ClickHouse knows these instants of every part, so this reads no row.
        """
        name = self._index.default_time
        sort = self._search.sort
        pages_time = self._search.size > 0 and bool(sort) and sort[0].field == name
        if not name or not (pages_time or name in self._spans):
            return
        least, most = self._conditions.time_bounds(self._search.query, name)
        if least is None or most is None or pages_time:
            column = self._index.columns[name].sql
            ends = f"toUnixTimestamp64Milli(min({column})), toUnixTimestamp64Milli(max({column}))"
            ((oldest, newest),) = yield f"SELECT {ends} FROM {self._index.table}"
            least = int(oldest or 0) if least is None else max(int(oldest or 0), least)
            most = int(newest or 0) if most is None else min(int(newest or 0), most)
        self._edges = (least, max(least, most))

    def _aggregate(self) -> Asking[tuple[int, Bucket]]:
        """Count the matches and fill the aggregations."""
        aggregations: Bucket = {
            aggregation.name: None
            for aggregation in self._search.aggregations
            if not isinstance(aggregation.spec, Pipeline)
        }
        total: int | None = None
        if self._counts_itself():
            self._levels.spans = dict.fromkeys(self._spans, self._edges)
        else:
            total = yield from self._fill_root(aggregations)
        root = {"doc_count": total, **aggregations}
        yield from self._levels.fill_level(self._search.aggregations, Level((), self._base, "1", {(): root}))
        root.pop("doc_count")
        if needs_finishing(self._search.aggregations):
            finish(self._search.aggregations, root)
        if total is None:
            total = self._levels.counted
        if total is None:
            ((total,),) = yield self._levels.root_statement(self._base, self._levels.plan(()), ())
        return int(total), root

    def _counts_itself(self) -> bool:
        """Tell whether the statement of the only aggregation can count the matches on the way."""
        search = self._search
        if search.size or search.post_filter is not None or len(search.aggregations) != 1:
            return False
        (aggregation,) = search.aggregations
        # The edges bound the index's own time alone: for any other field the matches have to be looked at first.
        bounded = set(self._spans) <= {self._index.default_time}
        return isinstance(aggregation.spec, TermsBuckets | DateHistogramBuckets) and bounded and not _grows(aggregation)

    def _fill_root(self, aggregations: Bucket) -> Asking[int]:
        """Count the matches and work out the figures over all of them."""
        measured = {name: read for name, read in self._spans.items() if name != self._index.default_time}
        # How exact figures may be depends on how many documents there are, so a count goes before such figures.
        counts_first = any(_grows(aggregation) for aggregation in self._search.aggregations)
        plan = self._levels.plan(() if counts_first else self._search.aggregations)
        (row,) = yield self._levels.root_statement(self._base, plan, list(measured.values()))
        total, figures, bounds = int(row[0]), row[1 : 1 + len(plan.outputs)], row[1 + len(plan.outputs) :]
        self._levels.exact = total <= EXACT_DOCUMENTS
        self._levels.spans = dict.fromkeys(self._spans, self._edges) | _spans_of(measured, bounds)
        if counts_first:
            plan = self._levels.plan(self._search.aggregations)
            if plan.outputs:
                (row,) = yield self._levels.root_statement(self._base, plan, ())
                figures = row[1:]
        for aggregation, columns, first in plan.figures:
            shaped = columns.shape(figures[first : first + len(columns.outputs)])
            aggregations[aggregation.name] = with_meta(aggregation, shaped)
        return total


def _grows(aggregation: Aggregation) -> bool:
    """Tell whether a figure in it, at any depth, needs memory that grows with the documents."""
    match aggregation.spec:
        case Percentiles() | Metric(figure=Figure.CARDINALITY):
            return True
        case _:
            return any(_grows(sub) for sub in aggregation.subs)


def _span_fields(aggregations: Iterable[Aggregation], conditions: Conditions) -> dict[str, str]:
    """Name the fields whose first and last instant a rounding must know, with the expressions that read them."""
    found: dict[str, str] = {}
    for aggregation in aggregations:
        spec = aggregation.spec
        if isinstance(spec, DateHistogramBuckets) and spec.rounding.spans_changes():
            read = date_values(spec, conditions)
            if read is not None:
                found.setdefault(spec.field, f"arrayJoin({read.sql})" if read.many else read.sql)
        found = _span_fields(aggregation.subs, conditions) | found
    return found


def _spans_of(measured: Iterable[str], bounds: Sequence[object]) -> dict[str, tuple[int, int]]:
    """Pair the fields that were measured with their first and last instant."""
    ends = [bound if isinstance(bound, int) else 0 for bound in bounds]
    return {name: (ends[2 * place], ends[2 * place + 1]) for place, name in enumerate(measured)}
