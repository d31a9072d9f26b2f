"""A JSON schema as people read it: what a field may be, in words, and an example of the whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cloudstead.web.pattern_words import pattern_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Schema = Mapping[str, Any]
    Schemas = Mapping[str, Schema]

_NULL: Final = {"type": "null"}
_PLACEHOLDER: Final = "..."


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a table: ``schema`` names what a nested field is made of, where that has a name."""

    name: str
    is_required: bool
    kind: str
    limits: str
    description: str
    schema: str | None


def referred(schema: Schema) -> str | None:
    """Return the name of the schema that this one refers to, itself, by its items or by one of its choices."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if isinstance(schema.get("items"), dict):
        return referred(schema["items"])
    return next(filter(None, map(referred, schema.get("anyOf", ()))), None)


def whole(schema: Schema, schemas: Schemas) -> Schema:
    """Return what a schema stands for, its own reference followed."""
    return schemas[str(schema["$ref"]).rpartition("/")[2]] if "$ref" in schema else schema


def fields(schema: Schema, above: str = "") -> Iterator[Field]:
    """Yield the properties of an object, with those one level below in their place."""
    for name, each in schema.get("properties", {}).items():
        if "properties" in each and not above:
            yield from fields(each, f"{name}.")
        else:
            yield field(above + name, each, is_required=name in schema.get("required", ()))


def field(name: str, schema: Schema, *, is_required: bool) -> Field:
    """Describe one property or parameter."""
    return Field(name, is_required, kind(schema), limits(schema), schema.get("description", ""), referred(schema))


def kind(schema: Schema) -> str:
    """Say what a value may be: its type, its choices, or the name of its schema."""
    if "$ref" in schema:
        return str(referred(schema))
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " or ".join(json.dumps(choice) for choice in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(kind(each) for each in schema["anyOf"])
    told = schema.get("type", "any")
    if told == "array":
        return f"list of {kind(schema['items'])}" if isinstance(schema.get("items"), dict) else "list"
    return told if isinstance(told, str) else " or ".join(told)


def limits(schema: Schema) -> str:
    """Say how long, how large and of what form a value may be, and what it is when it is left out."""
    parts = list(_limits(schema))
    if schema.get("default") is not None and schema["default"] != "":
        parts.append(f"{json.dumps(schema['default'])} when left out")
    return ", ".join(parts)


def _limits(schema: Schema) -> Iterator[str]:
    for each in schema.get("anyOf", ()):
        yield from _limits(each)
    for least, most, unit in (
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " entries"),
        ("minimum", "maximum", ""),
        ("minProperties", "maxProperties", " entries"),
    ):
        told = _span(schema.get(least), schema.get(most))
        if told:
            yield told + unit
    if "pattern" in schema:
        yield pattern_in_words(schema["pattern"]) or f"of the form {schema['pattern']}"
    if isinstance(schema.get("items"), dict):
        yield from (f"each {told}" for told in _limits(schema["items"]))


def _span(least: float | None, most: float | None) -> str:
    if least is None and most is None:
        return ""
    if most is None:
        return f"at least {least}"
    return f"at most {most}" if least is None else f"{least} to {most}"


def example(schema: Schema, schemas: Schemas) -> Any:
    """Return the shortest value worth sending: what is required, or the first thing that may be said."""
    whole_schema = whole(schema, schemas)
    if _is_object(whole_schema) and not whole_schema.get("required"):
        first = dict(list(whole_schema.get("properties", {}).items())[:1])
        return {name: _shortest(each, schemas) for name, each in first.items()}
    return _shortest(schema, schemas)


def _shortest(schema: Schema, schemas: Schemas, above: frozenset[str] = frozenset()) -> Any:
    """Return a value with all that is required and nothing else; a schema inside of itself ends it."""
    name = referred(schema) if "$ref" in schema else None
    if name in above:
        return {}
    above, schema = above | ({name} if name else set()), whole(schema, schemas)
    if schema.get("examples"):
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _shortest(next(each for each in schema["anyOf"] if each != _NULL), schemas, above)
    if _is_object(schema):
        properties = schema.get("properties", {})
        return {name: _shortest(properties[name], schemas, above) for name in schema.get("required", ())}
    if schema.get("type") == "array":
        return [_shortest(schema["items"], schemas, above)] if isinstance(schema.get("items"), dict) else []
    return {"integer": schema.get("minimum", 0), "number": 0, "boolean": True}.get(schema.get("type", ""), _PLACEHOLDER)


def _is_object(schema: Schema) -> bool:
    return schema.get("type") == "object"
