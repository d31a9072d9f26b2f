"""The contract of Cloud Connect as data, and answers held against it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

CONTRACTS = Path(__file__).parents[2] / "contracts"

_TYPES: dict[str, Any] = {
    "string": str,
    "date-time": str,
    "integer": int,
    "integer ms": int,
    "integer s": int,
    "boolean": bool,
    "object": dict,
    "view-mode": dict,
    "array": list,
    "any": object,
}


@cache
def cloud_connect() -> dict[str, Any]:
    with (CONTRACTS / "cloud-connect.yaml").open(encoding="utf-8") as file:
        return yaml.load(file, Loader=yaml.CSafeLoader)


def action_of(label: str) -> dict[str, Any]:
    function, _, name = label.partition(".")
    return cloud_connect()["lambdas"][function]["actions"][name]


def output_fields(label: str) -> list[dict[str, Any]]:
    output = action_of(label)["output"]
    if output["shape"].startswith("same-as"):
        return output_fields(f"{label.partition('.')[0]}.{output['shape'].removeprefix('same-as ')}")
    extra = output.get("x-extra-field")
    return [*output.get("fields", ()), *([extra] if extra else ())]


def require_output(label: str, answer: Any, *, chosen: frozenset[str] | None = None) -> None:
    """Hold an answer against the contract's output fields.

    ``chosen`` names the attributes that were selected, where some were: of the fields that are always there, only
    those are required then.
    """
    shape = action_of(label)["output"]["shape"]
    if shape == "empty":
        assert answer == {}
    elif shape == "domain-tree":
        require_tree(answer)
    elif shape == "bare JSON string":
        assert isinstance(answer, str)
    elif shape == "bare array":
        assert isinstance(answer, list)
        for each in answer:
            _require_fields(output_fields(label), each, chosen)
    elif shape == "es-response":
        assert {"total", "hits"} <= set(answer["hits"])
    else:
        _require_fields(output_fields(label), answer, chosen)


def require_tree(tree: Any) -> None:
    """A tree has one key; each node has attributes with its id, and one further key for each child."""
    assert isinstance(tree, dict)
    assert len(tree) == 1
    nodes = list(tree.items())
    for name, node in nodes:
        assert node["attributes"]["id"] == name
        nodes.extend((child, below) for child, below in node.items() if child != "attributes")


def _require_fields(fields: list[dict[str, Any]], answer: Any, chosen: frozenset[str] | None) -> None:
    assert isinstance(answer, dict)
    assert "errorMessage" not in answer
    top_names = {each["name"].split(".")[0].removesuffix("[]") for each in fields}
    assert set(answer) <= top_names, set(answer) - top_names
    for each in fields:
        *above, last = each["name"].split(".")
        holders = _holders(answer, above)
        name = last.removesuffix("[]")
        top = each["name"].split(".")[0].removesuffix("[]")
        is_required = each["always"] is True and (chosen is None or top in chosen)
        is_required = is_required or (each["always"] == "with-parent" and bool(above))
        for holder in holders:
            if is_required:
                assert name in holder, each["name"]
            if name in holder:
                assert _is_of_type(holder[name], each["type"], is_list=last.endswith("[]")), (each, holder[name])


def _holders(answer: Any, above: list[str]) -> list[Any]:
    holders = [answer]
    for step in above:
        name = step.removesuffix("[]")
        held = [holder[name] for holder in holders if name in holder]
        holders = [one for each in held for one in each] if step.endswith("[]") else held
    return holders


def _is_of_type(value: Any, kind: Any, *, is_list: bool) -> bool:
    if is_list:
        return isinstance(value, list)
    kinds = kind if isinstance(kind, list) else [kind]
    allowed = tuple(_TYPES[each] for each in kinds)
    return isinstance(value, allowed) and not (isinstance(value, bool) and int in allowed and bool not in allowed)
