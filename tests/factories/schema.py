"""Values held against the schemas of an OpenAPI document: as much of JSON Schema as our contracts use."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import yaml

from factories.contract import CONTRACTS

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")


@cache
def account_management() -> dict[str, Any]:
    with (CONTRACTS / "account-management.yaml").open(encoding="utf-8") as file:
        return yaml.load(file, Loader=yaml.CSafeLoader)


@cache
def operations() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Return method, path and description of every operation, by its id."""
    return {
        described["operationId"]: (method.upper(), path, described)
        for path, item in account_management()["paths"].items()
        for method, described in item.items()
        if "operationId" in described
    }


def require_answer(operation_id: str, status: int, body: Any) -> None:
    """Hold an answer against what the contract says of the operation; ``None`` is no body."""
    responses = operations()[operation_id][2]["responses"]
    assert str(status) in responses, f"{operation_id} answers {status}, of which the contract knows nothing"
    described = resolved(responses[str(status)])
    if "content" not in described:
        assert body is None
        return
    [content] = described["content"].values()
    require(content["schema"], body, operation_id)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found = account_management()
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def require(schema: dict[str, Any], value: Any, place: str) -> None:
    """Hold a value against a schema. Of objects, attributes that the schema does not name are refused too."""
    schema = resolved(schema)
    kinds = schema.get("type")
    if kinds is not None:
        names = [kinds] if isinstance(kinds, str) else kinds
        is_of_kind = any(isinstance(value, _KINDS[name]) for name in names)
        is_flag_elsewhere = isinstance(value, bool) and "boolean" not in names  # True is an int to Python
        assert is_of_kind, f"{place}: {value!r} is no {names}"
        assert not is_flag_elsewhere, f"{place}: {value!r} is no {names}"
    if value is None:
        return
    assert value in schema.get("enum", [value]), f"{place}: {value!r} is none of {schema['enum']}"
    if isinstance(value, str):
        _require_text(schema, value, place)
    if isinstance(value, list) and "items" in schema:
        for number, each in enumerate(value):
            require(schema["items"], each, f"{place}[{number}]")
    if isinstance(value, dict) and "properties" in schema:
        missing = set(schema.get("required", ())) - set(value)
        unknown = set(value) - set(schema["properties"])
        assert not missing, f"{place} lacks {missing}"
        assert not unknown, f"{place} has {unknown}"
        for name, each in value.items():
            require(schema["properties"][name], each, f"{place}.{name}")


def _require_text(schema: dict[str, Any], value: str, place: str) -> None:
    if "pattern" in schema:
        assert re.search(schema["pattern"], value), f"{place}: {value!r} does not match {schema['pattern']}"
    if schema.get("format") == "date-time":
        assert _TIME.fullmatch(value), f"{place}: {value!r} is no time of this dialect"
        datetime.fromisoformat(value)
    if schema.get("format") == "uri":
        assert urlsplit(value).scheme in {"http", "https"}, f"{place}: {value!r} is no address"
