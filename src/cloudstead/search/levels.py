"""Filling the buckets of a search level by level: one statement per aggregation, however many buckets there are.

A level holds the buckets that are waiting to be filled and what distinguishes them: the keys of all aggregations above.
Its statement groups by those keys and its own, so that nesting costs statements, never one query per bucket.
"""

# ruff: noqa: S608 (all outside text becomes SQL in cloudstead.search.sql)

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from cloudstead.search import sql
from cloudstead.search.aggregation import (
    Across,
    Aggregation,
    Along,
    By,
    DateHistogramBuckets,
    Figures,
    FilterBucket,
    FiltersBuckets,
    HistogramBuckets,
    ManyBuckets,
    Metric,
    MissingBucket,
    NestedBucket,
    Order,
    PercentileRanks,
    Percentiles,
    Pipeline,
    RangeBuckets,
    SingleBucket,
    TermsBuckets,
    TopHits,
    ValuePath,
)
from cloudstead.search.choices import FiltersGrouping, RangeGrouping
from cloudstead.search.conditions import Conditions
from cloudstead.search.errors import TooManyBuckets
from cloudstead.search.figures import FigureColumns, Inputs, counted_column, figure_columns
from cloudstead.search.grouping import (
    MAX_BUCKETS,
    Bucket,
    Group,
    Grouping,
    Key,
    Level,
    Path,
    Rows,
    Statements,
    TermsGrouping,
    Top,
    hashable,
    path_of,
    with_meta,
)
from cloudstead.search.histograms import DateHistogramGrouping, HistogramGrouping
from cloudstead.search.reading import numeric
from cloudstead.search.scoring import Score
from cloudstead.search.top_hits import fill_top_hits
from cloudstead.search.value_paths import named


@dataclass(frozen=True, slots=True)
class Plan:
    """The metrics of one level, laid out as columns of its statement; `steps` are the numbers of its order."""

    inputs: Inputs
    figures: tuple[tuple[Aggregation, FigureColumns, int], ...]
    outputs: tuple[str, ...]
    steps: Mapping[ValuePath, str] = field(default_factory=dict)


@dataclass(slots=True)
class Levels:
    """Fills the aggregations of one search."""

    conditions: Conditions
    exact: bool
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    # What the matches score, asked for by what tells documents.
    score: Callable[[], Score] = lambda: 0.0
    # What an aggregation of the whole search has counted, when it cannot have missed a document.
    counted: int | None = None
    _buckets: int = 0

    def plan(self, aggregations: Sequence[Aggregation], orders: Sequence[Order] = ()) -> Plan:
        """Lay out the metrics among some aggregations, and what their parent is ordered by."""
        inputs = Inputs()
        figures: list[tuple[Aggregation, FigureColumns, int]] = []
        outputs: list[str] = []
        for aggregation in aggregations:
            if isinstance(aggregation.spec, Figures):
                columns = figure_columns(aggregation.spec, self.conditions, inputs, exact=self.exact)
                figures.append((aggregation, columns, len(outputs)))
                outputs += columns.outputs
        steps: dict[ValuePath, str] = {}
        for order in orders:
            path = order.path
            if path is None or path in steps:
                continue
            found = next(((c, first) for a, c, first in figures if path.names == (a.name,)), None)
            if found is None:
                found = (self._reached(path, aggregations, inputs), len(outputs))
                outputs += found[0].outputs
            columns, first = found
            cells = [f"a{first + number}" for number in range(len(columns.outputs))]
            steps[path] = _step_of(columns, path).format(*cells)
        return Plan(inputs, tuple(figures), tuple(outputs), steps)

    def _reached(self, path: ValuePath, aggregations: Sequence[Aggregation], inputs: Inputs) -> FigureColumns:
        """Plan the number at a path through buckets that are one per bucket of the level."""
        for name in path.names:
            found = named(name, aggregations)
            if found is None:
                break
            match found.spec:
                case FilterBucket() | MissingBucket() | NestedBucket():
                    inputs = inputs.within(self._single(found.spec))
                    aggregations = found.subs
                case Metric() | Percentiles() | PercentileRanks():
                    return figure_columns(found.spec, self.conditions, inputs, exact=self.exact)
                case _:
                    break
        return counted_column(inputs)

    def _single(self, spec: SingleBucket) -> str:
        """Write which documents are in the one bucket of an aggregation."""
        match spec:
            case FilterBucket(query=query):
                return self.conditions.of(query)
            case MissingBucket(field=name):
                # An object has no values of its own, as in Elasticsearch: all documents are without them.
                return f"(NOT {self.conditions.field(name).present})"
            case NestedBucket():
                return "0"
            case _:
                assert_never(spec)

    def fill_level(self, aggregations: Sequence[Aggregation], level: Level) -> Statements:
        """Fill what metrics have not filled yet in every bucket of a level; pipelines are left to `finishing`."""
        for aggregation in aggregations:
            spec = aggregation.spec
            match spec:
                case Metric() | Percentiles() | PercentileRanks() | Across() | Along():
                    continue
                case TopHits():
                    yield from fill_top_hits(aggregation, spec, level, self.conditions, self.score())
                case FilterBucket() | MissingBucket():
                    yield from self._one_bucket(aggregation, self._single(spec), level)
                case NestedBucket():
                    for parent in level.parents.values():
                        parent[aggregation.name] = self._empty(aggregation)
                case _:
                    yield from self._many_buckets(aggregation, spec, level)

    def _grouping(self, spec: ManyBuckets, name: str) -> Grouping:
        match spec:
            case TermsBuckets():
                return TermsGrouping.of(spec, self.conditions, name)
            case HistogramBuckets():
                return HistogramGrouping.of(spec, self.conditions)
            case DateHistogramBuckets():
                return DateHistogramGrouping.of(spec, self.conditions, self.spans.get(spec.field, (0, 0)), name)
            case RangeBuckets():
                return RangeGrouping.of(spec, self.conditions, name)
            case FiltersBuckets():
                return FiltersGrouping.of(spec, self.conditions)
            case _:
                assert_never(spec)

    def _whole_scope(self, grouping: TermsGrouping) -> Generator[str, Rows, TermsGrouping]:
        """Ask for the terms of all documents in reach, whatever the query."""
        key = grouping.key(0)
        if key is None:
            return grouping
        scope = sql.all_of(self.conditions.scope.conditions())
        inner = f"SELECT DISTINCT {key.sql} AS k0 FROM {self.conditions.index.table} WHERE {scope}"
        present = ["isNotNull(k0)"] if key.nullable else []
        kept = sql.all_of([*present, grouping.wanted("k0")])
        rows = yield f"SELECT k0 FROM ({inner}) WHERE {kept} LIMIT {MAX_BUCKETS + 1}"
        if len(rows) > MAX_BUCKETS:
            raise TooManyBuckets(MAX_BUCKETS)
        return replace(grouping, everything=tuple(row[0] for row in rows))

    def _many_buckets(self, aggregation: Aggregation, spec: ManyBuckets, level: Level) -> Statements:
        grouping = self._grouping(spec, aggregation.name)
        top = grouping.top()
        plan = self.plan(aggregation.subs, () if top is None else top.order)
        key = grouping.key(len(level.keys))
        if isinstance(grouping, TermsGrouping) and not grouping.spec.min_doc_count:
            grouping = yield from self._whole_scope(grouping)
        by_parent: dict[Path, list[Group]] = {path: [] for path in level.parents}
        if key is not None and level.parents:
            rows = yield self._grouped_statement(level, key, grouping, plan)
            if len(rows) > MAX_BUCKETS:
                raise TooManyBuckets(MAX_BUCKETS)
            depth = len(level.keys)
            for row in rows:
                groups = by_parent.get(path_of(row[:depth]))
                if groups is not None:
                    end = depth + 3 + len(plan.outputs)
                    groups.append(
                        Group(
                            row[depth], int(row[depth + 1]), int(row[depth + 2]), row[depth + 3 : end], tuple(row[end:])
                        ),
                    )
            tells_all = key.single and not key.nullable and grouping.wanted("") == "1"
            if not depth and tells_all and (top is None or top.least <= 1):
                groups = by_parent.get((), [])
                cut = top is not None
                self.counted = (groups[0].total if groups else 0) if cut else sum(group.count for group in groups)
        children: dict[Path, Bucket] = {}
        for path, parent in level.parents.items():
            answer, kept = grouping.shape(by_parent[path], self._filler(aggregation.subs, plan))
            parent[aggregation.name] = with_meta(aggregation, answer)
            children |= {(*path, hashable(raw)): bucket for raw, bucket in kept}
        if key is not None and children and _needs_statements(aggregation.subs):
            keys = (*level.keys, key)
            kept_only = level.kept
            if top is not None:
                # Terms are cut to the first few: what is nested looks at those alone.
                tuples = ", ".join(_tuple(keys, path) for path in children)
                kept_only = f"({', '.join(f'k{n}' for n in range(len(keys)))}) IN ({tuples})"
            yield from self.fill_level(aggregation.subs, Level(keys, level.where, kept_only, children))

    def _one_bucket(self, aggregation: Aggregation, condition: str, level: Level) -> Statements:
        plan = self.plan(aggregation.subs)
        narrowed = (*level.where, condition)
        rows = yield self._statement(level, narrowed, plan)
        depth = len(level.keys)
        groups = {path_of(row[:depth]): Group(None, int(row[depth]), 0, row[depth + 1 :]) for row in rows if row[depth]}
        fill = self._filler(aggregation.subs, plan)
        children: dict[Path, Bucket] = {}
        for path, parent in level.parents.items():
            group = groups.get(path)
            bucket = fill({"doc_count": group.count if group else 0}, group)
            parent[aggregation.name] = with_meta(aggregation, bucket)
            if group:
                children[path] = bucket
        if children:
            yield from self.fill_level(aggregation.subs, Level(level.keys, narrowed, level.kept, children))

    def _filler(self, subs: Sequence[Aggregation], plan: Plan) -> Callable[[Bucket, Group | None], Bucket]:
        """Return what completes a bucket: its figures, and the empty answer of what is nested deeper."""
        columns = {aggregation.name: (figure, first) for aggregation, figure, first in plan.figures}

        def fill(head: Bucket, group: Group | None) -> Bucket:
            self._buckets += 1
            if self._buckets > MAX_BUCKETS:
                raise TooManyBuckets(MAX_BUCKETS)
            for sub in subs:
                if isinstance(sub.spec, Pipeline):
                    continue
                if sub.name in columns:
                    figure, first = columns[sub.name]
                    width = len(figure.outputs)
                    cells = group.figures[first : first + width] if group else [0] * width
                    head[sub.name] = with_meta(sub, figure.shape(cells))
                else:
                    # A bucket with documents keeps the place for its statement; an empty one is answered now.
                    head[sub.name] = None if group else self._empty(sub)
            return head

        return fill

    def _empty(self, aggregation: Aggregation) -> Bucket:
        spec = aggregation.spec
        match spec:
            case TopHits():
                return with_meta(aggregation, {"hits": {"total": 0, "max_score": None, "hits": []}})
            case FilterBucket() | MissingBucket() | NestedBucket():
                fill = self._filler(aggregation.subs, self.plan(aggregation.subs))
                return with_meta(aggregation, fill({"doc_count": 0}, None))
            case Metric() | Percentiles() | PercentileRanks() | Across() | Along():
                raise TypeError(spec)
            case _:
                fill = self._filler(aggregation.subs, self.plan(aggregation.subs))
                return with_meta(aggregation, self._grouping(spec, aggregation.name).shape([], fill)[0])

    def _statement(self, level: Level, where: Sequence[str], plan: Plan) -> str:
        """Write the statement that counts documents, and works out figures, per bucket of the level."""
        columns = [f"{read} AS {alias}" for read, alias in plan.inputs.aliases.items()]
        inner = level.documents(self.conditions.index.table, where, columns)
        outputs = "".join(f", {output}" for output in plan.outputs)
        kept = sql.all_of([level.kept, *level.present])
        names = ", ".join(level.aliases)
        grouped = f" GROUP BY {names}" if names else ""
        return f"SELECT {names + ', ' if names else ''}count(){outputs} FROM ({inner}) WHERE {kept}{grouped}"

    def root_statement(self, where: Sequence[str], plan: Plan, extra: Sequence[str]) -> str:
        """Write the statement of the level without keys; `extra` are more columns over the documents."""
        level = Level((), tuple(where), "1", {})
        for read in extra:
            plan.inputs.add(read)
        spans = tuple(f"{bound}({plan.inputs.aliases[read]})" for read in extra for bound in ("min", "max"))
        return self._statement(level, where, Plan(plan.inputs, plan.figures, (*plan.outputs, *spans)))

    def _grouped_statement(self, level: Level, key: Key, grouping: Grouping, plan: Plan) -> str:
        """Write the statement of one bucket aggregation below a level."""
        own = f"k{len(level.keys)}"
        columns = [f"{key.sql} AS {own}", *(f"{read} AS {alias}" for read, alias in plan.inputs.aliases.items())]
        inner = level.documents(self.conditions.index.table, level.where, columns)
        present = [*level.present, *([f"isNotNull({own})"] if key.nullable else [])]
        kept = sql.all_of([level.kept, *present, grouping.wanted(own)])
        names = [*level.aliases, own]
        figures = [f"{output} AS a{number}" for number, output in enumerate(plan.outputs)]
        top = grouping.top()
        if top is None:
            selected = ", ".join([*names, "count() AS c", "0 AS total", *figures])
            grouped = f"SELECT {selected} FROM ({inner}) WHERE {kept} GROUP BY {', '.join(names)}"
            return f"{grouped} LIMIT {MAX_BUCKETS + 1}"
        parents = ", ".join(level.aliases)
        # Terms of too few documents are counted nowhere, those beyond the size are counted together.
        counted = "count()" if top.least <= 1 else f"if(count() >= {top.least}, count(), 0)"
        window = f"sum({counted}) OVER ({f'PARTITION BY {parents}' if parents else ''})"
        selected = ", ".join([*names, "count() AS c", f"{window} AS total", *figures])
        grouped = f"SELECT {selected} FROM ({inner}) WHERE {kept} GROUP BY {', '.join(names)}"
        if not top.least:
            # What has no match at all takes part in the order, which Python knows alone.
            steps = "".join(f", {plan.steps[step.path]}" for step in top.order if step.path is not None)
            return f"SELECT *{steps} FROM ({grouped}) LIMIT {MAX_BUCKETS + 1}"
        order = ", ".join([*level.aliases, *(_order_sql(step, own, plan) for step in top.order)])
        return (
            f"SELECT * FROM ({grouped}) WHERE c >= {top.least} ORDER BY {order}{_limit_by(top, parents)}"
            f" LIMIT {MAX_BUCKETS + 1}"
        )


def _needs_statements(subs: Sequence[Aggregation]) -> bool:
    return any(not isinstance(sub.spec, Figures | Pipeline) for sub in subs)


def _tuple(keys: tuple[Key, ...], path: Path) -> str:
    written = [key.literal(raw) for key, raw in zip(keys, path, strict=True)]
    return f"({', '.join(written)})" if len(written) > 1 else written[0]


def _limit_by(top: Top, parents: str) -> str:
    if top.size == 0:
        return ""
    return f" LIMIT {top.size} BY {parents}" if parents else f" LIMIT {top.size} BY total"


def _order_sql(step: Order, own: str, plan: Plan) -> str:
    direction = "ASC" if step.ascending else "DESC"
    if step.by is By.KEY:
        return f"{own} {direction}"
    if step.by is By.COUNT:
        return f"c {direction}"
    return f"{plan.steps[step.path] if step.path is not None else own} {direction} NULLS LAST"


def _step_of(columns: FigureColumns, path: ValuePath) -> str:
    """Find the expression of a figure; percentages are named `50` and `50.0` alike."""
    figure = path.figure or ""
    number = numeric(figure)
    return columns.orders.get(figure) or columns.orders[str(float(number or 0.0))]
