"""Filling the buckets of a search level by level: one statement per aggregation, however many buckets there are.

A level holds the buckets that are waiting to be filled and what distinguishes them: the keys of all aggregations above.
Its statement groups by those keys and its own, so that nesting costs statements, never one query per bucket.
"""

# ruff: noqa: S608 (all outside text becomes SQL in cloudstead.search.sql)

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, assert_never

from cloudstead.search import sql
from cloudstead.search.aggregation import (
    Aggregation,
    Buckets,
    By,
    DateHistogramBuckets,
    FilterBucket,
    FiltersBuckets,
    HistogramBuckets,
    Metric,
    MissingBucket,
    Order,
    Percentiles,
    RangeBuckets,
    TermsBuckets,
    TopHits,
)
from cloudstead.search.choices import FiltersGrouping, RangeGrouping
from cloudstead.search.conditions import Conditions, instant_sql
from cloudstead.search.errors import SearchInvalid, TooManyBuckets
from cloudstead.search.fields import OBSERVATIONS
from cloudstead.search.figures import FigureColumns, Inputs, figure_columns
from cloudstead.search.grouping import MAX_BUCKETS, Bucket, Group, Grouping, Key, TermsGrouping, Top
from cloudstead.search.histograms import DateHistogramGrouping, HistogramGrouping
from cloudstead.search.hits import HitShape, SortPlan, plan_sort

Rows: TypeAlias = Sequence[Sequence[Any]]
Path: TypeAlias = tuple[Any, ...]
Statements: TypeAlias = Generator[str, Rows, None]

MAX_TOP_HITS = 10_000


@dataclass(frozen=True, slots=True)
class Level:
    """The buckets to fill: keys of the aggregations above, conditions, and each bucket by its path of keys."""

    keys: tuple[Key, ...]
    where: tuple[str, ...]
    kept: str
    parents: dict[Path, Bucket]

    @property
    def aliases(self) -> list[str]:
        """Name the keys in a statement."""
        return [f"k{number}" for number in range(len(self.keys))]


@dataclass(frozen=True, slots=True)
class Plan:
    """The metrics of one level, laid out as columns of its statement."""

    inputs: Inputs
    figures: tuple[tuple[Aggregation, FigureColumns, int], ...]
    outputs: tuple[str, ...]


@dataclass(slots=True)
class Levels:
    """Fills the aggregations of one search."""

    conditions: Conditions
    exact: bool
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    # What an aggregation of the whole search has counted, when it cannot have missed a document.
    counted: int | None = None
    _buckets: int = 0

    def plan(self, aggregations: Sequence[Aggregation]) -> Plan:
        """Lay out the metrics among some aggregations."""
        inputs = Inputs()
        figures: list[tuple[Aggregation, FigureColumns, int]] = []
        outputs: list[str] = []
        for aggregation in aggregations:
            if isinstance(aggregation.spec, Metric | Percentiles):
                columns = figure_columns(aggregation.spec, self.conditions, inputs, exact=self.exact)
                figures.append((aggregation, columns, len(outputs)))
                outputs += columns.outputs
        return Plan(inputs, tuple(figures), tuple(outputs))

    def fill_level(self, aggregations: Sequence[Aggregation], level: Level) -> Statements:
        """Fill what metrics have not filled yet in every bucket of a level."""
        for aggregation in aggregations:
            spec = aggregation.spec
            match spec:
                case Metric() | Percentiles():
                    continue
                case TopHits():
                    yield from self._top_hits(aggregation, spec, level)
                case FilterBucket():
                    yield from self._one_bucket(aggregation, self.conditions.of(spec.query), level)
                case MissingBucket():
                    absent = f"(NOT {self.conditions.exists(spec.field)})"
                    yield from self._one_bucket(aggregation, absent, level)
                case _:
                    yield from self._many_buckets(aggregation, self._grouping(spec), level)

    def _grouping(self, spec: Buckets) -> Grouping:
        match spec:
            case TermsBuckets():
                return TermsGrouping.of(spec, self.conditions)
            case HistogramBuckets():
                return HistogramGrouping.of(spec, self.conditions)
            case DateHistogramBuckets():
                return DateHistogramGrouping.of(spec, self.conditions, self.spans.get(spec.field, (0, 0)))
            case RangeBuckets():
                return RangeGrouping.of(spec, self.conditions)
            case FiltersBuckets():
                return FiltersGrouping.of(spec, self.conditions)
            case FilterBucket() | MissingBucket():
                raise TypeError(spec)
            case _:
                assert_never(spec)

    def _many_buckets(self, aggregation: Aggregation, grouping: Grouping, level: Level) -> Statements:
        plan = self.plan(aggregation.subs)
        key = grouping.key(len(level.keys))
        by_parent: dict[Path, list[Group]] = {path: [] for path in level.parents}
        if key is not None and level.parents:
            rows = yield self._grouped_statement(level, key, grouping, plan)
            if len(rows) > MAX_BUCKETS:
                raise TooManyBuckets(MAX_BUCKETS)
            depth = len(level.keys)
            for row in rows:
                groups = by_parent.get(_path(row[:depth]))
                if groups is not None:
                    groups.append(Group(row[depth], int(row[depth + 1]), int(row[depth + 2]), row[depth + 3 :]))
            if not depth and key.single and not key.nullable and grouping.wanted("") == "1":
                groups = by_parent.get((), [])
                cut = grouping.top() is not None
                self.counted = (groups[0].total if groups else 0) if cut else sum(group.count for group in groups)
        children: dict[Path, Bucket] = {}
        for path, parent in level.parents.items():
            answer, kept = grouping.shape(by_parent[path], self._filler(aggregation.subs, plan))
            parent[aggregation.name] = with_meta(aggregation, answer)
            children |= {(*path, _hashable(raw)): bucket for raw, bucket in kept}
        if key is not None and children and _needs_statements(aggregation.subs):
            keys = (*level.keys, key)
            top = grouping.top()
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
        groups = {_path(row[:depth]): Group(None, int(row[depth]), 0, row[depth + 1 :]) for row in rows}
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
            case FilterBucket() | MissingBucket():
                fill = self._filler(aggregation.subs, self.plan(aggregation.subs))
                return with_meta(aggregation, fill({"doc_count": 0}, None))
            case Metric() | Percentiles():
                raise TypeError(spec)
            case _:
                fill = self._filler(aggregation.subs, self.plan(aggregation.subs))
                return with_meta(aggregation, self._grouping(spec).shape([], fill)[0])

    def _inner(self, level: Level, where: Sequence[str], columns: Sequence[str]) -> str:
        keys = [f"{key.sql} AS k{number}" for number, key in enumerate(level.keys)]
        selected = [*keys, *columns] or ["1 AS one"]
        return f"SELECT {', '.join(selected)} FROM {self.conditions.index.table} WHERE {sql.all_of(where)}"

    def _present(self, level: Level) -> list[str]:
        return [f"isNotNull(k{number})" for number, key in enumerate(level.keys) if key.nullable]

    def _statement(self, level: Level, where: Sequence[str], plan: Plan) -> str:
        """Write the statement that counts documents, and works out figures, per bucket of the level."""
        inner = self._inner(level, where, [f"{read} AS {alias}" for read, alias in plan.inputs.aliases.items()])
        outputs = "".join(f", {output}" for output in plan.outputs)
        kept = sql.all_of([level.kept, *self._present(level)])
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
        inner = self._inner(level, level.where, columns)
        present = [*self._present(level), *([f"isNotNull({own})"] if key.nullable else [])]
        kept = sql.all_of([level.kept, *present, grouping.wanted(own)])
        names = [*level.aliases, own]
        figures = [f"{output} AS a{number}" for number, output in enumerate(plan.outputs)]
        top = grouping.top()
        if top is None:
            selected = ", ".join([*names, "count() AS c", "0 AS total", *figures])
            grouped = f"SELECT {selected} FROM ({inner}) WHERE {kept} GROUP BY {', '.join(names)}"
            return f"{grouped} LIMIT {MAX_BUCKETS + 1}"
        parents = ", ".join(level.aliases)
        window = f"sum(count()) OVER (PARTITION BY {parents})" if parents else "sum(count()) OVER ()"
        selected = ", ".join([*names, "count() AS c", f"{window} AS total", *figures])
        grouped = f"SELECT {selected} FROM ({inner}) WHERE {kept} GROUP BY {', '.join(names)}"
        order = ", ".join([*level.aliases, *(_order_sql(step, own, plan) for step in top.order)])
        return (
            f"SELECT * FROM ({grouped}) WHERE c >= {top.least} ORDER BY {order}{_limit_by(top, parents)}"
            f" LIMIT {MAX_BUCKETS + 1}"
        )

    def _top_hits(self, aggregation: Aggregation, spec: TopHits, level: Level) -> Statements:
        """Fetch the first documents of every bucket: which they are first, then the documents themselves."""
        plan = plan_sort(spec.sort, self.conditions)
        shape = _hit_shape(self.conditions, spec, plan)
        index = self.conditions.index
        ends = [f"{column} AS i{number}" for number, column in enumerate(index.identity)]
        compared = [f"{column.compared} AS o{number}" for number, column in enumerate(plan.columns)]
        shown = [f"{column.shown} AS s{number}" for number, column in enumerate(plan.columns)]
        inner = self._inner(level, level.where, [*ends, *compared, *shown])
        kept = sql.all_of([level.kept, *self._present(level)])
        order = [
            *level.aliases,
            *(column.order_of(f"o{number}") for number, column in enumerate(plan.columns)),
            *(f"i{number}" for number in range(len(index.identity))),
        ]
        identities = [
            f"toUnixTimestamp64Milli(i{number})" if column == "ts" else f"i{number}"
            for number, column in enumerate(index.identity)
        ]
        wanted = spec.start + spec.size
        names = level.aliases
        per_bucket = f" LIMIT {wanted} BY {', '.join(names)}" if names else f" LIMIT {wanted}"
        cells = ", ".join([*names, *identities, *(f"s{number}" for number in range(len(shown)))])
        rows: Rows = ()
        if spec.size:
            rows = yield (
                f"SELECT {cells} FROM ({inner}) WHERE {kept} ORDER BY {', '.join(order)}{per_bucket}"
                + (f" LIMIT {MAX_TOP_HITS + 1}" if names else "")
            )
        if len(rows) > MAX_TOP_HITS:
            raise SearchInvalid(f"[{aggregation.name}] would answer with more than {MAX_TOP_HITS} hits")
        depth, width = len(names), len(index.identity)
        chosen: dict[Path, list[tuple[Path, Sequence[Any]]]] = {path: [] for path in level.parents}
        for row in rows:
            if (hits := chosen.get(_path(row[:depth]))) is not None:
                hits.append((tuple(row[depth : depth + width]), row[depth + width :]))
        paged = {path: hits[spec.start :] for path, hits in chosen.items()}
        documents: dict[Path, Sequence[Any]] = {}
        identities_wanted = {identity for hits in paged.values() for identity, _ in hits}
        if identities_wanted:
            found = yield self._documents_statement(identities_wanted)
            documents = {tuple(row[:width]): row[width:] for row in found}
        for path, parent in level.parents.items():
            hits_of = [
                shape.hit(documents[identity], cells_of, spec.start + position)
                for position, (identity, cells_of) in enumerate(paged[path])
                if identity in documents
            ]
            total = parent.get("doc_count", 0)
            max_score = shape.score if hits_of else None
            answer: Bucket = {"hits": {"total": total, "max_score": max_score, "hits": hits_of}}
            parent[aggregation.name] = with_meta(aggregation, answer)

    def _documents_statement(self, identities: set[Path]) -> str:
        index = self.conditions.index
        literals = sorted(
            "("
            + ", ".join(
                instant_sql(int(cell))
                if column == "ts"
                else sql.text(cell)
                if isinstance(cell, str)
                else sql.number(cell)
                for column, cell in zip(index.identity, identity, strict=True)
            )
            + ")"
            for identity in identities
        )
        ends = ["toUnixTimestamp64Milli(ts)" if column == "ts" else column for column in index.identity]
        where = [
            *self.conditions.scope.conditions(),
            f"({', '.join(index.identity)}) IN ({', '.join(literals)})",
        ]
        if index is OBSERVATIONS:
            # Instants by themselves let ClickHouse leave out whole weeks and granules.
            instants = {int(identity[index.identity.index("ts")]) for identity in identities}
            where.append(f"ts >= {instant_sql(min(instants))} AND ts <= {instant_sql(max(instants))}")
        selected = ", ".join([*ends, *index.document_columns])
        return f"SELECT {selected} FROM {index.table} WHERE {sql.all_of(where)}"


def _hit_shape(conditions: Conditions, spec: TopHits, plan: SortPlan) -> HitShape:
    score = 1.0 if plan.scores or spec.track_scores else None
    return HitShape(conditions.index, spec.source, None, plan, score)


def _needs_statements(subs: Sequence[Aggregation]) -> bool:
    return any(not isinstance(sub.spec, Metric | Percentiles) for sub in subs)


def with_meta(aggregation: Aggregation, answer: Bucket) -> Bucket:
    """Put the caller's own words before an answer."""
    return answer if aggregation.meta is None else {"meta": aggregation.meta, **answer}


def _hashable(cell: Any) -> Any:
    return tuple(cell) if isinstance(cell, list) else cell


def _path(cells: Sequence[Any]) -> Path:
    return tuple(_hashable(cell) for cell in cells)


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
    for aggregation, columns, first in plan.figures:
        if aggregation.name == step.metric:
            written = columns.orders.get(step.figure, columns.orders.get(f"{step.figure}.0", "0"))
            outputs = [f"a{first + number}" for number in range(len(columns.outputs))]
            return f"{written.format(*outputs)} {direction} NULLS LAST"
    raise SearchInvalid(f"Invalid aggregator order path [{step.metric}]")
