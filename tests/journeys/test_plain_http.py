from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

from journeys.plain import ask

if TYPE_CHECKING:
    from pathlib import Path

    from factories.demo import Demo, Resident
    from journeys.aws_user import AwsUser


_TOKEN = re.compile(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+")  # RFC 7519, section 3.1


def log_in(demo: Demo, who: Resident) -> str:
    credentials = {"userName": who.user_name, "password": who.password}
    payload = {"action": "LOGIN", "attributes": credentials}
    return ask(demo, "POST", "/functions/AuthLambda", payload, Host=who.hostname).json["credentials"]["token"]


def test_a_function_answers_to_a_token_and_to_a_key(demo: Demo) -> None:
    for bearer in (log_in(demo, demo.nora), demo.nora.api_key):
        answer = ask(demo, "POST", "/functions/DomainLambda", {"action": "LIST"}, Authorization=f"Bearer {bearer}")
        assert answer.status == 200
        assert list(answer.json) == ["north"]


def test_a_business_error_is_an_answer_with_an_error_message(demo: Demo) -> None:
    payload = {"action": "GET", "attributes": {"id": "nowhere"}}

    answer = ask(demo, "POST", "/functions/DomainLambda", payload, Authorization=f"Bearer {demo.administrator.api_key}")

    assert (answer.status, answer.headers["x-amz-function-error"]) == (200, "Handled")
    assert json.loads(answer.json["errorMessage"])["messageKey"] == "DOMAIN_NO_FOUND"


@pytest.mark.parametrize("bearer", [None, "nonsense", "a.b.c", "csk_0_0", "the one that ran out"])
def test_without_a_good_bearer_nothing_is_answered(demo: Demo, bearer: str | None) -> None:
    token = demo.outdated.token if bearer == "the one that ran out" else bearer
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    answer = ask(demo, "POST", "/functions/ThingLambda", {"action": "FIND"}, **headers)

    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/functions/Nothing", b"{}", 404),
        ("/functions/ThingLambda", b"{not json", 400),
        ("/functions/ThingLambda", b"\xff", 400),
        ("/functions/ThingLambda", b"[" * 100_000, 400),
        ("/functions", b"{}", 404),
    ],
)
def test_what_cannot_be_a_request_is_told_so(demo: Demo, path: str, body: bytes, status: int) -> None:
    answer = ask(demo, "POST", path, body, Authorization=f"Bearer {demo.administrator.api_key}")

    assert answer.status == status


def test_shadows_are_plain_requests_too(demo: Demo, administrator: AwsUser) -> None:
    thing = administrator.add_thing(demo.new_name("clock"), "north")
    bearer = {"Authorization": f"Bearer {demo.nora.api_key}"}

    updated = ask(demo, "POST", f"/things/{thing}/shadow", {"state": {"reported": {"n": 1}}}, **bearer)
    read = ask(demo, "GET", f"/things/{thing}/shadow", **bearer)
    published = ask(
        demo, "POST", f"/topics/thing-update%2Fnorth%2F{thing}?qos=1", {"state": {"desired": {"n": 2}}}, **bearer
    )
    deleted = ask(demo, "DELETE", f"/things/{thing}/shadow", **bearer)

    assert updated.json["version"] == 1
    assert read.json["state"] == {"reported": {"n": 1}}
    assert published.json["message"] == "OK"
    assert deleted.json["version"] == 2
    assert ask(demo, "GET", f"/things/{thing}/shadow", **bearer).status == 404


def test_the_manifest_is_found_by_every_spelling(demo: Demo) -> None:
    expected = demo.manifest(demo.administrator)
    number, stack = expected["AccountNumber"], expected["Env"]

    for path in (
        "/prod/manifest/?hostname=localhost",
        "/prod/manifest?hostname=localhost",
        "/prod/manifest",
        f"/?account={number}&env={stack}",
    ):
        answer = ask(demo, "GET", path)
        assert answer.json == expected, path
        assert ask(demo, "GET", path, Origin="https://app.example").headers["access-control-allow-origin"] == "*"
    assert all(isinstance(value, str) for value in expected.values())
    assert expected["StackName"] == stack
    assert ask(demo, "GET", "/prod/manifest/?hostname=unknown.example").json == {}
    assert ask(demo, "GET", f"/?account={number}&env=other").json == {}


@pytest.mark.parametrize(
    "path", ["/", "/2015-03-31/functions/x/invocations", "/things/x/shadow", "/functions/ThingLambda"]
)
def test_browsers_of_every_origin_are_let_through(demo: Demo, path: str) -> None:
    asked = (
        "authorization,content-type,x-amz-date,x-amz-security-token,x-amz-target,x-amz-user-agent,x-amz-content-sha256"
    )
    headers = {"Origin": "https://app.example", "Access_Control_Request_Method": "POST"}

    answer = ask(demo, "OPTIONS", path, Access_Control_Request_Headers=asked, **headers)

    assert answer.status in {200, 204}
    assert answer.headers["access-control-allow-origin"] in {"*", "https://app.example"}
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert set(asked.split(",")) <= allowed


def test_operators_are_told_how_it_goes(demo: Demo) -> None:
    assert ask(demo, "GET", "/healthz").json == {"status": "alive"}
    assert ask(demo, "GET", "/readyz").json == {"status": "ready"}
    metrics = ask(demo, "GET", "/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "# TYPE" in metrics.text
    assert "cloudstead" in metrics.text
    assert ask(demo, "GET", "/ca.pem").text.startswith("-----BEGIN CERTIFICATE-----")
    assert ask(demo, "GET", "/.well-known/jwks.json").json["keys"][0]["kty"] == "RSA"
    assert ask(demo, "GET", "/nothing/here").status == 404
    assert ask(demo, "POST", "/healthz").status == 405


def test_the_interface_describes_itself(demo: Demo) -> None:
    page = ask(demo, "GET", "/docs/cloud-connect")
    document = ask(demo, "GET", "/docs/cloud-connect/openapi.json").json

    assert page.headers["content-type"].startswith("text/html")
    assert document["openapi"].startswith("3.1")
    assert "/functions/ThingLambda" in document["paths"]
    assert "DOWNLOAD_CERTIFICATE" in page.text
    assert ask(demo, "GET", "/docs").status == 200


def test_the_first_page_shows_itself_to_this_machine_only(demo: Demo) -> None:
    page = ask(demo, "GET", "/")
    elsewhere = ask(demo, "GET", "/", Host="cloud.example")

    assert page.headers["content-type"].startswith("text/html")
    assert "content-security-policy" in page.headers
    assert demo.ready["thing_name"] in page.text
    assert demo.administrator.password not in page.text
    assert demo.administrator.api_key not in page.text
    (token,) = _TOKEN.findall(page.text)
    assert _TOKEN.findall(elsewhere.text) == []
    own = {"thingName": demo.ready["thing_name"]}
    for function, action, attributes, refused in (
        ("ThingTypeLambda", "LIST", {}, None),
        ("ThingTypeLambda", "CREATE", {"id": "x", "domain": "root", "label": "X"}, "NOT_AUTHORIZED"),
        ("ThingLambda", "GET", own, None),
        ("ThingLambda", "DOWNLOAD_CERTIFICATE", own, "NOT_AUTHORIZED"),
    ):
        payload = {"action": action, "attributes": attributes}
        answer = ask(demo, "POST", f"/functions/{function}", payload, Authorization=f"Bearer {token}").json
        assert (json.loads(answer["errorMessage"])["messageKey"] if "errorMessage" in answer else None) == refused


@pytest.mark.parametrize("said", ["X_Forwarded_For", "Forwarded", "X_Real_IP", "Via"])
def test_the_page_shows_itself_to_nobody_behind_a_proxy(demo: Demo, said: str) -> None:
    assert _TOKEN.findall(ask(demo, "GET", "/", **{said: "192.0.2.1"}).text) == []


def test_a_revoked_certificate_is_on_the_list(demo: Demo, administrator: AwsUser, tmp_path: Path) -> None:
    thing = administrator.add_thing(demo.new_name("gauge"))
    files = administrator.fetch_certificate(thing, tmp_path)
    certificate = x509.load_pem_x509_certificate((files / "cert.pem").read_bytes())

    def revoked() -> bool:
        revoked = x509.load_der_x509_crl(ask(demo, "GET", "/ca.crl").body)
        return revoked.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None

    assert not revoked()
    administrator.invoke("ThingLambda.REPLACE_CERTIFICATE", thingName=thing)
    assert revoked()


def test_this_machine_is_a_thing_that_reports(demo: Demo, administrator: AwsUser) -> None:
    range_ = {"range": {"timestamp": {"gte": 0}}}
    terms = {"bool": {"must": [{"term": {"thingName": demo.ready["thing_name"]}}, range_]}}
    hits: list[Any] = []
    while not hits:
        found = administrator.invoke("ObservationLambda.FIND", query={"size": 1, "query": terms})
        hits = found["hits"]["hits"]

    assert {"cpu", "memory", "disk"} <= set(hits[0]["_source"]["state"])
