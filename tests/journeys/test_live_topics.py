from __future__ import annotations

from typing import TYPE_CHECKING, Any

import paho.mqtt.client as mqtt
import pytest

from journeys.mqtt_user import Device, NotLetIn
from journeys.watcher import Watcher

if TYPE_CHECKING:
    from pathlib import Path

    from factories.demo import Demo, Resident
    from journeys.aws_user import AwsUser

FAMILIES = ("thing-update", "thing-update-accepted", "thing-update-delta", "thing-update-documents")
LEVELS = pytest.mark.parametrize("level", [mqtt.MQTTv311, mqtt.MQTTv5], ids=["3.1.1", "5"])


@pytest.fixture
def files(demo: Demo, administrator: AwsUser, tmp_path: Path) -> Path:
    return administrator.fetch_certificate(administrator.add_thing(demo.new_name("buoy"), "harbour"), tmp_path)


def on_topic(heard: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({topic for topic, _ in heard}) == len(heard)
    return dict(heard)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_every_family_tells_what_happens_to_the_things_below_a_domain(
    demo: Demo, ron: AwsUser, files: Path, scheme: str
) -> None:
    path = f"north/harbour/{files.name}"
    with Watcher(demo, ron.token, scheme=scheme) as watcher, Device(demo, files) as device:
        assert watcher.subscribe(*(f"{family}/north/#" for family in (*FAMILIES, "thing-update-rejected"))) == [1] * 5

        request = {"state": {"reported": {"n": 1}, "desired": {"n": 2}}, "clientToken": "t1"}
        device.ask("update", request)
        heard = on_topic(watcher.hear(4))
        assert set(heard) == {f"{family}/{path}" for family in FAMILIES}
        assert heard[f"thing-update/{path}"] == request
        assert heard[f"thing-update-accepted/{path}"]["version"] == 1
        assert heard[f"thing-update-delta/{path}"]["state"] == {"n": 2}
        assert heard[f"thing-update-documents/{path}"]["current"]["version"] == 1

        device.ask("update", {"state": {"imagined": {}}})
        heard = on_topic(watcher.hear(2))
        assert heard[f"thing-update-rejected/{path}"]["code"] == 400


def test_what_a_person_publishes_reaches_the_device_and_is_heard_once(demo: Demo, nora: AwsUser, files: Path) -> None:
    topic = f"thing-update/north/harbour/{files.name}"
    wish = {"state": {"desired": {"lamp": "on"}}}
    with Watcher(demo, nora.token, level=mqtt.MQTTv5) as person, Device(demo, files) as device:
        device.listen("update/delta")
        person.subscribe("thing-update/north/harbour/+")

        person.publish(topic, wish)
        assert device.answers()[0][1]["state"] == {"lamp": "on"}
        device.ask("update", {"state": {"reported": {"lamp": "on"}}})

        assert person.hear(2) == [(topic, wish), (topic, {"state": {"reported": {"lamp": "on"}}})]


def test_names_with_blanks_dots_colons_and_umlauts_travel_everywhere(
    demo: Demo, administrator: AwsUser, tmp_path: Path
) -> None:
    domain, thing = demo.new_name("Tele nör.no"), demo.new_name("urn:dev_1")
    administrator.invoke("DomainLambda.CREATE", id=domain, parentId="root", name="Ä")
    files = administrator.fetch_certificate(administrator.add_thing(thing, domain), tmp_path)
    with Watcher(demo, administrator.token) as watcher, Device(demo, files) as device:
        watcher.subscribe(f"thing-update-accepted/{domain}/+", f"event/root/{domain}")
        device.ask("update", {"state": {"reported": {"ä b": "ö"}}})
        administrator.update(thing, state={"desired": {"n": 1}})
        administrator.client("iot-data").publish(
            topic=f"thing-update/{domain}/{thing}", qos=1, payload='{"state":{"desired":{"n":2}}}'
        )
        administrator.invoke("ThingLambda.UPDATE", thingName=thing, domain=domain, label="Ü")
        heard = watcher.hear(4)

    assert [topic for topic, _ in heard] == [f"thing-update-accepted/{domain}/{thing}"] * 3 + [f"event/root/{domain}"]
    assert administrator.shadow(thing)["state"]["reported"] == {"ä b": "ö"}
    found = administrator.invoke("ThingLambda.FIND", query={"query": {"term": {"domain": domain}}})
    assert [hit["_source"]["label"] for hit in found["hits"]["hits"]] == ["Ü"]


@LEVELS
def test_nobody_hears_beyond_the_own_domain(demo: Demo, ron: AwsUser, level: int) -> None:
    for topic_filter in (
        "#",
        "+/#",
        "thing-update/#",
        "thing-update/+/harbour/+",
        "thing-update/south/#",
        "thing-update/northern/#",
        "thing-update-documents/#",
        "event/#",
        "event/root/#",
        "event/root/south",
        "$aws/things/+/shadow/#",
        "$SYS/#",
    ):
        with Watcher(demo, ron.token, level=level) as watcher:
            granted = watcher.subscribe(topic_filter)
            if level == mqtt.MQTTv311:
                watcher.wait_until_gone()
            else:
                assert granted == [0x87], topic_filter


@LEVELS
def test_a_reader_does_not_publish(demo: Demo, ron: AwsUser, administrator: AwsUser, files: Path, level: int) -> None:
    with Watcher(demo, ron.token, level=level) as watcher:
        watcher.client.publish(f"thing-update/north/harbour/{files.name}", '{"state":{"desired":{"n":1}}}', qos=0)
        watcher.wait_until_gone()

    assert administrator.invoke("ThingLambda.GET", thingName=files.name, shadow=None)["shadow"]["version"] == 0


def test_life_cycle_events_are_told_where_they_happen(demo: Demo, administrator: AwsUser, nora: AwsUser) -> None:
    thing, elsewhere, type_id = demo.new_name("crane"), demo.new_name("crane"), demo.new_name("crane-type")
    with Watcher(demo, nora.token) as watcher:
        assert watcher.subscribe("event/root/north/#") == [1]

        administrator.add_thing(elsewhere, "south")
        nora.invoke("ThingTypeLambda.CREATE", id=type_id, domain="north", label="Crane")
        nora.invoke("ThingLambda.CREATE", thingName=thing, thingType=type_id, domain="north")
        nora.invoke("ThingLambda.UPDATE", thingName=thing, domain="harbour", label="Crane one")
        nora.invoke("ThingLambda.REMOVE", thingName=thing)
        nora.invoke("ThingTypeLambda.REMOVE", id=type_id)

        heard = watcher.hear(5)
    assert [(topic, event["type"]) for topic, event in heard] == [
        ("event/root/north", "THING_TYPE.CREATE"),
        ("event/root/north", "THING.CREATE"),
        ("event/root/north/harbour", "THING.UPDATE"),
        ("event/root/north/harbour", "THING.REMOVE"),
        ("event/root/north", "THING_TYPE.REMOVE"),
    ]
    assert heard[1][1]["source"] == {"thingName": thing, "thingType": type_id, "domain": "north"}


def test_a_moved_thing_is_heard_where_it_is_now(demo: Demo, administrator: AwsUser, ron: AwsUser, files: Path) -> None:
    with Watcher(demo, ron.token) as watcher, Device(demo, files) as device:
        watcher.subscribe("thing-update/north/#")
        device.ask("update", {"state": {"reported": {"n": 1}}})
        administrator.invoke("ThingLambda.UPDATE", thingName=files.name, domain="south", label="Gone south")
        device.ask("update", {"state": {"reported": {"n": 2}}})
        administrator.invoke("ThingLambda.UPDATE", thingName=files.name, domain="north", label="Back")
        device.ask("update", {"state": {"reported": {"n": 3}}})

        assert [(topic, report["state"]["reported"]["n"]) for topic, report in watcher.hear(2)] == [
            (f"thing-update/north/harbour/{files.name}", 1),
            (f"thing-update/north/{files.name}", 3),
        ]


def test_a_domain_that_moves_takes_its_listeners_out_of_where_they_may_not_be(
    demo: Demo, administrator: AwsUser, ron: AwsUser
) -> None:
    domain = demo.new_name("raft")
    administrator.invoke("DomainLambda.CREATE", id=domain, parentId="north", name="Raft")
    with Watcher(demo, ron.token) as watcher, Watcher(demo, ron.token) as other:
        watcher.subscribe(f"thing-update-accepted/north/{domain}/#", f"event/root/north/{domain}")
        other.subscribe("thing-update-accepted/north/#")
        thing = administrator.add_thing(demo.new_name("oar"), domain)
        administrator.invoke("DomainLambda.UPDATE", id=domain, parentId="south")

        administrator.update(thing, state={"reported": {"n": 1}})
        near = administrator.add_thing(demo.new_name("oar"), "north")
        administrator.update(near, state={"reported": {"n": 2}})

        assert other.hear()[0][0] == f"thing-update-accepted/north/{near}"
        heard = [topic for topic, _ in watcher.hear()]
        assert heard == [f"event/root/north/{domain}"]


# Paho leaves the socket of a WebSocket that was refused to the collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
def test_who_has_no_good_token_is_not_let_in(demo: Demo, ron: AwsUser) -> None:
    forged = ron.token[:-8] + "AAAAAAAA"
    for token in ("nonsense", forged, demo.outdated.token, demo.ron.api_key[:-4] + "0000"):
        with pytest.raises(NotLetIn):
            Watcher(demo, token).__enter__()


def test_a_key_opens_as_a_token_does_in_the_header_the_address_or_connect(
    demo: Demo, ron: AwsUser, administrator: AwsUser
) -> None:
    thing = administrator.add_thing(demo.new_name("bell"), "north")

    def late(who: Resident) -> Watcher:
        watcher = Watcher(demo, "")
        watcher.client.ws_set_options("/mqtt")
        watcher.client.username_pw_set(who.user_name, who.api_key)
        return watcher

    addressed = Watcher(demo, "")
    addressed.client.ws_set_options(f"/mqtt?token={ron.token}")

    with Watcher(demo, demo.ron.api_key) as first, late(demo.ron) as second, addressed as third:
        for watcher in (first, second, third):
            watcher.subscribe("thing-update-accepted/north/+")
        administrator.update(thing, state={"reported": {"rings": True}})
        for watcher in (first, second, third):
            ((topic, accepted),) = watcher.hear()
            assert topic == f"thing-update-accepted/north/{thing}"
            assert accepted["state"] == {"reported": {"rings": True}}
    nameless = Watcher(demo, "")
    nameless.client.ws_set_options("/mqtt")
    with pytest.raises(NotLetIn):
        nameless.__enter__()
