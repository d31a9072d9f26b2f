from __future__ import annotations

import pytest

from cloudstead.web.bearer import bearer_token
from cloudstead.web.call import Call
from cloudstead.web.intake import BodyIntake
from unit.web.faces import ListQuery


def call(headers: dict[str, str], **scope) -> Call[None]:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Call({"headers": raw, **scope}, None, request_id="r", body_limit=0, intake=BodyIntake())


@pytest.mark.parametrize(
    ("sent", "host"),
    [
        ("Cloud.Example", "cloud.example"),
        ("cloud.example:8443", "cloud.example"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]:80", "::1"),
        ("[::1]", "::1"),
        ("", ""),
    ],
)
def test_the_host_stands_alone(sent, host):
    assert call({"host": sent}).host == host


def test_a_call_without_a_host_has_none():
    assert call({}).host == ""


def test_the_peer_may_be_unknown():
    assert call({}, client=None).peer_address is None
    assert call({}, client=("192.0.2.1", 5)).peer_address == "192.0.2.1"


def test_only_the_declared_query_can_be_asked_for():
    with pytest.raises(LookupError):
        call({}).options(ListQuery)


@pytest.mark.parametrize(
    ("sent", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic abc", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("", None),
        ("abc", None),
    ],
)
def test_a_bearer_token_is_read(sent, token):
    assert bearer_token(sent) == token


def test_without_the_header_there_is_no_bearer_token():
    assert bearer_token(None) is None


async def test_a_request_that_announces_no_body_is_not_waited_for():
    async def never():
        raise AssertionError("nothing is to be received")

    headers = [(b"host", b"cloud.example")]
    scope = {"headers": headers, "http_version": "1.1"}
    waiting = Call(scope, never, request_id="r", body_limit=0, intake=BodyIntake())
    assert await waiting.body() == b""


@pytest.mark.parametrize("announced", [{"content-length": "3"}, {"transfer-encoding": "chunked"}])
async def test_a_body_that_is_announced_is_read(announced):
    async def receive():
        return {"type": "http.request", "body": b"abc"}

    headers = [(name.encode(), value.encode()) for name, value in announced.items()]
    scope = {"headers": headers, "http_version": "1.1"}
    assert await Call(scope, receive, request_id="r", body_limit=9, intake=BodyIntake()).body() == b"abc"
