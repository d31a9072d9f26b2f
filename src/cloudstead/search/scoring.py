"""What a match scores: the boosts of the clauses that it matched, added up.

Elasticsearch weighs a clause by how rare its words are, which no client can rely on: it changes with every document.
Here each clause that scores counts 1 times its boosts, so that a document with more of what was asked for comes first.
Filters count nothing; a query of filters alone scores 0, and one of refusals alone 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from cloudstead.search import sql
from cloudstead.search.query import (
    Bool,
    Boosted,
    Boosting,
    DisMax,
    EachField,
    Match,
    MatchAcross,
    OnIndices,
    Query,
)

if TYPE_CHECKING:
    from cloudstead.search.conditions import Conditions

# One number when all matches score the same, else the expression that gives the score of a document that matches.
Score: TypeAlias = float | str


def search_score(query: Query, conditions: Conditions, boost: float) -> Score:
    """Work out what the matches of a whole search score, in an index with a boost of its own."""
    return _times(score_of(query, conditions), boost)


def scored_at_least(score: Score, least: float) -> str:
    """Write the condition that a match scores so much."""
    if isinstance(score, str):
        return f"({score} >= {sql.floating(least)})"
    return "1" if score >= least else "0"


def score_of(query: Query, conditions: Conditions) -> Score:
    """Work out what the matches of a query score."""
    match query:
        case Bool():
            return _bool(query, conditions)
        case Boosted():
            return _times(score_of(query.query, conditions), query.boost)
        case DisMax():
            return _best(query, conditions)
        case Boosting():
            score = score_of(query.positive, conditions)
            negative = conditions.of(query.negative)
            return f"({_written(score)} * if({negative}, {sql.floating(query.boost)}, toFloat64(1)))"
        case Match() | MatchAcross() | EachField() | OnIndices():
            return score_of(conditions.expanded(query), conditions)
        case _:
            return 1.0


def _bool(query: Bool, conditions: Conditions) -> Score:
    if not query.must and not query.should:
        return 0.0 if query.filters else 1.0
    scores = [score_of(clause, conditions) for clause in query.must]
    for clause in query.should:
        score = score_of(clause, conditions)
        scores.append(score if query.minimum == len(query.should) else _if(conditions.of(clause), score))
    return _sum(scores)


def _best(query: DisMax, conditions: Conditions) -> Score:
    scores = [score_of(one, conditions) for one in query.queries]
    if len(set(scores)) == 1 and not query.tie_breaker and isinstance(scores[0], float):
        return scores[0]
    matched = [_written(_if(conditions.of(one), score)) for one, score in zip(query.queries, scores, strict=True)]
    if len(matched) == 1:
        return matched[0]
    best = f"greatest({', '.join(matched)})"
    if not query.tie_breaker:
        return best
    return f"({best} + {sql.floating(query.tie_breaker)} * ({' + '.join(matched)} - {best}))"


def _if(condition: str, score: Score) -> Score:
    if condition == "0" or score == 0.0:
        return 0.0
    return score if condition == "1" else f"if({condition}, {_written(score)}, toFloat64(0))"


def _sum(scores: list[Score]) -> Score:
    fixed = sum(score for score in scores if isinstance(score, float))
    varying = [score for score in scores if isinstance(score, str)]
    if not varying:
        return fixed
    return f"({' + '.join([*([_written(fixed)] if fixed else []), *varying])})"


def _times(score: Score, boost: float) -> Score:
    return score * boost if isinstance(score, float) else f"({score} * {sql.floating(boost)})"


def _written(score: Score) -> str:
    return sql.floating(score) if isinstance(score, float) else score
