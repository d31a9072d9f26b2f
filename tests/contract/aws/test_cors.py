from __future__ import annotations

import pytest

ORIGIN = {"origin": "https://page.example"}
ASKED = "authorization,content-type,x-amz-date,x-amz-security-token,x-amz-target,x-amz-user-agent"
PATHS = [
    ("/", "POST"),
    ("/2015-03-31/functions/dev-ThingLambda-X/invocations", "POST"),
    ("/functions/ThingLambda", "POST"),
    ("/things/lamp/shadow", "GET"),
    ("/topics/a%2Fb", "POST"),
    ("/prod/manifest/", "GET"),
]


@pytest.mark.parametrize(("path", "method"), PATHS)
def test_a_page_of_any_origin_may_ask(cloud, path, method):
    answer = cloud.request(
        "OPTIONS",
        path,
        headers={**ORIGIN, "access-control-request-method": method, "access-control-request-headers": ASKED},
    )
    assert answer.status_code == 204
    assert answer.headers.get_list("access-control-allow-origin") == ["*"]
    assert method in answer.headers["access-control-allow-methods"].split(", ")
    allowed = set(answer.headers["access-control-allow-headers"].split(", "))
    assert set(ASKED.split(",")) < allowed
    assert {
        "x-amz-content-sha256",
        "x-amz-invocation-type",
        "x-amz-log-type",
        "x-amz-client-context",
        "amz-sdk-invocation-id",
        "amz-sdk-request",
    } < allowed


@pytest.mark.parametrize(("path", "method"), PATHS)
def test_every_answer_lets_the_page_read_what_sdks_need(cloud, path, method):
    answer = cloud.request(method, path, headers={**ORIGIN, "x-amz-target": "x"}, content=b"{}")
    assert answer.headers.get_list("access-control-allow-origin") == ["*"]
    exposed = set(answer.headers["access-control-expose-headers"].split(", "))
    assert exposed >= {
        "x-amzn-requestid",
        "x-amzn-errortype",
        "x-amz-function-error",
        "x-amz-log-result",
        "x-amz-executed-version",
        "date",
    }
    assert "date" in answer.headers


def test_options_without_a_page_tells_the_methods(cloud):
    answer = cloud.request("OPTIONS", "/things/lamp/shadow")
    assert (answer.status_code, answer.headers["allow"]) == (204, "DELETE, GET, HEAD, POST, OPTIONS")
    assert "access-control-allow-methods" not in answer.headers


def test_options_of_nothing_is_not_found(cloud):
    answer = cloud.request("OPTIONS", "/things/lamp", headers={**ORIGIN, "access-control-request-method": "GET"})
    assert answer.status_code == 404
