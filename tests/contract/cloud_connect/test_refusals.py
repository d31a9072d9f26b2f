"""Every error of every action: who may not, what is missing, what is malformed, what cannot be."""

from __future__ import annotations

import json

import msgspec
import pytest

from cloudstead.core.access.permissions import READ
from cloudstead.core.caller import Grant
from cloudstead.dialects.cloud_connect.shapes.inputs import Find
from cloudstead.dialects.cloud_connect.table import ACTIONS
from factories.contract import action_of
from factories.coverage import covers_each
from factories.files import as_base64, picture
from factories.rules import WIRE_RULE as RULE
from factories.rules import bad_rules

BAD_RULES = bad_rules()
GUARDED = [action for action in ACTIONS if action.permission is not None]
LABELS = [action.label for action in ACTIONS]
GUARDED_LABELS = [action.label for action in GUARDED]

_PERSON = {"userName": "new", "password": "demo", "firstName": "N", "lastName": "N", "email": "new@cloud.example"}
GOOD = {
    "AuthLambda.FORGOT_PASSWORD": {"userName": "nobody"},
    "AuthLambda.RESEND_CONFIRMATION_CODE": {"userName": "nobody"},
    "AuthLambda.SIGN_UP": {"userName": "new", "password": "demo", "email": "new@cloud.example"},
    "AuthLambda.LOGIN": {"userName": "ada", "password": "wrong"},
    "AuthLambda.REFRESH": {"refreshToken": "wrong"},
    "DomainLambda.CREATE": {"id": "new", "parentId": "north", "name": "New"},
    "DomainLambda.GET": {"id": "north"},
    "DomainLambda.LIST": {},
    "DomainLambda.REMOVE": {"id": "fjord"},
    "DomainLambda.UPDATE": {"id": "north", "name": "N"},
    "FileLambda.DELETE_THING_IMAGE": {"thingId": "thing-north", "thingType": "type-north"},
    "FileLambda.LIST": {"bucketName": "ThingFilesBucket"},
    "FileLambda.PUT_THING_IMAGE": {
        "thingId": "thing-north",
        "thingType": "type-north",
        "encodedFile": as_base64(picture()),
    },
    "ObservationLambda.FIND": {"query": {"query": {"range": {"timestamp": {"gte": 1}}}}},
    "ThingBatchLambda.CREATE": {"thingType": "type-north", "domain": "north", "requestedSize": 2},
    "ThingBatchLambda.LIST": {"bucketName": "ThingCertsBucket"},
    "RuleLambda.CREATE": RULE,
    "RuleLambda.GET": {"id": "rule-north"},
    "RuleLambda.LIST": {},
    "RuleLambda.LIST_DELIVERIES": {"id": "rule-north"},
    "RuleLambda.REMOVE": {"id": "rule-north"},
    "RuleLambda.RENEW_SECRET": {"id": "rule-north"},
    "RuleLambda.REPLAY_DELIVERIES": {"id": "rule-north"},
    "RuleLambda.TRY": {"id": "rule-north"},
    "RuleLambda.UPDATE": {"id": "rule-north", **RULE},
    "ThingLambda.CREATE": {"thingType": "type-north", "domain": "north"},
    "ThingLambda.DOWNLOAD_CERTIFICATE": {"thingName": "thing-north"},
    "ThingLambda.FIND": {"query": {}},
    "ThingLambda.GET": {"thingName": "thing-north"},
    "ThingLambda.REMOVE": {"thingName": "thing-north"},
    "ThingLambda.REPLACE_CERTIFICATE": {"thingName": "thing-north"},
    "ThingLambda.TRACE": {"thingName": "thing-north"},
    "ThingLambda.UPDATE": {"thingName": "thing-north", "domain": "north", "label": "N"},
    "ThingTypeLambda.CREATE": {"id": "new", "domain": "north", "label": "New"},
    "ThingTypeLambda.GET": {"id": "type-north"},
    "ThingTypeLambda.LIST": {},
    "ThingTypeLambda.REMOVE": {"id": "spare"},
    "ThingTypeLambda.REMOVE_ATTRIBUTE": {"id": "type-north", "keyPath": "data"},
    "ThingTypeLambda.UPDATE": {"id": "type-north", "label": "N"},
    "ThingTypeLambda.UPDATE_ATTRIBUTE": {"id": "type-north", "keyPath": "data.x", "item": 1},
    "UserLambda.CREATE": {**_PERSON, "roleName": "Read", "domainName": "north"},
    "UserLambda.GET": {"userName": "bob"},
    "UserLambda.GET_USERDATA": {},
    "UserLambda.LIST": {},
    "UserLambda.REMOVE": {"userName": "fisher"},
    "UserLambda.RESET_PASSWORD": {"userName": "fisher"},
    "UserLambda.UPDATE": {"userName": "fisher"},
    "UserLambda.UPDATE_PROFILE": {**_PERSON, "userName": "bob"},
    "UserLambda.UPDATE_USERDATA": {},
}
del GOOD["UserLambda.UPDATE_PROFILE"]["password"]


def payload_of(action, fields):
    top = {"action": action.name}
    return {**top, **fields} if action.takes is Find else {**top, "attributes": fields}


async def test_the_samples_here_are_good_ones(world):
    await move_in(world)
    for action in GUARDED:
        if action.name not in ("REMOVE", "REMOVE_ATTRIBUTE"):
            (await world.invoke(action.label, payload_of(action, GOOD[action.label]), caller=world.writer)).ok()


# Who may not -----------------------------------------------------------------------------------------------------


@covers_each(GUARDED_LABELS, "refusal")
@pytest.mark.parametrize("action", GUARDED, ids=GUARDED_LABELS)
async def test_whose_role_does_not_allow_it_is_told_so_before_anything_else(world, action):
    too_little = world.pending if action.permission in READ else world.reader
    answer = await world.invoke(action.label, payload_of(action, {}), caller=too_little)
    assert answer.told == ("NOT_AUTHORIZED", None)
    object_type = action.function.removesuffix("Lambda")
    assert answer.error["messageParams"] == {"operation": action.name, "objectType": object_type}


@pytest.mark.parametrize("action", GUARDED, ids=GUARDED_LABELS)
async def test_neither_guests_nor_people_of_another_account_may_do_anything(world, action):
    for caller in (None, world.stranger):
        answer = await world.invoke(action.label, payload_of(action, GOOD[action.label]), caller=caller)
        assert answer.told == ("NOT_AUTHORIZED", None)


# What is missing or malformed ------------------------------------------------------------------------------------


def missing_cases():
    for action in ACTIONS:
        for field in msgspec.structs.fields(action.takes):
            if field.required:
                yield pytest.param(action, field.encode_name, id=f"{action.label}-{field.encode_name}")


@covers_each([action.label for action in ACTIONS if GOOD[action.label]], "malformed")
@pytest.mark.parametrize(("action", "name"), list(missing_cases()))
async def test_a_property_that_is_required_is_missing_when_absent_null_or_empty(world, action, name):
    good = GOOD[action.label]
    without = {key: value for key, value in good.items() if key != name}
    empty = [] if name == "item" else [{**good, name: None}, {**good, name: ""}]
    for fields in (without, *empty):
        answer = await world.invoke(action.label, payload_of(action, fields), caller=world.administrator)
        assert answer.told == ("PROPERTY_REQUIRED", name), fields


@pytest.mark.parametrize("action", [each for each in ACTIONS if GOOD[each.label]], ids=lambda each: each.label)
async def test_what_is_missing_is_told_in_the_order_of_the_table(world, action):
    expected = [each.encode_name for each in msgspec.structs.fields(action.takes) if each.required]
    fields = {}
    for name in expected:
        answer = await world.invoke(action.label, payload_of(action, fields), caller=world.administrator)
        assert answer.told == ("PROPERTY_REQUIRED", name)
        fields[name] = GOOD[action.label][name]


@covers_each(LABELS, "malformed")
@pytest.mark.parametrize("action", ACTIONS, ids=LABELS)
async def test_attributes_have_to_be_an_object(world, action):
    for attributes in ([], "text", 5, True):
        payload = {"action": action.name, "attributes": attributes}
        answer = await world.invoke(action.label, payload, caller=world.administrator)
        assert answer.told == ("INVALID_ARGUMENTS", "attributes")


@pytest.mark.parametrize(
    ("label", "fields", "name"),
    [
        ("AuthLambda.LOGIN", {"userName": {}}, "userName"),
        ("AuthLambda.LOGIN", {"password": 5}, "password"),
        ("AuthLambda.REFRESH", {"refreshToken": []}, "refreshToken"),
        ("DomainLambda.CREATE", {"id": True}, "id"),
        ("DomainLambda.CREATE", {"id": "a/b"}, "id"),
        ("DomainLambda.CREATE", {"id": "attributes"}, "id"),
        ("DomainLambda.CREATE", {"name": 5}, "name"),
        ("DomainLambda.CREATE", {"data": []}, "data"),
        ("DomainLambda.GET", {"id": 1.5}, "id"),
        ("DomainLambda.UPDATE", {"parentId": []}, "parentId"),
        ("DomainLambda.UPDATE", {"domainMetadata": {}}, "domainMetadata"),
        ("DomainLambda.UPDATE", {"domainMetadata": [{"id": "x"}]}, "domainMetadata"),
        ("DomainLambda.UPDATE", {"thingTypeMetadata": [1]}, "thingTypeMetadata"),
        ("DomainLambda.UPDATE", {"settings": "dark"}, "settings"),
        *((label, fields, name) for label in ("RuleLambda.CREATE", "RuleLambda.UPDATE") for fields, name in BAD_RULES),
        ("RuleLambda.CREATE", {"id": "\n"}, "id"),
        ("RuleLambda.CREATE", {"id": "rule-south"}, "id"),
        ("RuleLambda.GET", {"id": []}, "id"),
        ("RuleLambda.TRY", {"rule": RULE}, "rule"),
        ("RuleLambda.TRY", {"from": "yesterday"}, "from"),
        ("RuleLambda.TRY", {"from": -1}, "from"),
        ("RuleLambda.TRY", {"from": 2, "to": 1}, "to"),
        ("RuleLambda.TRY", {"from": 0, "to": 2**50}, "to"),
        ("RuleLambda.TRY", {"limit": 0}, "limit"),
        ("RuleLambda.TRY", {"limit": 101}, "limit"),
        ("RuleLambda.TRY", {"id": None, "rule": {**RULE, "name": "\n"}}, "rule.name"),
        ("RuleLambda.LIST_DELIVERIES", {"limit": 0}, "limit"),
        ("RuleLambda.LIST_DELIVERIES", {"limit": 101}, "limit"),
        ("RuleLambda.LIST_DELIVERIES", {"state": "LOST"}, "state"),
        ("RuleLambda.LIST_DELIVERIES", {"after": 5}, "after"),
        ("RuleLambda.REPLAY_DELIVERIES", {"deliveryIds": "all"}, "deliveryIds"),
        ("RuleLambda.REPLAY_DELIVERIES", {"deliveryIds": ["x"] * 101}, "deliveryIds"),
        ("ThingLambda.CREATE", {"thingName": "white space"}, "thingName"),
        ("ThingLambda.TRACE", {"offset": "x"}, "offset"),
        ("ThingLambda.TRACE", {"offset": 0}, "offset"),
        ("ThingLambda.TRACE", {"offset": -1}, "offset"),
        ("ThingLambda.TRACE", {"offset": 2**63}, "offset"),
        ("ThingLambda.TRACE", {"offset": 1.5}, "offset"),
        ("ThingLambda.TRACE", {"offset": []}, "offset"),
        ("ThingLambda.TRACE", {"offset": 77}, "offset"),
        ("ThingLambda.TRACE", {"offset": 1, "at": 1}, "at"),
        ("ThingLambda.TRACE", {"at": 1}, "at"),
        ("ThingLambda.TRACE", {"at": "tomorrow"}, "at"),
        ("ThingLambda.TRACE", {"at": "9999-12-31T23:59:59Z"}, "at"),
        ("ThingLambda.TRACE", {"at": "0001-01-01T00:00:00+23:59"}, "at"),
        ("ThingLambda.TRACE", {"at": 10**40}, "at"),
        ("ThingLambda.TRACE", {"at": True}, "at"),
        ("ThingLambda.CREATE", {"thingName": {}}, "thingName"),
        ("ThingLambda.UPDATE", {"label": {}}, "label"),
        ("ThingLambda.UPDATE", {"label": "\n"}, "label"),
        ("ThingLambda.UPDATE", {"description": 5}, "description"),
        ("ThingTypeLambda.CREATE", {"data": "x"}, "data"),
        ("ThingTypeLambda.CREATE", {"id": "x" * 200}, "id"),
        ("ThingTypeLambda.UPDATE", {"description": "x" * 5000}, "description"),
        ("ThingTypeLambda.UPDATE_ATTRIBUTE", {"keyPath": "id"}, "keyPath"),
        ("ThingTypeLambda.UPDATE_ATTRIBUTE", {"keyPath": "a..b"}, "keyPath"),
        ("ThingTypeLambda.UPDATE_ATTRIBUTE", {"keyPath": "label", "item": 0}, "item"),
        ("ThingTypeLambda.REMOVE_ATTRIBUTE", {"keyPath": "thingCount"}, "keyPath"),
        ("ThingTypeLambda.REMOVE_ATTRIBUTE", {"keyPath": "label"}, "keyPath"),
        ("ThingLambda.FIND", {"query": [1]}, "query"),
        ("ThingLambda.FIND", {"query": {"query": {"nonsense": {}}}}, "query"),
        ("ThingLambda.FIND", {"query": {"aggs": {"all": {"global": {}}}}}, "query"),
        ("ObservationLambda.FIND", {"query": "x"}, "query"),
        ("ObservationLambda.FIND", {"query": {"query": {"match_all": {}}}}, "query"),
    ],
)
async def test_what_cannot_be_is_told_with_its_property(world, label, fields, name):
    (action,) = (each for each in ACTIONS if each.label == label)
    payload = payload_of(action, {**GOOD[label], **fields})
    answer = await world.invoke(label, payload, caller=world.administrator)
    assert answer.told == ("INVALID_ARGUMENTS", name)
    assert answer.error["message"]


@pytest.mark.parametrize("action", ACTIONS, ids=LABELS)
async def test_unknown_attributes_are_ignored_even_when_they_are_null(world, action):
    if action.label == "UserLambda.UPDATE_USERDATA":
        return  # where every attribute is a known one
    if action.function == "UserLambda":
        await move_in(world)
    fields = {**GOOD[action.label], "hasNetworkedThings": None, "nonsense": {"deep": [1]}}
    answer = await world.invoke(action.label, payload_of(action, fields), caller=world.writer)
    if action.label in ("AuthLambda.LOGIN", "AuthLambda.REFRESH"):
        assert answer.told == ("INVALID_LOGIN", None)
    else:
        assert "nonsense" not in json.dumps(answer.ok())


# What the function does not know ---------------------------------------------------------------------------------


UNKNOWN = [
    ({"action": "DANCE"}, "DANCE"),
    ({"action": "list"}, "list"),
    ({"action": 5}, None),
    ({"action": None}, None),
    ({}, None),
    ([], None),
    (b"", None),
    (b"null", None),
    (b"not JSON", None),
    (b"\xff\xfe", None),
    (b'{"action":"LIST","x":1e999}', None),
    (b"[" * 100_000, None),
]


@pytest.mark.parametrize("function", sorted({action.function for action in ACTIONS}))
async def test_an_action_that_is_not_known_is_told_whoever_asks(world, function):
    for payload, action in UNKNOWN:
        for caller in (world.administrator, world.pending, None):
            answer = await world.invoke(function, payload, caller=caller)
            assert answer.told == ("INVALID_ACTION", None)
            assert answer.error["messageParams"] == {"action": action}


# What cannot be --------------------------------------------------------------------------------------------------

EXTRA = {
    # Errors that the contract proposes rather than lists.
    ("DomainLambda.CREATE", "DOMAIN_NO_FOUND", "parentId"),
    ("DomainLambda.REMOVE", "DOMAIN_NO_FOUND", "id"),
    ("DomainLambda.REMOVE", "INVALID_ARGUMENTS", "id"),
    ("DomainLambda.UPDATE", "DOMAIN_NO_FOUND", "id"),
    ("DomainLambda.UPDATE", "DOMAIN_NO_FOUND", "parentId"),
    ("DomainLambda.UPDATE", "INVALID_ARGUMENTS", "id"),
    ("DomainLambda.UPDATE", "INVALID_ARGUMENTS", "parentId"),
    *(
        (f"RuleLambda.{name}", key, place)
        for name in ("CREATE", "UPDATE")
        for key, place in (("DOMAIN_NO_FOUND", "filter.domain"), ("THING_TYPE_NOT_FOUND", "filter.thingType"))
    ),
    *(
        (f"RuleLambda.{name}", key, place)
        for name in ("LIST_DELIVERIES", "RENEW_SECRET", "REPLAY_DELIVERIES", "TRY")
        for key, place in (("RULE_NOT_FOUND", "id"), ("NOT_AUTHORIZED_DOMAIN", None))
    ),
    ("ThingLambda.CREATE", "DOMAIN_NO_FOUND", "domain"),
    ("ThingLambda.CREATE", "THING_TYPE_NOT_FOUND", "thingType"),
    ("ThingLambda.CREATE", "THING_NAME_EXISTS", "thingName"),
    ("ThingLambda.GET", "THING_NOT_FOUND", "thingName"),
    ("ThingLambda.UPDATE", "DOMAIN_NO_FOUND", "domain"),
    ("ThingLambda.TRACE", "THING_NOT_FOUND", "thingName"),
    ("ThingLambda.TRACE", "NOT_AUTHORIZED_DOMAIN", None),
    ("ThingTypeLambda.CREATE", "DOMAIN_NO_FOUND", "domain"),
    ("ThingTypeLambda.CREATE", "NOT_AUTHORIZED_DOMAIN", "domain"),
    ("ThingTypeLambda.REMOVE", "NOT_AUTHORIZED_DOMAIN", None),
    ("ThingTypeLambda.REMOVE_ATTRIBUTE", "NOT_AUTHORIZED_DOMAIN", None),
    ("ThingTypeLambda.UPDATE", "NOT_AUTHORIZED_DOMAIN", None),
    ("ThingTypeLambda.UPDATE_ATTRIBUTE", "NOT_AUTHORIZED_DOMAIN", None),
    ("AuthLambda.REFRESH", "INVALID_LOGIN", None),
    ("UserLambda.RESET_PASSWORD", "NOT_AUTHORIZED_DOMAIN", None),
    ("UserLambda.RESET_PASSWORD", "USER_NOT_FOUND", "userName"),
    ("UserLambda.UPDATE", "NOT_AUTHORIZED_DOMAIN", None),
}

# (action, key, property) -> what is different from the good sample; asked by somebody of "north", or by the
# administrator where the root is concerned.
CASES = [
    ("AuthLambda.LOGIN", "INVALID_LOGIN", None, {"userName": "nobody"}),
    ("AuthLambda.LOGIN", "INVALID_LOGIN", None, {"password": "x" * 3000}),
    ("AuthLambda.REFRESH", "INVALID_LOGIN", None, {}),
    ("AuthLambda.SIGN_UP", "USER_USERNAME_EXISTS", "userName", {"userName": "ada"}),
    ("DomainLambda.CREATE", "NOT_AUTHORIZED_DOMAIN", "parentId", {"parentId": "south"}),
    ("DomainLambda.CREATE", "NOT_AUTHORIZED_DOMAIN", "parentId", {"parentId": "root"}),
    ("DomainLambda.CREATE", "DOMAIN_ID_EXISTS", "id", {"id": "south"}),
    ("DomainLambda.CREATE", "DOMAIN_NO_FOUND", "parentId", {"parentId": "nowhere"}),
    ("DomainLambda.GET", "NOT_AUTHORIZED_DOMAIN", "parentId", {"id": "south"}),
    ("DomainLambda.GET", "NOT_AUTHORIZED_DOMAIN", "parentId", {"id": "root"}),
    ("DomainLambda.GET", "DOMAIN_NO_FOUND", "id", {"id": "nowhere"}),
    ("DomainLambda.REMOVE", "NOT_AUTHORIZED_DOMAIN", "id", {"id": "south"}),
    ("DomainLambda.REMOVE", "DOMAIN_HAS_THINGS", None, {"id": "north"}),
    ("DomainLambda.REMOVE", "DOMAIN_HAS_USERS", None, {"id": "fjord"}),
    ("DomainLambda.REMOVE", "DOMAIN_NO_FOUND", "id", {"id": "nowhere"}),
    ("DomainLambda.REMOVE", "INVALID_ARGUMENTS", "id", {"id": "root"}),
    ("DomainLambda.UPDATE", "NOT_AUTHORIZED_DOMAIN", "id", {"id": "south"}),
    ("DomainLambda.UPDATE", "NOT_AUTHORIZED_DOMAIN", "parentId", {"id": "fjord", "parentId": "south"}),
    ("DomainLambda.UPDATE", "DOMAIN_NO_FOUND", "id", {"id": "nowhere"}),
    ("DomainLambda.UPDATE", "DOMAIN_NO_FOUND", "parentId", {"parentId": "nowhere"}),
    ("DomainLambda.UPDATE", "INVALID_ARGUMENTS", "parentId", {"parentId": "fjord"}),
    ("DomainLambda.UPDATE", "INVALID_ARGUMENTS", "id", {"id": "root", "parentId": "fjord"}),
    ("ThingBatchLambda.CREATE", "NOT_AUTHORIZED_DOMAIN", "domain", {"domain": "south", "thingType": "type-root"}),
    ("ThingBatchLambda.CREATE", "PROPERTY_NOT_A_NUMBER", "requestedSize", {"requestedSize": "many"}),
    ("ThingBatchLambda.CREATE", "PROPERTY_NOT_IN_RANGE", "requestedSize", {"requestedSize": 1001}),
    *(
        (f"RuleLambda.{name}", *case)
        for name in ("CREATE", "UPDATE")
        for case in (
            ("NOT_AUTHORIZED_DOMAIN", None, {"filter": {**RULE["filter"], "domain": "south"}}),
            ("NOT_AUTHORIZED_DOMAIN", None, {"filter": {**RULE["filter"], "domain": "root"}}),
            ("DOMAIN_NO_FOUND", "filter.domain", {"filter": {**RULE["filter"], "domain": "nowhere"}}),
            ("THING_TYPE_NOT_FOUND", "filter.thingType", {"filter": {**RULE["filter"], "thingType": "nowhere"}}),
            ("THING_TYPE_NOT_FOUND", "filter.thingType", {"filter": {**RULE["filter"], "thingType": "type-south"}}),
        )
    ),
    *(
        (f"RuleLambda.{name}", *case)
        for name in ("GET", "LIST_DELIVERIES", "REMOVE", "RENEW_SECRET", "REPLAY_DELIVERIES", "TRY", "UPDATE")
        for case in (
            ("RULE_NOT_FOUND", "id", {"id": "nowhere"}),
            ("NOT_AUTHORIZED_DOMAIN", None, {"id": "rule-south"}),
        )
    ),
    *(
        (f"RuleLambda.{name}", "NOT_AUTHORIZED_DOMAIN", None, {"id": "rule-root"})
        for name in ("LIST_DELIVERIES", "REMOVE", "RENEW_SECRET", "REPLAY_DELIVERIES", "UPDATE")
    ),
    ("ThingLambda.CREATE", "NOT_AUTHORIZED_DOMAIN", "domain", {"domain": "south"}),
    ("ThingLambda.CREATE", "DOMAIN_NO_FOUND", "domain", {"domain": "nowhere"}),
    ("ThingLambda.CREATE", "THING_TYPE_NOT_FOUND", "thingType", {"thingType": "nowhere"}),
    ("ThingLambda.CREATE", "THING_TYPE_NOT_FOUND", "thingType", {"thingType": "type-south"}),
    ("ThingLambda.CREATE", "THING_NAME_EXISTS", "thingName", {"thingName": "thing-south"}),
    ("ThingLambda.DOWNLOAD_CERTIFICATE", "NOT_AUTHORIZED_DOMAIN", None, {"thingName": "thing-south"}),
    ("ThingLambda.DOWNLOAD_CERTIFICATE", "THING_NOT_FOUND", "thingName", {"thingName": "nowhere"}),
    ("ThingLambda.GET", "NOT_AUTHORIZED_DOMAIN", None, {"thingName": "thing-south"}),
    ("ThingLambda.GET", "THING_NOT_FOUND", "thingName", {"thingName": "nowhere"}),
    ("ThingLambda.REMOVE", "NOT_AUTHORIZED_DOMAIN", None, {"thingName": "thing-root"}),
    ("ThingLambda.REMOVE", "THING_NOT_FOUND", None, {"thingName": "nowhere"}),
    ("ThingLambda.REPLACE_CERTIFICATE", "NOT_AUTHORIZED_DOMAIN", None, {"thingName": "thing-south"}),
    ("ThingLambda.REPLACE_CERTIFICATE", "THING_NOT_FOUND", None, {"thingName": "nowhere"}),
    ("ThingLambda.TRACE", "NOT_AUTHORIZED_DOMAIN", None, {"thingName": "thing-south"}),
    ("ThingLambda.TRACE", "THING_NOT_FOUND", "thingName", {"thingName": "nowhere"}),
    ("ThingLambda.UPDATE", "NOT_AUTHORIZED_DOMAIN", None, {"thingName": "thing-south"}),
    ("ThingLambda.UPDATE", "NOT_AUTHORIZED_DOMAIN", "domain", {"domain": "south"}),
    ("ThingLambda.UPDATE", "THING_NOT_FOUND", None, {"thingName": "nowhere"}),
    ("ThingLambda.UPDATE", "DOMAIN_NO_FOUND", "domain", {"domain": "nowhere"}),
    ("ThingTypeLambda.CREATE", "THING_TYPE_ID_EXISTS", "id", {"id": "type-south"}),
    ("ThingTypeLambda.CREATE", "NOT_AUTHORIZED_DOMAIN", "domain", {"domain": "south"}),
    ("ThingTypeLambda.CREATE", "DOMAIN_NO_FOUND", "domain", {"domain": "nowhere"}),
    ("ThingTypeLambda.GET", "THING_TYPE_NOT_FOUND", "id", {"id": "nowhere"}),
    ("ThingTypeLambda.GET", "THING_TYPE_NOT_FOUND", "id", {"id": "type-south"}),
    ("ThingTypeLambda.REMOVE", "THING_TYPE_NOT_FOUND", "id", {"id": "nowhere"}),
    ("ThingTypeLambda.REMOVE", "THING_TYPE_AS_THINGS", None, {"id": "type-north"}),
    ("ThingTypeLambda.REMOVE", "NOT_AUTHORIZED_DOMAIN", None, {"id": "type-root"}),
    ("ThingTypeLambda.REMOVE_ATTRIBUTE", "THING_TYPE_NOT_FOUND", "id", {"id": "nowhere"}),
    ("ThingTypeLambda.REMOVE_ATTRIBUTE", "NOT_AUTHORIZED_DOMAIN", None, {"id": "type-root"}),
    ("ThingTypeLambda.UPDATE", "THING_TYPE_NOT_FOUND", "id", {"id": "nowhere"}),
    ("ThingTypeLambda.UPDATE", "NOT_AUTHORIZED_DOMAIN", None, {"id": "type-root"}),
    ("ThingTypeLambda.UPDATE_ATTRIBUTE", "THING_TYPE_NOT_FOUND", "id", {"id": "nowhere"}),
    ("ThingTypeLambda.UPDATE_ATTRIBUTE", "NOT_AUTHORIZED_DOMAIN", None, {"id": "type-root"}),
    ("UserLambda.CREATE", "NOT_AUTHORIZED_DOMAIN", "domainName", {"domainName": "south"}),
    ("UserLambda.CREATE", "NOT_AUTHORIZED_DOMAIN", "domainName", {"domainName": "nowhere"}),
    ("UserLambda.CREATE", "USER_USERNAME_EXISTS", "userName", {"userName": "ada"}),
    ("UserLambda.GET", "NOT_AUTHORIZED_DOMAIN", None, {"userName": "southerner"}),
    ("UserLambda.GET", "USER_NOT_FOUND", "userName", {"userName": "nobody"}),
    ("UserLambda.REMOVE", "NOT_AUTHORIZED_DOMAIN", None, {"userName": "southerner"}),
    ("UserLambda.REMOVE", "USER_NOT_FOUND", "userName", {"userName": "nobody"}),
    ("UserLambda.REMOVE", "USER_REMOVE_DEMO", None, {"userName": "demo"}),
    ("UserLambda.RESET_PASSWORD", "NOT_AUTHORIZED_DOMAIN", None, {"userName": "southerner"}),
    ("UserLambda.RESET_PASSWORD", "USER_NOT_FOUND", "userName", {"userName": "nobody"}),
    ("UserLambda.UPDATE", "NOT_AUTHORIZED_DOMAIN", "domainName", {"domainName": "south"}),
    ("UserLambda.UPDATE", "NOT_AUTHORIZED_DOMAIN", "domainName", {"domainName": "nowhere"}),
    ("UserLambda.UPDATE", "NOT_AUTHORIZED_DOMAIN", None, {"userName": "southerner"}),
    ("UserLambda.UPDATE", "USER_NOT_FOUND", "userName", {"userName": "nobody"}),
    ("UserLambda.UPDATE_PROFILE", "NOT_AUTHORIZED", None, {"userName": "ada"}),
    ("UserLambda.UPDATE_PROFILE", "USER_INVALID_PASSWORD", "oldPassword", {"password": "a", "oldPassword": "wrong"}),
    ("UserLambda.UPDATE_PROFILE", "USER_NOT_FOUND", "userName", {"userName": "ghost"}),
]


async def move_in(world):
    await world.tenant.add_person("fisher", Grant("fjord", "Read"))
    await world.tenant.add_person("southerner", Grant("south", "Read"))
    demo = {**GOOD["UserLambda.CREATE"], "userName": "demo"}
    (await world.call("UserLambda.CREATE", world.administrator, **demo)).ok()
    world.residents["ghost"] = "f" * 32  # whose credentials outlived him


def asking(world, label, key):
    if (label, key) == ("UserLambda.UPDATE_PROFILE", "USER_NOT_FOUND"):
        return world.caller(("north", "Read"), user_name="ghost")
    return world.administrator if key == "INVALID_ARGUMENTS" else world.writer


@covers_each(["AuthLambda.LOGIN", "AuthLambda.REFRESH", "AuthLambda.SIGN_UP"], "refusal")
@pytest.mark.parametrize(
    ("label", "key", "name", "fields"), CASES, ids=[f"{each[0]}-{each[1]}-{index}" for index, each in enumerate(CASES)]
)
async def test_what_cannot_be_done_is_told_by_key_and_property(world, label, key, name, fields):
    if key == "DOMAIN_HAS_USERS" or label.startswith("UserLambda"):
        await move_in(world)
    (action,) = (each for each in ACTIONS if each.label == label)
    caller = None if action.permission is None else asking(world, label, key)
    answer = await world.invoke(label, payload_of(action, {**GOOD[label], **fields}), caller=caller)
    assert answer.told == (key, name)
    assert answer.error["message"]
    assert world.tenant.events == []


def test_every_error_that_the_contract_lists_is_provoked_here():
    listed = {
        (action.label, error["key"], error["property"])
        for action in ACTIONS
        if not action.is_ours
        for error in action_of(action.label)["errors"]
        if error["key"] not in ("PROPERTY_REQUIRED", "INVALID_ARGUMENTS")  # provoked above
    }
    assert {case[:3] for case in CASES} == listed | EXTRA


async def test_only_things_that_are_there_are_told_to_be_out_of_reach(world):
    there = await world.call("ThingLambda.UPDATE", world.writer, thingName="thing-south", domain="nowhere")
    assert there.told == ("DOMAIN_NO_FOUND", "domain")
    bad = await world.call("ThingLambda.UPDATE", world.writer, thingName="nowhere", label="\0")
    assert bad.told == ("INVALID_ARGUMENTS", "label")
