"""A reader of queries who takes one document after the other: what the compiled SQL is held against.

It knows the states of `test_text_laws` only: texts and lists of texts in `t` and `u`, a number in `n`. `judge` answers
with the score of a document, or None when the query does not find it.
"""

from __future__ import annotations

import fnmatch
import re
from typing import Any

Judgement = float | None


def texts_of(state: dict[str, Any], field: str) -> list[str]:
    held = state.get(field.removeprefix("state."))
    return [text for text in (held if isinstance(held, list) else [held]) if isinstance(text, str)]


def words_of(text: str) -> list[str]:
    """Right for letters with one sign between two words."""
    return re.findall(r"\w+(?:[.']\w+)*", text.lower())


def has_phrase(words: list[str], phrase: list[str], slop: int, *, prefix: bool) -> bool:
    """Try every way to give each word of the phrase a place; the shifts may differ by `slop`."""
    ways: list[tuple[int, int]] = []
    for place, wanted in enumerate(phrase):
        is_last = place == len(phrase) - 1
        shifts = [
            at - place
            for at, word in enumerate(words)
            if word == wanted or (prefix and is_last and word.startswith(wanted))
        ]
        ways = (
            [(shift, shift) for shift in shifts]
            if not place
            else [(min(low, shift), max(high, shift)) for low, high in ways for shift in shifts]
        )
        ways = [(low, high) for low, high in set(ways) if high - low <= slop]
    return bool(ways)


def edits_between(one: str, other: str) -> int:
    """Count insertions, removals, replacements and neighbours changed about."""
    table = {(row, -1): row + 1 for row in range(-1, len(one))} | {
        (-1, column): column + 1 for column in range(-1, len(other))
    }
    for row, left in enumerate(one):
        for column, right in enumerate(other):
            best = min(
                table[row - 1, column] + 1, table[row, column - 1] + 1, table[row - 1, column - 1] + (left != right)
            )
            if row and column and left == other[column - 1] and one[row - 1] == right:
                best = min(best, table[row - 2, column - 2] + 1)
            table[row, column] = best
    return table[len(one) - 1, len(other) - 1]


def is_near(word: str, wanted: str, edits: int) -> bool:
    distance = edits_between(word, wanted)
    return distance == 0 or (distance <= edits and distance < min(len(word), len(wanted)))


def joined(judgements: list[Judgement], least: int) -> Judgement:
    matched = [score for score in judgements if score is not None]
    return sum(matched) if len(matched) >= least else None


def best(judgements: list[Judgement], tie_breaker: float) -> Judgement:
    matched = [score for score in judgements if score is not None]
    if not matched:
        return None
    return max(matched) + tie_breaker * (sum(matched) - max(matched))


def least_of(clauses: int, written: Any) -> int:
    text = str(written)
    if text.endswith("%"):
        part = int(clauses * int(text[:-1]) / 100)
        wanted = clauses + part if text.startswith("-") else part
    else:
        wanted = int(text) if int(text) >= 0 else clauses + int(text)
    return min(clauses, max(0, wanted))


def judge_match(state: dict[str, Any], field: str, body: dict[str, Any]) -> Judgement:
    wanted = words_of(body["query"])
    texts = [words_of(text) for text in texts_of(state, field)]
    if not wanted:
        return None
    if body.get("type", "boolean") != "boolean":
        prefix = body["type"] == "phrase_prefix"
        return 1.0 if any(has_phrase(text, wanted, body.get("slop", 0), prefix=prefix) for text in texts) else None
    held = {word for text in texts for word in text}
    edits = body.get("fuzziness", 0)
    found: list[Judgement] = [1.0 if any(is_near(word, one, edits) for word in held) else None for one in wanted]
    if body.get("operator") == "and":
        return joined(found, len(found))
    return joined(found, max(1, least_of(len(found), body.get("minimum_should_match", 1))))


def judge_bool(state: dict[str, Any], body: dict[str, Any], *, filters: bool) -> Judgement:
    must = [judge(clause, state, filters=filters) for clause in body["must"]]
    filtered = [judge(clause, state, filters=True) for clause in body["filter"]]
    should = [judge(clause, state, filters=filters) for clause in body["should"]]
    refused = [judge(clause, state, filters=True) for clause in body["must_not"]]
    if None in must or None in filtered or any(score is not None for score in refused):
        return None
    least = least_of(len(should), body.get("minimum_should_match", 0))
    if "minimum_should_match" not in body and filters:
        least = 1
    if not must and not filtered:
        least = max(1, least)
    if should and (optional := joined(should, least)) is None:
        return None
    scored = [score for score in must if score is not None]
    if not must and not should:
        return 0.0 if filtered else 1.0
    return sum(scored) + (optional if should else 0.0)


def judge(query: dict[str, Any], state: dict[str, Any], *, filters: bool = False) -> Judgement:
    ((kind, body),) = query.items()
    match kind:
        case "bool":
            return judge_bool(state, body, filters=filters)
        case "dis_max":
            return best([judge(one, state, filters=filters) for one in body["queries"]], body["tie_breaker"])
        case "boosting":
            score = judge(body["positive"], state, filters=filters)
            lowered = judge(body["negative"], state, filters=True) is not None
            return score if score is None or not lowered else score * body["negative_boost"]
        case "constant_score":
            return None if judge(body["filter"], state, filters=True) is None else body["boost"]
        case "multi_match":
            return judge_multi(state, body)
        case "match":
            ((field, options),) = body.items()
            return judge_match(state, field, options)
        case "exists":
            held = state.get(body["field"].removeprefix("state."))
            return 1.0 if held is not None and held != [] else None
        case "range":
            ((_, bounds),) = body.items()
            number = state.get("n")
            return 1.0 if number is not None and bounds["gte"] <= number < bounds["lt"] else None
        case _:
            ((field, asked),) = body.items()
            return 1.0 if any(is_like(kind, text, asked) for text in texts_of(state, field)) else None


def is_like(kind: str, text: str, asked: str) -> bool:
    match kind:
        case "term":
            return text == asked
        case "prefix":
            return text.startswith(asked)
        case "wildcard":
            return fnmatch.fnmatchcase(text, asked)
        case _:
            return re.fullmatch(asked, text, re.DOTALL) is not None


def judge_multi(state: dict[str, Any], body: dict[str, Any]) -> Judgement:
    if body["type"] == "cross_fields":
        found = [
            best([judge_match(state, field, {"query": word}) for field in body["fields"]], 0.0)
            for word in words_of(body["query"])
        ]
        return joined(found, len(found) if body["operator"] == "and" else 1) if found else None
    options = {"query": body["query"], "operator": body["operator"]}
    if body["type"] == "phrase":
        options["type"] = "phrase"
    judgements = [judge_match(state, field, options) for field in body["fields"]]
    return joined(judgements, 1) if body["type"] == "most_fields" else best(judgements, 0.0)
