"""The documents of an answer: the order that they are asked in, and the shape that they come back in."""

# ruff: noqa: S608 (all outside text becomes SQL in cloudstead.search.sql)

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from cloudstead.search import sql, values
from cloudstead.search.conditions import Conditions
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.fields import OBSERVATIONS, Field, Index
from cloudstead.search.reading import numeric, spelled
from cloudstead.search.selection import Sort, SourceFilter
from cloudstead.search.terms import TermType, terms_of
from cloudstead.search.values import Values

_MODES = {"min": "arrayMin", "max": "arrayMax", "sum": "arraySum", "avg": "arrayAvg"}


@dataclass(frozen=True, slots=True)
class SortColumn:
    """One column to order by: what is compared, what is shown, and where absent values go."""

    compared: str
    shown: str
    ascending: bool
    absent_first: bool = False

    @property
    def order(self) -> str:
        """Write the step of ORDER BY."""
        return self.order_of(self.compared)

    def order_of(self, name: str) -> str:
        """Write the step of ORDER BY over another name of the same value."""
        direction = "ASC" if self.ascending else "DESC"
        return f"{name} {direction} NULLS {'FIRST' if self.absent_first else 'LAST'}"


@dataclass(frozen=True, slots=True)
class SortPlan:
    """The columns of a sort; `steps` tells for each step of the caller which columns show its value."""

    columns: tuple[SortColumn, ...]
    steps: tuple[tuple[int, ...] | str, ...]

    @property
    def scores(self) -> bool:
        """Tell whether hits are ordered by nothing but their score."""
        return all(step == "_score" for step in self.steps)

    def shown(self, cells: Sequence[Any], *, score: float, position: int) -> list[object]:
        """Return the sort values of one hit."""
        found: list[object] = []
        for step in self.steps:
            if isinstance(step, str):
                found.append(score if step == "_score" else position)
            else:
                found.append(next((cells[index] for index in step if cells[index] is not None), None))
        return found


def plan_sort(sorts: tuple[Sort, ...], conditions: Conditions, score: str | None = None) -> SortPlan:
    """Plan the columns of a sort; a field that no document ever held is refused unless the sort tolerates it.

    `score` is the expression of a score that varies, by which hits stand when nothing else is asked for.
    """
    if not sorts and score is not None:
        return SortPlan((SortColumn(score, "NULL", ascending=False),), ())
    columns: list[SortColumn] = []
    steps: list[tuple[int, ...] | str] = []
    for sort in sorts:
        if sort.field in {"_score", "_doc"}:
            steps.append(sort.field)
            if sort.field == "_score" and score is not None:
                columns.append(SortColumn(score, "NULL", sort.ascending))
            if sort.field == "_doc":
                columns += [SortColumn(name, "NULL", sort.ascending) for name in conditions.index.natural_order]
            continue
        found = conditions.field(sort.field)
        if not found.parts:
            if not sort.tolerates_unmapped:
                raise SearchInvalid(f"No mapping found for [{sort.field}] in order to sort on")
            steps.append(())
            continue
        first = len(columns)
        columns += _columns(sort, found, conditions)
        steps.append(tuple(range(first, len(columns))))
    return SortPlan(tuple(columns), tuple(steps))


def _columns(sort: Sort, found: Field, conditions: Conditions) -> list[SortColumn]:
    """Order by the numbers of a field, then by its texts."""
    absent_first = sort.missing == "_first"
    custom = sort.missing not in {"_first", "_last"}
    if sort.mode in {"sum", "avg", "median"} and not found.numeric.parts:
        raise SearchInvalid(f"sort mode [{sort.mode}] is not supported for the texts of field [{sort.field}]")
    if custom and found.type is not None:
        terms = terms_of(found, sort.missing, conditions.now_ms)
        if terms is not None:
            one = _single(terms.values, sort, is_text=terms.type is TermType.TEXT)
            return [SortColumn(one, one, sort.ascending)]
    if found.is_date:
        part = found.parts[0]
        return [SortColumn(part.sql, f"toUnixTimestamp64Milli({part.sql})", sort.ascending, absent_first)]
    columns: list[SortColumn] = []
    whole = values.wholes(found.numeric) if found.numeric.parts else None
    read = whole or (values.numbers(found.numeric) if found.numeric.parts else None)
    # In a field of numbers and texts a value for those without stands among its own kind.
    number = numeric(sort.missing) if custom else None
    for kind, is_number in ((read, True), (values.texts(found), False)):
        if kind is None:
            continue
        one = _single(kind, sort, is_text=not is_number)
        if custom and is_number is (number is not None):
            literal = sql.text(spelled(sort.missing)) if number is None else sql.floating(number)
            one = f"if({found.present}, {one}, {literal})"
        columns.append(SortColumn(one, one, sort.ascending, absent_first and len(found.parts) == 1))
    if absent_first and len(found.parts) > 1:
        # Numbers stand before texts: a document that has a text only is not one without a value.
        columns.insert(0, SortColumn(f"({found.present})", "NULL", ascending=True))
    return columns


def _single(read: Values, sort: Sort, *, is_text: bool) -> str:
    """Reduce a list to the value that stands for the document: its least ascending, its greatest descending."""
    if not read.many:
        return read.sql
    mode = sort.mode or ("min" if sort.ascending else "max")
    if is_text and mode not in {"min", "max"}:
        mode = "min" if sort.ascending else "max"
    if mode == "median":
        middle = (f"arraySort({read.sql})[intDiv(length({read.sql}) + {up}, 2)]" for up in (1, 2))
        one = f"({' + '.join(middle)}) / 2"
    else:
        one = f"{_MODES[mode]}({read.sql})"
    return f"if(empty({read.sql}), NULL, {one})"


@dataclass(frozen=True, slots=True)
class HitShape:
    """How the hits of one list look."""

    index: Index
    source: SourceFilter
    fields: tuple[str, ...] | None
    plan: SortPlan
    score: float | None
    data_fields: tuple[str, ...] = ()
    tells_version: bool = False
    explains: bool = False

    def hit(
        self,
        cells: Sequence[Any],
        sort_cells: Sequence[Any],
        position: int,
        *,
        score: float | None = None,
        version: int = 1,
    ) -> dict[str, object]:
        """Shape one row of document columns; `score` is its own where it may differ from that of the others."""
        own = self.score if score is None else score
        whole, identity = _document(self.index, cells)
        found: dict[str, object] = {"_shard": 0, "_node": "cloudstead"} if self.explains else {}
        found |= {"_index": self.index.name, "_type": self.index.document_type, "_id": identity}
        if self.tells_version:
            found["_version"] = version
        found["_score"] = None if self.score is None else own
        if self.source.is_whole:
            found["_source"] = whole
        elif self.source.wanted:
            found["_source"] = self.source.of(_decoded(whole))
        if self.fields is not None or self.data_fields:
            decoded = _decoded(whole)
            picked = _picked(decoded, self.fields or ()) | _data(decoded, self.data_fields)
            if picked:
                found["fields"] = picked
        if self.plan.steps:
            found["sort"] = self.plan.shown(sort_cells, score=own or 0.0, position=position)
        if self.explains:
            found["_explanation"] = {
                "value": own or 0.0,
                "description": "sum of the boosts of the clauses that match",
                "details": [],
            }
        return found


def _document(index: Index, cells: Sequence[Any]) -> tuple[dict[str, object], str]:
    """Put a document together from its columns; the state stays the text that was received."""
    if index is OBSERVATIONS:
        offset, name, kind, domain, timestamp, source = cells
        return {
            "thingName": name,
            "thingType": kind,
            "domain": domain,
            "timestamp": timestamp,
            "state": msgspec.Raw(source.encode()),
        }, str(offset)
    name, kind, label, domain, description, created_at, created_by, source = cells
    document: dict[str, object] = {"thingName": name, "thingType": kind}
    if label is not None:
        document["label"] = label
    document["domain"] = domain
    if description is not None:
        document["description"] = description
    document["createdAt"] = created_at
    if created_by is not None:
        document["createdBy"] = created_by
    document["state"] = msgspec.Raw(source.encode())
    return document, str(name)


def _decoded(document: dict[str, object]) -> dict[str, object]:
    state = document["state"]
    return document | {"state": msgspec.json.decode(state) if isinstance(state, msgspec.Raw) else state}


def _picked(document: dict[str, object], fields: tuple[str, ...]) -> dict[str, object]:
    """Pick leaves by their paths, each as a list of its values."""
    found: dict[str, object] = {}
    for path, value in _leaves(document, ""):
        if any(_covers(pattern, path) for pattern in fields if pattern != "_source"):
            known = found.setdefault(path, [])
            if isinstance(known, list):
                known.append(value)
    return found


def _data(document: dict[str, object], fields: tuple[str, ...]) -> dict[str, object]:
    """Pick the values of fields as a sort would see them: different ones, in order."""
    found: dict[str, object] = {}
    for field in fields:
        plain = field.removesuffix(".lowercase")
        values_of = [value for path, value in _leaves(document, "") if path in {field, plain} and value is not None]
        if field != plain:
            values_of = [value.lower() for value in values_of if isinstance(value, str)]
        numbers = sorted({value for value in values_of if isinstance(value, int | float)})
        texts = sorted({value for value in values_of if isinstance(value, str)})
        if numbers or texts:
            found[field] = [*(int(number) if isinstance(number, bool) else number for number in numbers), *texts]
    return found


def _covers(pattern: str, path: str) -> bool:
    return pattern in {path, "*"} or (pattern.endswith("*") and path.startswith(pattern[:-1]))


def _leaves(value: object, path: str) -> list[tuple[str, object]]:
    if isinstance(value, dict):
        return [
            leaf for key, member in value.items() for leaf in _leaves(member, f"{path}.{key}" if path else str(key))
        ]
    if isinstance(value, list):
        return [leaf for entry in value for leaf in _leaves(entry, path)]
    return [(path, value)]


def document_statement(
    conditions: Conditions,
    where: Sequence[str],
    plan: SortPlan,
    *,
    start: int,
    size: int,
    extra: Sequence[str] = (),
) -> str:
    """Write the statement of one page of documents: their columns, then `extra` ones, then those of the sort."""
    index = conditions.index
    selected = [*index.document_columns, *extra, *(column.shown for column in plan.columns)]
    order = [*(column.order for column in plan.columns), *index.natural_order]
    return (
        f"SELECT {', '.join(selected)} FROM {index.table} WHERE {sql.all_of(where)}"
        f" ORDER BY {', '.join(order)} LIMIT {size} OFFSET {start}"
    )
