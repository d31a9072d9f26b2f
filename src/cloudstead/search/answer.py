"""Answering a search as a conversation: statements out, rows in, and at the end the body of the answer.

Nothing here touches a database. `answer` is a generator that yields one SQL statement at a time and is sent its rows;
whoever drives it owns the connection, the time limit and the clock.
"""

# ruff: noqa: S608 (all outside text becomes SQL in cloudstead.search.sql)

from collections.abc import Generator, Iterable
from typing import Any, TypeAlias

from cloudstead.search import sql
from cloudstead.search.aggregation import Aggregation, DateHistogramBuckets, Metric, Percentiles
from cloudstead.search.conditions import Conditions, instant_sql
from cloudstead.search.fields import Index, Paths
from cloudstead.search.figures import EXACT_DOCUMENTS
from cloudstead.search.grouping import Bucket, date_values
from cloudstead.search.hits import HitShape, SortPlan, document_statement, plan_sort
from cloudstead.search.levels import Level, Levels, Rows
from cloudstead.search.query import Bool, Query
from cloudstead.search.scope import SearchScope
from cloudstead.search.search import ParsedSearch
from cloudstead.search.zones import DAY_MS

Conversation: TypeAlias = Generator[str, Rows, dict[str, object]]

# A page of the newest documents is looked for in the last day, then in the last month, before everything is read;
# on ten million rows of a hundred days that is 9 ms instead of 42.
_WINDOWS = (DAY_MS, 30 * DAY_MS)
_WORTH_A_WINDOW = 50_000


def answer(
    search: ParsedSearch,
    *,
    index: Index,
    scope: SearchScope,
    paths: Paths,
    now_ms: int,
) -> Conversation:
    """Answer a search over one index; `took` is 0 and for the driver to set."""
    conditions = Conditions(index, paths, scope, now_ms)
    base = conditions.base(search.query)
    score = _score(search.query)
    if search.min_score is not None and score < search.min_score:
        base = (*base, "0")
    levels = Levels(conditions, exact=True)
    spans = _span_fields(search.aggregations, conditions)
    # How exact figures may be depends on how many documents there are, so a count goes before such figures.
    costly = any(_is_costly(aggregation) for aggregation in search.aggregations)
    plan = levels.plan(() if costly else search.aggregations)
    rows = yield levels.root_statement(base, plan, [read for _, read in spans])
    (row,) = rows
    total = int(row[0])
    levels.exact = total <= EXACT_DOCUMENTS
    bounds = row[1 + len(plan.outputs) :]
    levels.spans = {
        name: (int(bounds[2 * number] or 0), int(bounds[2 * number + 1] or 0)) for number, (name, _) in enumerate(spans)
    }
    figures = row[1 : 1 + len(plan.outputs)]
    if costly:
        plan = levels.plan(search.aggregations)
        (again,) = yield levels.root_statement(base, plan, ())
        figures = again[1:]
    aggregations: Bucket = {"doc_count": total}
    for aggregation in search.aggregations:
        aggregations[aggregation.name] = None
    for aggregation, columns, first in plan.figures:
        shaped = columns.shape(figures[first : first + len(columns.outputs)])
        aggregations[aggregation.name] = shaped if aggregation.meta is None else {"meta": aggregation.meta, **shaped}
    yield from levels.fill_level(search.aggregations, Level((), base, "1", {(): aggregations}))
    aggregations.pop("doc_count")
    hits = yield from _hits(search, conditions, base, total, score)
    found: dict[str, object] = {
        "took": 0,
        "timed_out": False,
        "_shards": {"total": 5, "successful": 5, "failed": 0},
        "hits": hits,
    }
    if search.aggregates:
        found["aggregations"] = aggregations
    return found


def _hits(
    search: ParsedSearch,
    conditions: Conditions,
    base: tuple[str, ...],
    total: int,
    score: float,
) -> Generator[str, Rows, dict[str, object]]:
    plan = plan_sort(search.sort, conditions)
    where = base
    if search.post_filter is not None:
        where = (*base, conditions.of(search.post_filter))
        if total:
            ((total,),) = yield (f"SELECT count() FROM {conditions.index.table} WHERE {sql.all_of(where)}")
    scored = plan.scores or search.track_scores
    shape = HitShape(conditions.index, search.source, search.fields, plan, score if scored else None)
    rows: Rows = ()
    if search.size and total > search.start:
        rows = yield from _page(search, conditions, where, plan, int(total))
    width = len(conditions.index.document_columns)
    hits = [shape.hit(row[:width], row[width:], search.start + position) for position, row in enumerate(rows)]
    max_score: float | None = None
    if scored or search.size == 0:
        max_score = 0.0 if search.size == 0 else (score if total else None)
    return {"total": int(total), "max_score": max_score, "hits": hits}


def _page(
    search: ParsedSearch,
    conditions: Conditions,
    where: tuple[str, ...],
    plan: SortPlan,
    total: int,
) -> Generator[str, Rows, Rows]:
    """Fetch one page; a page at one end of time is looked for in windows that grow."""
    index = conditions.index
    wanted = min(search.size, total - search.start)
    if index.default_time and plan.columns and total > _WORTH_A_WINDOW:
        first = plan.columns[0]
        column = index.columns[index.default_time].sql
        if first.compared == column:
            edge = yield from _edge(conditions, where, column, newest=not first.ascending)
            for length in _WINDOWS:
                if edge is None:
                    break
                inside = (
                    f"{column} <= {instant_sql(edge + length)}"
                    if first.ascending
                    else f"{column} >= {instant_sql(edge - length)}"
                )
                rows = yield document_statement(
                    conditions, (*where, inside), plan, start=search.start, size=search.size
                )
                if len(rows) >= wanted:
                    return rows
    return (yield document_statement(conditions, where, plan, start=search.start, size=search.size))


def _edge(
    conditions: Conditions,
    where: tuple[str, ...],
    column: str,
    *,
    newest: bool,
) -> Generator[str, Rows, int | None]:
    del where
    bound = "max" if newest else "min"
    rows = yield f"SELECT toUnixTimestamp64Milli({bound}({column})) FROM {conditions.index.table}"
    return int(rows[0][0]) if rows and rows[0][0] is not None else None


def _score(query: Query) -> float:
    """Score every match the same: 1, or 0 when the query only filters."""
    return 0.0 if isinstance(query, Bool) and not query.scores else 1.0


def _is_costly(aggregation: Aggregation) -> bool:
    spec = aggregation.spec
    return isinstance(spec, Percentiles) or (isinstance(spec, Metric) and spec.figure.value == "cardinality")


def _span_fields(aggregations: Iterable[Aggregation], conditions: Conditions) -> list[tuple[str, str]]:
    """List the fields whose first and last instant a rounding must know, with the expressions that read them."""
    found: dict[str, str] = {}

    def walk(level: Iterable[Aggregation]) -> None:
        for aggregation in level:
            spec = aggregation.spec
            if isinstance(spec, DateHistogramBuckets) and spec.rounding.spans_changes():
                read: Any = date_values(spec, conditions)
                if read is not None:
                    found.setdefault(spec.field, f"arrayJoin({read.sql})" if read.many else read.sql)
            walk(aggregation.subs)

    walk(aggregations)
    return list(found.items())
