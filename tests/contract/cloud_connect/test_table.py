"""What is served, held against the contract."""

from __future__ import annotations

import msgspec
import pytest

from cloudstead.core.access.permissions import READ, WRITE
from cloudstead.dialects.cloud_connect.shapes.people import SORT_KEYS
from cloudstead.dialects.cloud_connect.shapes.thing_types import SELECTABLE
from cloudstead.dialects.cloud_connect.table import ACTIONS
from factories.contract import action_of, cloud_connect

COMPLETE = (
    "AuthLambda",
    "DomainLambda",
    "FileLambda",
    "ObservationLambda",
    "RuleLambda",
    "ThingBatchLambda",
    "ThingLambda",
    "ThingTypeLambda",
    "UserLambda",
)
DOCUMENTED = [action for action in ACTIONS if not action.is_ours]
LABELS = [action.label for action in ACTIONS]
# The table says Yes, but there is no error for their absence.
NOT_INSISTED_ON = {("ThingLambda.UPDATE", "domain"), ("ThingLambda.UPDATE", "label")}

each_action = pytest.mark.parametrize("action", DOCUMENTED, ids=lambda action: action.label)


def test_every_action_of_the_functions_served_is_served():
    lambdas = cloud_connect()["lambdas"]
    promised = {f"{function}.{name}" for function in COMPLETE for name in lambdas[function]["actions"]}
    assert {action.label for action in DOCUMENTED} == promised


def test_what_is_ours_is_not_in_the_document():
    for action in ACTIONS:
        if action.is_ours:
            assert action.name not in cloud_connect()["lambdas"][action.function]["actions"]
            assert action.permission in WRITE


def test_no_action_is_served_twice():
    assert len(LABELS) == len(set(LABELS))


@each_action
def test_each_role_of_the_contract_may_do_what_it_says_and_no_more(action):
    role = action_of(action.label)["role"]
    if role == "none":
        assert action.permission is None
    else:
        assert (action.permission in READ) == (role == "Read")
        assert action.permission in WRITE


@each_action
def test_each_action_takes_what_the_contract_lists(action):
    contract = action_of(action.label)["input"]
    listed = {
        each["name"]: each["required"]
        for part in ("attributes", "payload")
        for each in contract.get(part, ())
        if "." not in each["name"]  # nor the "..." that stands for any name
    }
    taken = {each.encode_name: each.required for each in msgspec.structs.fields(action.takes)}
    for name, is_required in listed.items():
        plain = name.removesuffix("[]")
        if plain == "type" and action.name == "FIND":
            continue  # some clients name document types; there is one type in each index
        expected = True if is_required is None else is_required
        if (action.label, plain) in NOT_INSISTED_ON:
            expected = False
        assert taken[plain] is expected, plain
    assert set(taken) == {name.removesuffix("[]") for name in listed} - ({"type"} if action.name == "FIND" else set())


def test_a_thing_type_has_the_attributes_that_the_contract_calls_selectable():
    assert set(cloud_connect()["lambdas"]["ThingTypeLambda"]["selectable"]) == SELECTABLE


def test_a_user_has_the_attributes_that_the_contract_calls_selectable():
    selectable = cloud_connect()["lambdas"]["UserLambda"]["actions"]["LIST"]["input"]["select-null"]
    assert set(SORT_KEYS) == {*selectable, "city"}  # city is missing from the document's list
