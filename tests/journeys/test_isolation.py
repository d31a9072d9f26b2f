from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as mqtt
import pytest
from botocore.exceptions import ClientError

from cloudstead.dialects.cloud_connect.table import ACTIONS
from factories.demo import REGION
from journeys.aws_user import AwsUser, Refused
from journeys.mqtt_user import Device
from journeys.plain import ask
from journeys.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from factories.demo import Demo

SECRET = "the tide is at seven"
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJg"
    "gg=="
)


class Secret:
    """A domain, a thing type and a thing in the south, which Nora may not see and strangers even less."""

    def __init__(self, demo: Demo, administrator: AwsUser, folder: Path) -> None:
        self._owner = administrator
        self.domain, self.type_id = demo.new_name("vault"), demo.new_name("vault-type")
        administrator.invoke("DomainLambda.CREATE", id=self.domain, parentId="south", name=SECRET)
        administrator.invoke("ThingTypeLambda.CREATE", id=self.type_id, domain=self.domain, label=SECRET)
        self.thing = demo.new_name("lock")
        administrator.invoke("ThingLambda.CREATE", thingName=self.thing, thingType=self.type_id, domain=self.domain)
        administrator.invoke("ThingLambda.UPDATE", thingName=self.thing, domain=self.domain, label=SECRET)
        self.person = demo.new_name("keeper")
        profile = {"firstName": "Kim", "lastName": SECRET, "email": "kim@cloud.example"}
        place = {"roleName": "Read", "domainName": self.domain}
        administrator.invoke("UserLambda.CREATE", userName=self.person, password="by the sea", **profile, **place)
        self.rule = administrator.invoke("RuleLambda.CREATE", **self.definition)["id"]
        wanted = {"thingType": self.type_id, "domain": self.domain, "requestedSize": 1}
        administrator.invoke("ThingBatchLambda.CREATE", **wanted)
        self.files = administrator.fetch_certificate(self.thing, folder)
        with Device(demo, self.files) as device:
            device.ask("update", {"state": {"reported": {"secret": SECRET}}})

    @property
    def definition(self) -> dict[str, Any]:
        """What the rule of the vault says."""
        return {
            "name": SECRET,
            "enabled": False,
            "filter": {"domain": self.domain, "thingType": self.type_id},
            "expression": {"operator": "eq", "resource": "secret", "value": SECRET},
            "actions": [{"type": "WEBHOOK", "config": {"url": "https://vault.example/open"}}],
        }

    def look(self) -> list[Any]:
        """Return everything there is to see of it."""
        thing = self._owner.invoke(
            "ThingLambda.GET", thingName=self.thing, label=None, description=None, domain=None, createdBy=None
        )
        shadow = self._owner.shadow(self.thing)
        domain = self._owner.invoke("DomainLambda.GET", id=self.domain, name=None, parentId=None, data=None)
        kind = self._owner.invoke("ThingTypeLambda.GET", id=self.type_id, label=None, data=None, viewMode=None)
        person = self._owner.invoke("UserLambda.GET", userName=self.person, lastName=None, domainName=None)
        rule = self._owner.invoke("RuleLambda.GET", id=self.rule)
        return [thing, shadow["state"], shadow["version"], domain, kind, person, rule]


@pytest.fixture(scope="module")
def secret(demo: Demo, administrator: AwsUser, tmp_path_factory: pytest.TempPathFactory) -> Secret:
    return Secret(demo, administrator, tmp_path_factory.mktemp("secret"))


# What an outsider asks for, by action. LOGIN and REFRESH are asked for below.
ATTEMPTS: dict[str, Callable[[Secret], dict[str, Any]]] = {
    "DomainLambda.CREATE": lambda s: {"id": f"{s.domain}-below", "parentId": s.domain, "name": "Mine"},
    "DomainLambda.GET": lambda s: {"id": s.domain, "name": None},
    "DomainLambda.LIST": lambda _: {"name": None, "description": None},
    "DomainLambda.REMOVE": lambda s: {"id": s.domain},
    "DomainLambda.UPDATE": lambda s: {"id": s.domain, "name": "Mine"},
    "FileLambda.DELETE_THING_IMAGE": lambda s: {"thingId": s.thing, "thingType": s.type_id},
    "FileLambda.LIST": lambda _: {"bucketName": "ThingFilesBucket"},
    "FileLambda.PUT_THING_IMAGE": lambda s: {"thingId": s.thing, "thingType": s.type_id, "encodedFile": PIXEL},
    "ObservationLambda.FIND": lambda s: {"query": _search({"term": {"thingName": s.thing}})},
    "RuleLambda.CREATE": lambda s: s.definition,
    "RuleLambda.GET": lambda s: {"id": s.rule},
    "RuleLambda.LIST": lambda _: {},
    "RuleLambda.LIST_DELIVERIES": lambda s: {"id": s.rule},
    "RuleLambda.REMOVE": lambda s: {"id": s.rule},
    "RuleLambda.RENEW_SECRET": lambda s: {"id": s.rule},
    "RuleLambda.REPLAY_DELIVERIES": lambda s: {"id": s.rule},
    "RuleLambda.TRY": lambda s: {"id": s.rule},
    "RuleLambda.UPDATE": lambda s: {"id": s.rule, **s.definition, "name": "Mine"},
    "ThingBatchLambda.CREATE": lambda s: {"thingType": s.type_id, "domain": s.domain, "requestedSize": 1},
    "ThingBatchLambda.LIST": lambda _: {"bucketName": "ThingCertsBucket"},
    "ThingLambda.CREATE": lambda s: {"thingType": s.type_id, "domain": s.domain},
    "ThingLambda.DOWNLOAD_CERTIFICATE": lambda s: {"thingName": s.thing},
    "ThingLambda.FIND": lambda s: {"query": _search({"term": {"thingName": s.thing}})},
    "ThingLambda.GET": lambda s: {"thingName": s.thing, "label": None, "shadow": None, "domain": None},
    "ThingLambda.REMOVE": lambda s: {"thingName": s.thing},
    "ThingLambda.REPLACE_CERTIFICATE": lambda s: {"thingName": s.thing},
    "ThingLambda.TRACE": lambda s: {"thingName": s.thing},
    "ThingLambda.UPDATE": lambda s: {"thingName": s.thing, "domain": s.domain, "label": "Mine"},
    "ThingTypeLambda.CREATE": lambda s: {"id": f"{s.type_id}-mine", "domain": s.domain, "label": "Mine"},
    "ThingTypeLambda.GET": lambda s: {"id": s.type_id},
    "ThingTypeLambda.LIST": lambda _: {},
    "ThingTypeLambda.REMOVE": lambda s: {"id": s.type_id},
    "ThingTypeLambda.REMOVE_ATTRIBUTE": lambda s: {"id": s.type_id, "keyPath": "viewModes.DefaultView"},
    "ThingTypeLambda.UPDATE": lambda s: {"id": s.type_id, "label": "Mine"},
    "ThingTypeLambda.UPDATE_ATTRIBUTE": lambda s: {"id": s.type_id, "keyPath": "viewModes.x", "item": {"id": "x"}},
    "UserLambda.CREATE": lambda s: {**_person(f"{s.person}-too"), "password": "mine", "domainName": s.domain},
    "UserLambda.GET": lambda s: {"userName": s.person, "lastName": None},
    "UserLambda.GET_USERDATA": lambda _: {},
    "UserLambda.LIST": lambda _: {},
    "UserLambda.REMOVE": lambda s: {"userName": s.person},
    "UserLambda.RESET_PASSWORD": lambda s: {"userName": s.person},
    "UserLambda.UPDATE": lambda s: {"userName": s.person, "lastName": "Mine"},
    "UserLambda.UPDATE_PROFILE": lambda s: _person(s.person),
    "UserLambda.UPDATE_USERDATA": lambda _: {"mine": True},
}
# What answers with one's own, so that nobody is refused.
SEARCHES = {
    "DomainLambda.LIST",
    "FileLambda.LIST",
    "ObservationLambda.FIND",
    "RuleLambda.LIST",
    "ThingBatchLambda.LIST",
    "ThingLambda.FIND",
    "ThingTypeLambda.LIST",
    "UserLambda.GET_USERDATA",
    "UserLambda.LIST",
    "UserLambda.UPDATE_USERDATA",
}


def _person(name: str) -> dict[str, Any]:
    return {"userName": name, "firstName": "M", "lastName": "M", "email": "m@cloud.example", "roleName": "Read"}


def _search(*terms: Any) -> dict[str, Any]:
    return {"query": {"bool": {"must": [{"range": {"timestamp": {"gte": 0}}}, *terms]}}} if terms else {}


@pytest.fixture(params=["a stranger", "a neighbour"])
def outsider(request: pytest.FixtureRequest, stranger: AwsUser, nora: AwsUser) -> AwsUser:
    """An administrator of another account, and somebody of the same one who may do everything elsewhere in it."""
    return stranger if request.param == "a stranger" else nora


def test_every_action_is_tried() -> None:
    assert set(ATTEMPTS) == {action.label for action in ACTIONS if action.permission is not None}


@pytest.mark.parametrize("label", sorted(ATTEMPTS))
def test_no_action_shows_or_changes_what_is_not_yours(outsider: AwsUser, secret: Secret, label: str) -> None:
    before = secret.look()

    try:
        answer = json.dumps(outsider.invoke(label, **ATTEMPTS[label](secret)))
        was_refused = False
    except Refused as refusal:
        answer, was_refused = str(refusal), True

    assert SECRET not in answer
    assert was_refused or label in SEARCHES
    if label in SEARCHES:
        assert secret.domain not in answer
        assert secret.type_id not in answer
        assert secret.thing not in answer
    assert secret.look() == before


@pytest.mark.parametrize("function", ["ThingLambda", "ObservationLambda"])
def test_no_search_counts_what_is_not_yours(
    outsider: AwsUser, administrator: AwsUser, secret: Secret, function: str
) -> None:
    lookup = {"index": "domains", "type": "thing_mapping", "id": secret.domain, "path": "thingNames"}
    since = [] if function == "ThingLambda" else [{"range": {"timestamp": {"gte": 0}}}]
    aggregations = {
        "names": {"terms": {"field": "thingName", "size": 0}},
        "domains": {"terms": {"field": "domain", "size": 0}},
        "secrets": {"filter": {"exists": {"field": "state.secret"}}},
        "others": {"missing": {"field": "state.secret"}, "aggs": {"hits": {"top_hits": {"size": 50}}}},
    }

    def find(user: AwsUser, *terms: Any) -> dict[str, Any]:
        body = {"size": 50, "query": {"bool": {"must": [*since, *terms]}}, "aggs": aggregations}
        return user.invoke(f"{function}.FIND", query=body)

    seen_by_its_owner = find(administrator, {"term": {"thingName": secret.thing}})
    assert seen_by_its_owner["aggregations"]["secrets"]["doc_count"] > 0
    for term in (
        {"match_all": {}},
        {"terms": {"thingName": lookup}},
        {"bool": {"should": [{"match_all": {}}, {"term": {"thingName": secret.thing}}]}},
        {"or": [{"term": {"thingName": secret.thing}}, {"term": {"domain": secret.domain}}]},
        {"not": {"term": {"domain": "nothing"}}},
        {"ids": {"values": [secret.thing]}},
        {"wildcard": {"state.secret": "*"}},
    ):
        found = find(outsider, term)
        assert found["aggregations"]["secrets"]["doc_count"] == 0
        told = json.dumps(found)
        assert not [word for word in (SECRET, secret.thing, secret.domain) if word in told]


def test_no_function_of_another_account_is_invoked(administrator: AwsUser, stranger: AwsUser) -> None:
    name, number = administrator.manifest["ThingTypeLambda"], administrator.manifest["AccountNumber"]

    assert stranger.manifest["AccountNumber"] != number
    for spelt in (name, f"arn:aws:lambda:{REGION}:{number}:function:{name}", f"{number}:function:{name}"):
        with pytest.raises(ClientError) as refusal:
            stranger.send(spelt, {"action": "LIST"})
        code = refusal.value.response["Error"]["Code"]
        assert code == ("ResourceNotFoundException" if spelt == name else "AccessDeniedException")


def test_no_password_token_or_identity_is_good_in_another_account(
    demo: Demo, administrator: AwsUser, stranger: AwsUser
) -> None:
    guest = AwsUser(demo, demo.stranger)

    with pytest.raises(Refused) as refusal:
        guest.invoke("AuthLambda.LOGIN", userName=demo.administrator.user_name, password=demo.administrator.password)
    assert refusal.value.key == "INVALID_LOGIN"
    with pytest.raises(Refused) as refusal:
        guest.invoke("AuthLambda.REFRESH", refreshToken=administrator.login["credentials"]["refreshToken"])
    assert refusal.value.key == "INVALID_LOGIN"
    shown = [
        (provider, identity_id)
        for provider in (guest.provider, administrator.provider)
        for identity_id in (guest.identity_id, administrator.identity_id, stranger.identity_id)
    ]
    shown.remove((administrator.provider, administrator.identity_id))
    for provider, identity_id in shown:
        with pytest.raises(ClientError) as failure:
            guest.cognito.get_credentials_for_identity(IdentityId=identity_id, Logins={provider: administrator.token})
        assert failure.value.response["Error"]["Code"] in {"NotAuthorizedException", "ResourceNotFoundException"}


def test_no_shadow_call_shows_or_changes_what_is_not_yours(outsider: AwsUser, secret: Secret) -> None:
    before = secret.look()
    data = outsider.client("iot-data")
    message = json.dumps({"state": {"desired": {"secret": "mine"}}})

    for call in (
        lambda: data.get_thing_shadow(thingName=secret.thing),
        lambda: data.update_thing_shadow(thingName=secret.thing, payload=message),
        lambda: data.delete_thing_shadow(thingName=secret.thing),
    ):
        with pytest.raises(ClientError) as refusal:
            call()
        assert refusal.value.response["Error"]["Message"] == f"No shadow exists with name: '{secret.thing}'"
    for topic in (
        f"thing-update/south/{secret.domain}/{secret.thing}",
        f"thing-update/{secret.thing}",
        f"thing-update/north/{secret.thing}",
        f"$aws/things/{secret.thing}/shadow/update",
    ):
        with suppress(ClientError):  # forbidden, unless it is a place of one's own where no such thing is
            data.publish(topic=topic, qos=1, payload=message)
    assert secret.look() == before


@pytest.mark.parametrize("level", [mqtt.MQTTv311, mqtt.MQTTv5], ids=["3.1.1", "5"])
def test_no_topic_tells_a_neighbour_what_is_not_theirs(demo: Demo, nora: AwsUser, secret: Secret, level: int) -> None:
    place = f"south/{secret.domain}"
    for topic in (
        f"thing-update/{place}/{secret.thing}",
        f"thing-update-documents/{place}/+",
        "thing-update-accepted/south/#",
        "thing-update-delta/+/+/+",
        f"event/root/{place}",
        f"$aws/things/{secret.thing}/shadow/#",
    ):
        with Watcher(demo, nora.token, level=level) as watcher:
            assert watcher.subscribe(topic) in ([0x87], [0x80], [])


def test_no_topic_tells_a_stranger_anything(demo: Demo, stranger: AwsUser, secret: Secret) -> None:
    stranger.add_thing(demo.new_name("first"))
    families = ("thing-update", "thing-update-accepted", "thing-update-delta", "thing-update-documents")
    with Watcher(demo, stranger.token) as watcher:
        assert watcher.subscribe(*(f"{family}/#" for family in families), "event/#") == [1] * 5
        with Device(demo, secret.files) as device:
            device.listen("update/accepted")
            device.ask("update", {"state": {"reported": {"secret": SECRET}}})
            device.answers()
        own = stranger.add_thing(demo.new_name("own"))

        ((topic, event),) = watcher.hear()

    assert (topic, event["source"]["thingName"]) == ("event/root", own)


def test_what_a_stranger_publishes_never_arrives(demo: Demo, stranger: AwsUser, secret: Secret) -> None:
    before = secret.look()
    wish = {"state": {"desired": {"secret": "mine"}}}
    with Device(demo, secret.files) as device, Watcher(demo, stranger.token) as person:
        device.listen("update/+")
        person.publish(f"thing-update/south/{secret.domain}/{secret.thing}", wish)
        person.publish(f"thing-update/{secret.thing}", wish)
        assert secret.look() == before
        device.ask("update", {"state": {"reported": {"secret": SECRET}}})

        assert [topic for topic, _ in device.answers(2)] == ["update/documents", "update/accepted"]


def test_two_accounts_may_use_the_same_names_and_client_ids(
    demo: Demo, administrator: AwsUser, stranger: AwsUser, tmp_path: Path
) -> None:
    name = demo.new_name("twin")
    folders = []
    for owner, place in ((administrator, "a"), (stranger, "b")):
        owner.add_thing(name)
        folders.append(owner.fetch_certificate(name, tmp_path / place))

    with Device(demo, folders[0]) as first, Device(demo, folders[1]) as second:
        for device in (first, second):
            device.listen("update/accepted")
        first.ask("update", {"state": {"reported": {"mine": 1}}})
        second.ask("update", {"state": {"reported": {"theirs": 2}}})
        assert first.answers()[0][1]["state"]["reported"] == {"mine": 1}
        assert second.answers()[0][1]["state"]["reported"] == {"theirs": 2}
    assert administrator.shadow(name)["state"] == {"reported": {"mine": 1}}
    assert stranger.shadow(name)["state"] == {"reported": {"theirs": 2}}


def test_the_host_decides_where_passwords_are_good_and_a_key_decides_for_itself(demo: Demo, secret: Secret) -> None:
    logins = {"userName": demo.administrator.user_name, "password": demo.administrator.password}
    bearer = {"Authorization": f"Bearer {demo.stranger.api_key}"}

    for host, key in ((demo.stranger.hostname, "INVALID_LOGIN"), (demo.administrator.hostname, None)):
        answer = ask(demo, "POST", "/functions/AuthLambda", {"action": "LOGIN", "attributes": logins}, Host=host).json
        assert (json.loads(answer["errorMessage"])["messageKey"] if "errorMessage" in answer else None) == key
        tree = ask(demo, "POST", "/functions/DomainLambda", {"action": "LIST"}, Host=host, **bearer).json
        assert "south" not in tree["root"]
        assert ask(demo, "GET", f"/things/{secret.thing}/shadow", Host=host, **bearer).status == 404
