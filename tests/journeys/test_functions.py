from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from cloudstead.dialects.cloud_connect.table import ACTIONS
from factories.demo import REGION
from journeys.aws_user import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from factories.demo import Demo
    from journeys.aws_user import AwsUser


def test_a_domain_is_made_moved_described_and_removed(demo: Demo, administrator: AwsUser) -> None:
    upper, lower = demo.new_name("plant"), demo.new_name("hall")
    metadata = [{"id": "city", "label": "City", "type": "text"}]

    administrator.invoke("DomainLambda.CREATE", id=upper, parentId="root", name="Plant")
    tree = administrator.invoke("DomainLambda.CREATE", id=lower, parentId="root", name="Hall", description="Cold")
    assert tree["root"][lower]["attributes"] == {"id": lower, "name": "Hall", "description": "Cold"}

    tree = administrator.invoke("DomainLambda.UPDATE", id=lower, parentId=upper)
    assert tree["root"][upper][lower]["attributes"]["name"] == "Hall"
    administrator.invoke("DomainLambda.UPDATE", id=upper, domainMetadata=metadata, settings={"theme": "dark"})
    administrator.invoke("DomainLambda.UPDATE", id=lower, data={"city": "Oslo"})

    seen = administrator.invoke(
        "DomainLambda.GET", id=lower, parentId=None, data=None, domainMetadata=None, settings=None
    )
    assert seen == {
        "id": lower,
        "parentId": upper,
        "data": {"city": "Oslo"},
        "domainMetadata": metadata,
        "settings": {"theme": "dark"},
    }
    assert administrator.invoke("DomainLambda.LIST", data=None)["root"][upper][lower]["attributes"]["id"] == lower

    with pytest.raises(Refused) as refusal:
        administrator.invoke("DomainLambda.CREATE", id=lower, parentId="root", name="Again")
    assert (refusal.value.key, refusal.value.property) == ("DOMAIN_ID_EXISTS", "id")
    assert upper not in administrator.invoke("DomainLambda.REMOVE", id=upper)["root"]
    with pytest.raises(Refused) as refusal:
        administrator.invoke("DomainLambda.GET", id=lower)
    assert (refusal.value.key, refusal.value.property) == ("DOMAIN_NO_FOUND", "id")


def test_a_thing_type_is_made_changed_learnt_and_removed(demo: Demo, administrator: AwsUser) -> None:
    type_id, thing = demo.new_name("boiler"), demo.new_name("boiler-thing")
    mode = {"id": "map", "label": "Map", "thingWidgets": {"w1": {"kind": "gauge"}}}

    made = administrator.invoke("ThingTypeLambda.CREATE", id=type_id, domain="root", label="Boiler", data={"a": 1})
    assert made["viewModes"]["DefaultView"]["id"] == made["viewMode"] == "DefaultView"

    changed = administrator.invoke("ThingTypeLambda.UPDATE", id=type_id, label="Hot", description="Of water")
    assert (changed["label"], changed["description"]) == ("Hot", "Of water")
    changed = administrator.invoke("ThingTypeLambda.UPDATE_ATTRIBUTE", id=type_id, keyPath="viewModes.map", item=mode)
    assert changed["viewModes"]["map"] == mode
    changed = administrator.invoke("ThingTypeLambda.REMOVE_ATTRIBUTE", id=type_id, keyPath="viewModes.map")
    assert "map" not in changed["viewModes"]

    administrator.invoke("ThingLambda.CREATE", thingName=thing, thingType=type_id, domain="root")
    administrator.update(thing, state={"reported": {"water": {"degrees": 81.5}}})
    administrator.invoke("ThingLambda.FIND", query={"size": 0})  # returns when everything before it has been looked at
    seen = administrator.invoke("ThingTypeLambda.GET", id=type_id)
    assert (seen["thingCount"], seen["readOnly"], seen["domain"]) == (1, False, "root")
    assert "degrees" in json.dumps(seen["resources"])
    listed = {each["id"]: each for each in administrator.invoke("ThingTypeLambda.LIST")}
    assert listed[type_id]["label"] == "Hot"

    with pytest.raises(Refused) as refusal:
        administrator.invoke("ThingTypeLambda.REMOVE", id=type_id)
    assert refusal.value.key == "THING_TYPE_AS_THINGS"
    administrator.invoke("ThingLambda.REMOVE", thingName=thing)
    assert administrator.invoke("ThingTypeLambda.REMOVE", id=type_id) == {}


def test_a_thing_is_made_changed_found_and_removed(demo: Demo, administrator: AwsUser, tmp_path: Path) -> None:
    thing = administrator.add_thing(demo.new_name("pump"), "north")

    changed = administrator.invoke(
        "ThingLambda.UPDATE", thingName=thing, domain="harbour", label="Bilge pump", description="Aft"
    )
    assert changed == {
        "thingType": "sensor",
        "thingName": thing,
        "domain": "harbour",
        "label": "Bilge pump",
        "description": "Aft",
    }
    seen = administrator.invoke(
        "ThingLambda.GET", thingName=thing, label=None, domain=None, domainTopic=None, createdBy=None, createdAt=None
    )
    assert (seen["label"], seen["domain"]["id"], seen["domainTopic"]) == ("Bilge pump", "harbour", "/north/harbour/")
    assert seen["createdBy"] == "admin"
    assert administrator.invoke("ThingLambda.GET", thingName=thing) == {"thingName": thing}

    found = administrator.invoke("ThingLambda.FIND", query={"query": {"term": {"label": "Bilge pump"}}})
    assert [hit["_id"] for hit in found["hits"]["hits"]] == [thing]
    assert found["hits"]["hits"][0]["_source"]["domain"] == "harbour"

    files = {path.name for path in administrator.fetch_certificate(thing, tmp_path).iterdir()}
    assert {"cert.pem", "privkey.pem", "pubkey.pem"} <= files
    old = (tmp_path / thing / "cert.pem").read_text()
    assert administrator.invoke("ThingLambda.REPLACE_CERTIFICATE", thingName=thing) == {}
    assert (administrator.fetch_certificate(thing, tmp_path) / "cert.pem").read_text() != old

    assert administrator.invoke("ThingLambda.REMOVE", thingName=thing) == {}
    with pytest.raises(Refused) as refusal:
        administrator.invoke("ThingLambda.GET", thingName=thing)
    assert (refusal.value.key, refusal.value.property) == ("THING_NOT_FOUND", "thingName")
    found = administrator.invoke("ThingLambda.FIND", query={"query": {"term": {"thingName": thing}}})
    assert found["hits"]["total"] == 0


def test_a_thing_without_a_name_gets_one(administrator: AwsUser) -> None:
    administrator.invoke("ThingTypeLambda.CREATE", id=417, domain="root", label="Numbered")

    first, second = (administrator.invoke("ThingLambda.CREATE", thingType="417", domain="root") for _ in range(2))

    assert first["label"] == first["thingName"]
    assert first["thingName"] < second["thingName"]


def test_a_reader_reads_and_changes_nothing(demo: Demo, administrator: AwsUser, ron: AwsUser) -> None:
    thing = administrator.add_thing(demo.new_name("lamp"), "north")

    assert ron.invoke("ThingLambda.GET", thingName=thing, label=None)["label"] == thing
    for label, attributes in (
        ("ThingLambda.UPDATE", {"thingName": thing, "label": "mine"}),
        ("ThingLambda.REMOVE", {"thingName": thing}),
        ("DomainLambda.CREATE", {"id": "mine", "parentId": "north", "name": "Mine"}),
        ("ThingTypeLambda.REMOVE", {"id": "sensor"}),
    ):
        with pytest.raises(Refused) as refusal:
            ron.invoke(label, **attributes)
        function, _, action = label.partition("Lambda.")
        assert refusal.value.key == "NOT_AUTHORIZED"
        assert refusal.value.params == {"operation": action, "objectType": function}


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.label)
def test_every_action_names_the_first_property_that_is_missing(administrator: AwsUser, action: Any) -> None:
    required = [each.encode_name for each in msgspec.structs.fields(action.takes) if each.required]
    if not required:
        if not action.is_ours:
            assert administrator.invoke(action.label) is not None
        return
    with pytest.raises(Refused) as refusal:
        administrator.invoke(action.label)

    assert (refusal.value.key, refusal.value.property) == ("PROPERTY_REQUIRED", required[0])


def test_a_function_answers_to_its_name_and_to_both_forms_of_its_arn(administrator: AwsUser) -> None:
    name, number = administrator.manifest["ThingTypeLambda"], administrator.manifest["AccountNumber"]
    expected = administrator.invoke("ThingTypeLambda.LIST")

    for spelt in (
        name,
        f"{name}:$LATEST",
        f"function:{name}",
        f"{number}:function:{name}",
        f"arn:aws:lambda:{REGION}:{number}:function:{name}",
        f"arn:aws:lambda:{REGION}:{number}:function:{name}:$LATEST",
    ):
        assert administrator.send(spelt, {"action": "LIST"}) == expected


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ThingLambda", "ResourceNotFoundException"),
        ("arn:aws:lambda:us-east-1:123456789012:function:ThingLambda", "AccessDeniedException"),
    ],
)
def test_a_function_of_nobody_or_of_others_is_not_invoked(administrator: AwsUser, name: str, code: str) -> None:
    with pytest.raises(ClientError) as refusal:
        administrator.send(name, {"action": "LIST"})

    assert refusal.value.response["Error"]["Code"] == code


def test_a_function_may_be_started_tried_and_logged(demo: Demo, administrator: AwsUser) -> None:
    functions, name = administrator.client("lambda"), administrator.manifest["DomainLambda"]
    started, tried = demo.new_name("started"), demo.new_name("tried")

    def ask(kind: str, domain: str) -> dict[str, Any]:
        attributes = {"id": domain, "parentId": "root", "name": domain}
        payload = json.dumps({"action": "CREATE", "attributes": attributes})
        return functions.invoke(FunctionName=name, InvocationType=kind, Payload=payload)

    assert ask("Event", started)["StatusCode"] == 202
    assert ask("DryRun", tried)["StatusCode"] == 204
    answer = functions.invoke(FunctionName=name, LogType="Tail", Payload=b'{"action":"LIST"}')
    assert base64.b64decode(answer["LogResult"]).startswith(b"START RequestId: ")
    assert answer["ExecutedVersion"] == "$LATEST"

    tree = json.load(answer["Payload"])
    # An event was accepted, not performed: it may still be on its way when the next request is answered.
    while started not in tree["root"]:
        tree = administrator.invoke("DomainLambda.LIST")
    assert tried not in tree["root"]


def test_what_is_no_action_or_no_json_is_told_so(administrator: AwsUser) -> None:
    functions, name = administrator.client("lambda"), administrator.manifest["ThingLambda"]

    with pytest.raises(Refused) as refusal:
        administrator.invoke("ThingLambda.FLY")
    assert (refusal.value.key, refusal.value.params) == ("INVALID_ACTION", {"action": "FLY"})
    assert "There are: CREATE, " in str(refusal.value)
    with pytest.raises(Refused) as refusal:
        administrator.send(name, {})
    assert refusal.value.key == "INVALID_ACTION"
    with pytest.raises(ClientError) as failure:
        functions.invoke(FunctionName=name, Payload=b"{not json")
    assert failure.value.response["Error"]["Code"] == "InvalidRequestContentException"
