from __future__ import annotations

import json
from datetime import timedelta

import pytest

KEY = {"authorization": "Bearer csk_anna_secret"}


@pytest.fixture
def bearer(cloud):
    return {"authorization": f"Bearer {cloud.id_token(cloud.anna)}"}


@pytest.mark.parametrize("by_key", [True, False])
def test_a_bearer_calls_a_function_of_the_own_account(cloud, bearer, by_key):
    answer = cloud.request(
        "POST", "/functions/ThingLambda", content=b'{"action":"GET"}', headers=KEY if by_key else bearer
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "function": "ThingLambda",
        "account": "000000000001",
        "user": "person11",
        "payload": {"action": "GET"},
    }


def test_the_token_decides_the_account_whatever_the_host(cloud):
    headers = {"authorization": f"Bearer {cloud.id_token(cloud.olaf)}"}
    assert cloud.request("POST", "/functions/ThingLambda", headers=headers).json()["account"] == "000000000002"


def test_the_login_needs_no_credential_and_finds_its_account_by_the_host(cloud):
    here = cloud.request("POST", "/functions/AuthLambda", content=b"{}")
    assert (here.json()["account"], here.json()["user"]) == ("000000000001", None)
    there = cloud.request("POST", "/functions/AuthLambda", content=b"{}", headers={"host": "Other.example:8443"})
    assert there.json()["account"] == "000000000002"


def test_a_business_error_answers_200_as_invoke_does(cloud, bearer):
    answer = cloud.request("POST", "/functions/ThingLambda", content=b'{"action":"FAIL"}', headers=bearer)
    assert (answer.status_code, answer.headers["x-amz-function-error"]) == (200, "Handled")
    assert json.loads(answer.json()["errorMessage"]) == {"message": "no"}


def test_a_broken_function_answers_500_and_tells_nothing_but_the_request(cloud, bearer):
    answer = cloud.request(
        "POST", "/functions/ThingLambda", content=b'{"action":"BREAK"}', headers={**bearer, "x-request-id": "r-7"}
    )
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert (answer.json()["request_id"], answer.headers["x-request-id"]) == ("r-7", "r-7")


def test_an_empty_body_counts_as_an_empty_object(cloud, bearer):
    assert cloud.request("POST", "/functions/ThingLambda", headers=bearer).json()["payload"] == {}


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Basic YTpi"}, {"authorization": "Bearer"}],
)
def test_without_a_bearer_the_answer_says_where_to_get_one(cloud, headers):
    answer = cloud.request("POST", "/functions/ThingLambda", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "LOGIN action of AuthLambda" in answer.json()["message"]


def test_an_expired_token_says_so(cloud, bearer):
    cloud.clock.shift = timedelta(minutes=16)
    answer = cloud.request("POST", "/functions/ThingLambda", headers=bearer)
    assert answer.status_code == 401
    assert answer.json()["message"].startswith("Token is expired")


@pytest.mark.parametrize("token", ["csk_anna_wrong", "a.b.c", "x" * 9000])
def test_a_forged_bearer_is_refused(cloud, token):
    answer = cloud.request("POST", "/functions/ThingLambda", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["message"]) == (401, "Invalid login token or API key.")


def test_a_login_token_of_account_management_is_told_what_opens_here(cloud):
    token = f"cst_{'0' * 32}_{'0' * 64}"
    answer = cloud.request("POST", "/functions/ThingLambda", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert "API key" in answer.json()["message"]
    assert "LOGIN" in answer.json()["message"]


def test_a_bearer_who_was_disabled_is_refused(cloud, bearer):
    cloud.callers.disabled.add(cloud.anna.id)
    for headers in (bearer, KEY):
        assert cloud.request("POST", "/functions/ThingLambda", headers=headers).status_code == 401


def test_an_unknown_function_answers_with_the_known_ones(cloud):
    answer = cloud.request("POST", "/functions/PizzaLambda")
    assert answer.status_code == 404
    assert answer.json()["message"] == (
        "Function not found: PizzaLambda. There are: AuthLambda, DomainLambda, ThingLambda"
    )


def test_the_login_behind_an_unknown_host_says_so(cloud):
    answer = cloud.request("POST", "/functions/AuthLambda", headers={"host": "nobody.example"})
    assert answer.status_code == 404
    assert "nobody.example" in answer.json()["message"]


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_is_refused(cloud, bearer, body):
    for name in ("ThingLambda", "AuthLambda"):
        answer = cloud.request("POST", f"/functions/{name}", content=body, headers=bearer)
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("Could not parse request body into json")


def test_a_body_beyond_six_megabytes_is_refused(cloud, bearer):
    answer = cloud.request("POST", "/functions/ThingLambda", content=b"x" * (6 * 1024 * 1024 + 1), headers=bearer)
    assert answer.status_code == 413


def test_another_method_is_not_allowed(cloud):
    answer = cloud.request("GET", "/functions/ThingLambda")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
