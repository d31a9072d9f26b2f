from __future__ import annotations

from cloudstead.web.schema_words import example, fields, kind, limits

OPTIONAL_NAME = {"anyOf": [{"type": "string", "maxLength": 100}, {"type": "null"}], "default": None}


def test_kinds_are_told_in_words():
    assert kind(OPTIONAL_NAME) == "string or null"
    assert kind({"enum": ["ASC", "DESC"]}) == '"ASC" or "DESC"'
    assert kind({"type": "array", "items": {"$ref": "#/components/schemas/Item"}}) == "list of Item"
    assert kind({"type": ["string", "integer"]}) == "string or integer"
    assert kind({}) == "any"


def test_limits_are_told_in_words():
    assert limits(OPTIONAL_NAME) == "at most 100 characters"
    assert limits({"type": "string", "minLength": 1, "maxLength": 9}) == "1 to 9 characters"
    assert limits({"type": "integer", "minimum": 2, "default": 50}) == "at least 2, 50 when left out"
    words = {"type": "array", "maxItems": 3, "items": {"type": "string", "pattern": "^a$"}}
    assert limits(words) == "at most 3 entries, each of the form ^a$"


def test_fields_one_level_below_are_told_in_their_place():
    inner = {"type": "object", "required": ["y"], "properties": {"y": {"type": "integer"}, "z": {"type": "string"}}}
    told = [(each.name, each.is_required) for each in fields({"properties": {"x": inner, "a": {}}, "required": ["a"]})]
    assert told == [("x.y", True), ("x.z", False), ("a", True)]


def test_a_field_knows_the_schema_that_it_is_made_of():
    schema = {"properties": {"x": {"anyOf": [{"$ref": "#/components/schemas/Item"}, {"type": "null"}]}}}
    assert [each.schema for each in fields(schema)] == ["Item"]


def test_an_example_holds_what_is_required():
    schemas = {"Item": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "n": {}}}}
    listed = {"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": {}}}}
    listed["properties"]["items"]["items"] = {"$ref": "#/components/schemas/Item"}
    assert example(listed, schemas) == {"items": [{"name": "..."}]}


def test_an_example_where_nothing_is_required_says_the_first_thing():
    changes = {"type": "object", "properties": {"status": {"enum": ["ON", "OFF"]}, "name": {"type": "string"}}}
    assert example(changes, {}) == {"status": "ON"}


def test_an_example_of_a_schema_inside_of_itself_ends():
    node = {"type": "object", "required": ["below"], "properties": {"below": {"$ref": "#/components/schemas/Node"}}}
    assert example({"$ref": "#/components/schemas/Node"}, {"Node": node}) == {"below": {}}
