from __future__ import annotations

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from contract.aws.installation import REGION, send

KEY = {"authorization": "Bearer csk_anna_secret"}


@pytest.fixture
def anna(cloud):
    return cloud.client("iot-data", cloud.session(cloud.anna))


def refusal(call, **parameters) -> tuple[int, str]:
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    answer = refused.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def test_a_shadow_is_written_read_and_removed(anna):
    state = b'{"state":{"desired":{"color":"red"}}}'
    assert anna.update_thing_shadow(thingName="lamp", payload=state)["payload"].read() == state
    assert anna.get_thing_shadow(thingName="lamp")["payload"].read() == state
    assert anna.delete_thing_shadow(thingName="lamp")["payload"].read() == b'{"version":1}'
    assert refusal(anna.get_thing_shadow, thingName="lamp") == (404, "ResourceNotFoundException")


def test_a_name_with_a_colon_keeps_it(cloud, anna):
    anna.update_thing_shadow(thingName="a:b", payload=b'{"state":{}}')
    assert list(cloud.shadows.documents) == [(cloud.home.id, "a:b")]


def test_a_signed_url_opens_what_it_names_and_nothing_else(cloud, anna):
    anna.update_thing_shadow(thingName="lamp", payload=b'{"state":{}}')
    session = cloud.session(cloud.anna)
    request = AWSRequest(method="GET", url=f"{cloud.url}/things/lamp/shadow")
    keys = Credentials(session.access_key_id, session.secret_access_key, session.session_token)
    SigV4QueryAuth(keys, "iotdata", REGION, expires=60).add_auth(request)
    query = request.url.partition("?")[2]
    assert cloud.request("GET", f"/things/lamp/shadow?{query}").content == b'{"state":{}}'
    answer = cloud.request("GET", f"/things/door/shadow?{query}")
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (403, "InvalidSignatureException")


def test_the_words_of_a_rejection_arrive(cloud):
    request = cloud.signed("GET", "/things/lamp/shadow", service="iotdata", session=cloud.session(cloud.anna))
    answer = send(request)
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")
    assert answer.json()["message"] == "No shadow exists with name: 'lamp'"


@pytest.mark.parametrize(
    ("name", "payload", "status", "code"),
    [
        ("lamp", b"{", 400, "InvalidRequestException"),
        ("lamp", b'{"version":9}', 409, "ConflictException"),
        ("lamp", b'{"a":"%s"}' % (b"x" * 9000), 413, "RequestEntityTooLargeException"),
        ("lamp", b"x" * (128 * 1024 + 1), 413, "RequestEntityTooLargeException"),
        ("elsewhere", b"{}", 403, "ForbiddenException"),
        ("unlucky", b"{}", 503, "ServiceUnavailableException"),
    ],
)
def test_each_rejection_of_an_update_has_its_name(anna, name, payload, status, code):
    assert refusal(anna.update_thing_shadow, thingName=name, payload=payload) == (status, code)


@pytest.mark.parametrize("operation", ["get_thing_shadow", "delete_thing_shadow", "update_thing_shadow"])
def test_a_named_shadow_is_refused_instead_of_touching_the_only_one(anna, operation):
    more = {"payload": b"{}"} if operation.startswith("update") else {}
    refused = refusal(getattr(anna, operation), thingName="lamp", shadowName="x", **more)
    assert refused == (400, "InvalidRequestException")


def test_another_accounts_shadow_is_not_there(cloud, anna):
    anna.update_thing_shadow(thingName="lamp", payload=b"{}")
    olaf = cloud.client("iot-data", cloud.session(cloud.olaf))
    assert refusal(olaf.get_thing_shadow, thingName="lamp") == (404, "ResourceNotFoundException")
    assert refusal(olaf.delete_thing_shadow, thingName="lamp") == (404, "ResourceNotFoundException")


@pytest.mark.parametrize("topic", ["event/root/x", "thing-update/a b/ü", "plain"])
@pytest.mark.parametrize("qos", [0, 1])
def test_a_message_is_published(cloud, anna, topic, qos):
    anna.publish(topic=topic, payload=b"\x00\xff", qos=qos)
    assert cloud.topics.published == [("person11", topic, b"\x00\xff", qos)]


def test_a_topic_may_also_be_sent_with_its_slashes(cloud):
    answer = cloud.request("POST", "/topics/a/b%2Fc?qos=1", content=b"x", headers=KEY)
    assert answer.json()["message"] == "OK"
    assert len(answer.json()["traceId"]) == 36
    assert cloud.topics.published == [("person11", "a/b/c", b"x", 1)]


@pytest.mark.parametrize("query", ["qos=2", "qos=-1", "qos=x", "retain=true"])
def test_a_publish_that_cannot_be_is_invalid(cloud, query):
    answer = cloud.request("POST", f"/topics/a?{query}", content=b"x", headers=KEY)
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, "InvalidRequestException")
    assert cloud.topics.published == []


def test_a_forbidden_topic_is_forbidden(anna):
    assert refusal(anna.publish, topic="$aws/things/lamp/shadow/update", payload=b"{}") == (403, "ForbiddenException")


def test_a_malformed_topic_is_invalid(anna):
    assert refusal(anna.publish, topic="a/b/c/d/e/f/g/h/i", payload=b"{}") == (400, "InvalidRequestException")


def test_a_message_over_128_kilobytes_is_too_large(cloud, anna):
    refused = refusal(anna.publish, topic="a", payload=b"x" * (128 * 1024 + 1))
    assert refused == (413, "RequestEntityTooLargeException")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/things/lamp/shadow"),
        ("POST", "/things/lamp/shadow"),
        ("DELETE", "/things/lamp/shadow"),
        ("POST", "/topics/a"),
    ],
)
class TestWhoMayCall:
    def test_a_bearer_may(self, cloud, method, path):
        headers = {"authorization": f"Bearer {cloud.id_token(cloud.anna)}"}
        assert cloud.request(method, path, headers=headers).status_code in {200, 400, 404}

    def test_a_guest_may_not(self, cloud, method, path):
        answer = send(cloud.signed(method, path, service="iotdata", session=cloud.session()))
        assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (403, "ForbiddenException")

    def test_nobody_may_not(self, cloud, method, path):
        answer = cloud.request(method, path)
        assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (403, "MissingAuthenticationTokenException")

    def test_a_forged_bearer_may_not(self, cloud, method, path):
        answer = cloud.request(method, path, headers={"authorization": "Bearer csk_no"})
        assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (401, "UnauthorizedException")

    @pytest.mark.parametrize("sent", ["Bearer", "bearer"])
    def test_a_bearer_without_a_token_is_told_where_to_get_one(self, cloud, method, path, sent):
        answer = cloud.request(method, path, headers={"authorization": sent})
        assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (401, "UnauthorizedException")
        assert "LOGIN action of AuthLambda" in answer.json()["message"]

    def test_somebody_disabled_may_not(self, cloud, method, path):
        cloud.callers.disabled.add(cloud.anna.id)
        answer = send(cloud.signed(method, path, service="iotdata", session=cloud.session(cloud.anna)))
        assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (403, "UnrecognizedClientException")


@pytest.mark.parametrize("path", ["/things/lamp", "/things//shadow", "/things/%ff/shadow", "/things/a/b/shadow"])
def test_a_path_that_is_none_is_not_found(cloud, path):
    answer = cloud.request("GET", path, headers=KEY)
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")


def test_another_method_is_not_allowed(cloud):
    answer = cloud.request("PUT", "/things/lamp/shadow", headers=KEY)
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (405, "MethodNotAllowedException")
    assert answer.headers["allow"] == "DELETE, GET, HEAD, POST"
