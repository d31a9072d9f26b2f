"""A contract as data: its operations by their ids, and its shapes without references."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml

from factories.contract import CONTRACTS

Operations = dict[str, tuple[str, str, dict[str, Any]]]


@cache
def contract_of(name: str) -> dict[str, Any]:
    with (CONTRACTS / f"{name}.yaml").open(encoding="utf-8") as file:
        return yaml.load(file, Loader=yaml.CSafeLoader)


@cache
def operations_of(name: str) -> Operations:
    """Return method, path and description of every operation, by its id."""
    return {
        described["operationId"]: (method.upper(), path, described)
        for path, item in contract_of(name)["paths"].items()
        for method, described in item.items()
    }


def whole_of(name: str, described: Any) -> Any:
    """Return a part of a contract without references, and with ``allOf`` as one shape."""
    if isinstance(described, list):
        return [whole_of(name, each) for each in described]
    if not isinstance(described, dict):
        return described
    if "$ref" in described:
        found: Any = contract_of(name)
        for part in described["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return whole_of(name, found)
    shape = {key: whole_of(name, value) for key, value in described.items() if key != "allOf"}
    for part in described.get("allOf", ()):
        half = whole_of(name, part)
        shape["properties"] = {**shape.get("properties", {}), **half.get("properties", {})}
        shape["required"] = [*shape.get("required", ()), *half.get("required", ())]
        shape["type"] = "object"
    return shape
