"""What readers are told, held against what is served."""

from __future__ import annotations

import msgspec
import pytest

from cloudstead.dialects.cloud_connect.call import read_input
from cloudstead.dialects.cloud_connect.documents import SELECTED, describe_functions
from cloudstead.dialects.cloud_connect.shapes.selection import selected_names
from cloudstead.dialects.cloud_connect.table import ACTIONS
from factories.contract import action_of, cloud_connect

each_action = pytest.mark.parametrize("action", ACTIONS, ids=[action.label for action in ACTIONS])


def variant_of(action):
    body = describe_functions()[action.function]["requestBody"]["content"]["application/json"]["schema"]
    [variant] = [each for each in body["oneOf"] if each["title"] == action.name]
    return variant


@each_action
def test_each_action_is_described_with_what_it_requires(action):
    variant = variant_of(action)
    fields = variant if action.at_top else variant["properties"]["attributes"]
    required = {each.encode_name for each in msgspec.structs.fields(action.takes) if each.required}
    assert set(fields["required"]) - {"action"} == required
    assert variant["properties"]["action"] == {"const": action.name}
    assert ("Needs the role" in variant["description"]) == (action.permission is not None)


@each_action
def test_each_example_is_one_that_the_action_takes(action):
    [example] = variant_of(action)["examples"]
    assert example["action"] == action.name
    fields = example if action.at_top else example["attributes"]
    read_input(action.takes, fields)
    shape = variant_of(action) if action.at_top else variant_of(action)["properties"]["attributes"]
    assert set(fields) <= set(shape["properties"]) or shape.get("additionalProperties") is True
    assert selected_names(fields) <= set(SELECTED.get(action.label, ()))


@pytest.mark.parametrize("action", [each for each in ACTIONS if not each.is_ours], ids=lambda each: each.label)
def test_what_can_be_selected_is_what_the_contract_lists(action):
    listed = action_of(action.label)["input"].get("select-null", ())
    if listed == "selectable":
        names = cloud_connect()["lambdas"][action.function]["selectable"]
    else:
        names = [each if isinstance(each, str) else each["name"] for each in listed]
        if action.function == "UserLambda" and names:
            names.append("city")  # missing from the document's list
    assert set(SELECTED.get(action.label, ())) == set(names) - {"id"} - (
        {"userName"} if action.label == "UserLambda.GET" else set()
    )
