from __future__ import annotations

import json
import queue
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from awscrt import auth, mqtt, mqtt_request_response
from awsiot import iotshadow, mqtt_connection_builder
from awsiot.iotshadow import (
    DeleteShadowRequest,
    GetShadowRequest,
    IotShadowClient,
    IotShadowClientV2,
    ShadowState,
    UpdateShadowRequest,
)

from factories.demo import REGION
from journeys.aws_user import AwsUser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from factories.demo import Demo

_PATIENCE_S = 15


@contextmanager
def connected(connection: mqtt.Connection) -> Iterator[mqtt.Connection]:
    connection.connect().result(_PATIENCE_S)
    yield connection
    connection.disconnect().result(_PATIENCE_S)


@pytest.fixture
def files(demo: Demo, administrator: AwsUser, tmp_path: Path) -> Path:
    return administrator.fetch_certificate(administrator.add_thing(demo.new_name("dial"), "north"), tmp_path)


def device(demo: Demo, files: Path) -> mqtt.Connection:
    host, port = demo.devices
    return mqtt_connection_builder.mtls_from_path(
        str(files / "cert.pem"),
        str(files / "privkey.pem"),
        endpoint=host,
        port=port,
        ca_filepath=demo.ca_file,
        client_id=files.name,
        clean_session=True,
    )


def browser(demo: Demo, user: AwsUser, client_id: str, **keys: str) -> mqtt.Connection:
    host, port = demo.web("https")
    credentials = {**user.keys, **keys}
    return mqtt_connection_builder.websockets_with_default_aws_signing(
        REGION,
        auth.AwsCredentialsProvider.new_static(
            credentials["AccessKeyId"], credentials["SecretKey"], credentials["SessionToken"]
        ),
        endpoint=host,
        port=port,
        ca_filepath=demo.ca_file,
        client_id=client_id,
        clean_session=True,
    )


def hear(connection: mqtt.Connection, topic_filter: str) -> queue.Queue[tuple[str, Any]]:
    heard: queue.Queue[tuple[str, Any]] = queue.Queue()
    subscribed, _ = connection.subscribe(
        topic_filter,
        mqtt.QoS.AT_LEAST_ONCE,
        lambda topic, payload, **_: heard.put((topic, json.loads(payload))),
    )
    subscribed.result(_PATIENCE_S)
    return heard


def test_the_shadow_client_asks_over_mutual_tls(demo: Demo, files: Path) -> None:
    name = files.name
    answers: queue.Queue[Any] = queue.Queue()

    with connected(device(demo, files)) as connection:
        client = IotShadowClient(connection)
        for subscribe, request in (
            (client.subscribe_to_update_shadow_accepted, iotshadow.UpdateShadowSubscriptionRequest),
            (client.subscribe_to_update_shadow_rejected, iotshadow.UpdateShadowSubscriptionRequest),
            (client.subscribe_to_shadow_delta_updated_events, iotshadow.ShadowDeltaUpdatedSubscriptionRequest),
            (client.subscribe_to_shadow_updated_events, iotshadow.ShadowUpdatedSubscriptionRequest),
            (client.subscribe_to_get_shadow_accepted, iotshadow.GetShadowSubscriptionRequest),
            (client.subscribe_to_get_shadow_rejected, iotshadow.GetShadowSubscriptionRequest),
            (client.subscribe_to_delete_shadow_accepted, iotshadow.DeleteShadowSubscriptionRequest),
        ):
            granted, _ = subscribe(request(thing_name=name), mqtt.QoS.AT_LEAST_ONCE, answers.put)
            granted.result(_PATIENCE_S)

        state = ShadowState(reported={"n": 1}, desired={"n": 2})
        update = UpdateShadowRequest(thing_name=name, state=state, client_token="t1")
        client.publish_update_shadow(update, mqtt.QoS.AT_LEAST_ONCE).result(_PATIENCE_S)
        delta, documents, accepted = (answers.get(timeout=_PATIENCE_S) for _ in range(3))
        assert delta.state == {"n": 2}
        assert documents.current.state.reported == {"n": 1}
        assert (accepted.version, accepted.client_token) == (1, "t1")

        late = UpdateShadowRequest(thing_name=name, state=state, version=9)
        client.publish_update_shadow(late, mqtt.QoS.AT_LEAST_ONCE).result(_PATIENCE_S)
        assert answers.get(timeout=_PATIENCE_S).code == 409

        client.publish_get_shadow(GetShadowRequest(thing_name=name), mqtt.QoS.AT_LEAST_ONCE).result(_PATIENCE_S)
        got = answers.get(timeout=_PATIENCE_S)
        assert (got.state.reported, got.state.delta, got.version) == ({"n": 1}, {"n": 2}, 1)

        client.publish_delete_shadow(DeleteShadowRequest(thing_name=name), mqtt.QoS.AT_LEAST_ONCE).result(_PATIENCE_S)
        assert answers.get(timeout=_PATIENCE_S).version == 1
        client.publish_get_shadow(GetShadowRequest(thing_name=name), mqtt.QoS.AT_LEAST_ONCE).result(_PATIENCE_S)
        assert answers.get(timeout=_PATIENCE_S).code == 404


def test_the_newer_shadow_client_gets_its_answers_by_request(demo: Demo, files: Path) -> None:
    name = files.name
    options = mqtt_request_response.ClientOptions(
        max_request_response_subscriptions=6, max_streaming_subscriptions=2, operation_timeout_in_seconds=_PATIENCE_S
    )

    with connected(device(demo, files)) as connection:
        client = IotShadowClientV2(connection, options)

        def ask(answer: Future[Any]) -> Any:
            return answer.result(_PATIENCE_S)

        state = ShadowState(reported={"n": 1})
        updated = ask(client.update_shadow(UpdateShadowRequest(thing_name=name, state=state)))
        assert (updated.version, updated.state.reported) == (1, {"n": 1})
        assert ask(client.get_shadow(GetShadowRequest(thing_name=name))).state.reported == {"n": 1}
        assert ask(client.delete_shadow(DeleteShadowRequest(thing_name=name))).version == 1
        with pytest.raises(Exception, match="get_shadow failure") as refusal:
            ask(client.get_shadow(GetShadowRequest(thing_name=name)))
        assert refusal.value.modeled_error.code == 404


def test_a_person_hears_and_changes_things_over_a_signed_websocket(demo: Demo, nora: AwsUser, files: Path) -> None:
    name = files.name
    with connected(browser(demo, nora, demo.new_name("browser"))) as person, connected(device(demo, files)) as thing:
        heard = hear(person, "thing-update/north/+")
        deltas = hear(thing, f"$aws/things/{name}/shadow/update/delta")

        wish = {"state": {"desired": {"on": True}}}
        person.publish(f"thing-update/north/{name}", json.dumps(wish), mqtt.QoS.AT_LEAST_ONCE)[0].result(_PATIENCE_S)
        assert deltas.get(timeout=_PATIENCE_S)[1]["state"] == {"on": True}
        assert heard.get(timeout=_PATIENCE_S) == (f"thing-update/north/{name}", wish)

        report = {"state": {"reported": {"on": True}}}
        topic = f"$aws/things/{name}/shadow/update"
        thing.publish(topic, json.dumps(report), mqtt.QoS.AT_LEAST_ONCE)[0].result(_PATIENCE_S)
        assert heard.get(timeout=_PATIENCE_S) == (f"thing-update/north/{name}", report)
    assert "delta" not in nora.shadow(name)["state"]


@pytest.mark.parametrize("forged", ["SecretKey", "SessionToken"])
def test_a_websocket_signed_with_forged_keys_is_not_opened(demo: Demo, nora: AwsUser, forged: str) -> None:
    keys = {forged: nora.keys[forged][:-6] + "AAAAAA"}

    with pytest.raises(Exception, match="UPGRADE_FAILURE"):
        browser(demo, nora, demo.new_name("browser"), **keys).connect().result(_PATIENCE_S)


def test_neither_keys_that_ran_out_nor_those_of_a_guest_open_a_websocket(demo: Demo, nora: AwsUser) -> None:
    for keys in (demo.outdated.keys, AwsUser(demo, demo.nora).keys):
        with pytest.raises(Exception, match="UPGRADE_FAILURE"):
            browser(demo, nora, demo.new_name("browser"), **keys).connect().result(_PATIENCE_S)
