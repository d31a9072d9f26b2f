"""The first documents of each bucket: which they are in one statement, then all of them in another."""

# ruff: noqa: S608 (all outside text becomes SQL in cloudstead.search.sql)

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cloudstead.search import sql
from cloudstead.search.aggregation import Aggregation, TopHits
from cloudstead.search.conditions import Conditions, instant_sql
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.fields import OBSERVATIONS, Index
from cloudstead.search.grouping import Bucket, Level, Path, Rows, Statements, path_of, with_meta
from cloudstead.search.hits import HitShape, SortPlan, plan_sort
from cloudstead.search.scoring import Score

MAX_TOP_HITS = 10_000  # in one answer


@dataclass(frozen=True, slots=True)
class _Chosen:
    """One hit: which document, its score, the highest score of its bucket, and the values that it is sorted by."""

    identity: Path
    score: float
    highest: float
    sort_cells: Sequence[Any]


def fill_top_hits(
    aggregation: Aggregation, spec: TopHits, level: Level, conditions: Conditions, score: Score
) -> Statements:
    """Answer an aggregation of documents in every bucket of a level."""
    plan = plan_sort(spec.sort, conditions, score if isinstance(score, str) else None)
    varying = score if isinstance(score, str) else None
    rows: Rows = ()
    if spec.size:
        rows = yield _chosen_statement(spec, level, conditions, plan, varying)
    if len(rows) > MAX_TOP_HITS:
        raise SearchInvalid(f"[{aggregation.name}] would answer with more than {MAX_TOP_HITS} hits")
    fixed = score if isinstance(score, float) else 0.0
    chosen = _by_bucket(rows, level, len(conditions.index.identity), fixed, is_scored=varying is not None)
    paged = {path: hits[spec.start :] for path, hits in chosen.items()}
    documents: dict[Path, Sequence[Any]] = {}
    wanted = {hit.identity for hits in paged.values() for hit in hits}
    if wanted:
        width = len(conditions.index.identity)
        found = yield _documents_statement(conditions, wanted)
        documents = {tuple(row[:width]): row[width:] for row in found}
    tells_scores = plan.scores or spec.track_scores
    shape = HitShape(
        conditions.index,
        spec.source,
        spec.fields,
        plan,
        fixed if tells_scores else None,
        data_fields=spec.data_fields,
        tells_version=spec.version,
        explains=spec.explain,
    )
    for path, parent in level.parents.items():
        hits = paged[path]
        shaped = [
            shape.hit(document[:-1], hit.sort_cells, spec.start + position, score=hit.score, version=int(document[-1]))
            for position, hit in enumerate(hits)
            if (document := documents.get(hit.identity)) is not None
        ]
        highest = chosen[path][0].highest if tells_scores and chosen[path] else None
        answer: Bucket = {"hits": {"total": parent.get("doc_count", 0), "max_score": highest, "hits": shaped}}
        parent[aggregation.name] = with_meta(aggregation, answer)


def _chosen_statement(spec: TopHits, level: Level, conditions: Conditions, plan: SortPlan, score: str | None) -> str:
    """Write the statement that names the first documents of every bucket."""
    index = conditions.index
    columns = [
        *(f"{column} AS i{number}" for number, column in enumerate(index.identity)),
        *(f"{column.compared} AS o{number}" for number, column in enumerate(plan.columns)),
        *(f"{column.shown} AS s{number}" for number, column in enumerate(plan.columns)),
        *([] if score is None else [f"{score} AS score"]),
    ]
    names = level.aliases
    identities = [
        f"toUnixTimestamp64Milli(i{number})" if column == "ts" else f"i{number}"
        for number, column in enumerate(index.identity)
    ]
    partition = f"PARTITION BY {', '.join(names)}" if names else ""
    scores = [] if score is None else ["score", f"max(score) OVER ({partition}) AS highest"]
    order = [
        *names,
        *(column.order_of(f"o{number}") for number, column in enumerate(plan.columns)),
        *(f"i{number}" for number in range(len(index.identity))),
    ]
    cells = [*names, *identities, *scores, *(f"s{number}" for number in range(len(plan.columns)))]
    wanted = spec.start + spec.size
    limit = f" LIMIT {wanted} BY {', '.join(names)} LIMIT {MAX_TOP_HITS + 1}" if names else f" LIMIT {wanted}"
    return (
        f"SELECT {', '.join(cells)} FROM ({level.documents(index.table, level.where, columns)})"
        f" WHERE {sql.all_of([level.kept, *level.present])} ORDER BY {', '.join(order)}{limit}"
    )


def _by_bucket(rows: Rows, level: Level, width: int, fixed: float, *, is_scored: bool) -> dict[Path, list[_Chosen]]:
    depth = len(level.keys)
    chosen: dict[Path, list[_Chosen]] = {path: [] for path in level.parents}
    for row in rows:
        hits = chosen.get(path_of(row[:depth]))
        if hits is None:
            continue
        rest = row[depth + width :]
        score, highest = (float(rest[0]), float(rest[1])) if is_scored else (fixed, fixed)
        hits.append(_Chosen(tuple(row[depth : depth + width]), score, highest, rest[2:] if is_scored else rest))
    return chosen


def _documents_statement(conditions: Conditions, identities: set[Path]) -> str:
    """Write the statement that reads documents by what identifies them, each with its version."""
    index = conditions.index
    ends = ["toUnixTimestamp64Milli(ts)" if column == "ts" else column for column in index.identity]
    literals = sorted(_identity_literal(index, identity) for identity in identities)
    where = [
        *conditions.scope.conditions(),
        f"({', '.join(index.identity)}) IN ({', '.join(literals)})",
    ]
    if index is OBSERVATIONS:
        # Instants by themselves let ClickHouse leave out whole weeks and granules.
        instants = {int(identity[index.identity.index("ts")]) for identity in identities}
        where.append(f"ts >= {instant_sql(min(instants))} AND ts <= {instant_sql(max(instants))}")
    selected = ", ".join([*ends, *index.document_columns, index.version_column])
    return f"SELECT {selected} FROM {index.table} WHERE {sql.all_of(where)}"


def _identity_literal(index: Index, identity: Path) -> str:
    cells = [
        instant_sql(int(cell)) if column == "ts" else sql.text(cell) if isinstance(cell, str) else sql.number(cell)
        for column, cell in zip(index.identity, identity, strict=True)
    ]
    return f"({', '.join(cells)})"
