"""Signature Version 4 against the signers that nobody here wrote: botocore's, for headers, queries and S3."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote, urlsplit

import pytest
from awscrt import auth, http
from botocore.auth import S3SigV4Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.web.sigv4 import (
    IOT_DATA,
    LAMBDA,
    MQTT,
    S3,
    ClockSkewed,
    PayloadAltered,
    Rules,
    ScopeRefused,
    SignatureIncomplete,
    SignatureMismatch,
    SignatureMissing,
    SignatureRefused,
    SignedRequest,
    read_signature,
    signing_key,
    verify,
)

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEYS = Credentials("ASIAEXAMPLE", SECRET, "session/token==")
REGION = "eu-west-1"


def received(request: AWSRequest, *, rename_host: str | None = None) -> tuple[SignedRequest, int]:
    """Return the request as a server sees it, and the second at which it was signed."""
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    headers = [("host", rename_host or parts.netloc)]
    for name, value in prepared.headers.items():
        text = value.decode() if isinstance(value, bytes) else value
        headers.append((name.lower(), text))
    body = prepared.body or b""
    signed_at = datetime.strptime(request.context["timestamp"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    signed = SignedRequest(prepared.method, parts.path, parts.query, headers).with_body(body)
    return signed, int(signed_at.timestamp())


def check(request: SignedRequest, now_s: int, *, rules: Rules, secret: str = SECRET, region: str = REGION) -> None:
    verify(request, read_signature(request), secret=secret, rules=rules, region=region, now_s=now_s)


def header_signed(**changes) -> tuple[SignedRequest, int]:
    wanted = {
        "method": "POST",
        "url": "http://127.0.0.1:8080/2015-03-31/functions/dev-ThingLambda-X/invocations",
        "data": b"{}",
        "headers": {"X-Amz-Invocation-Type": "Event"},
    }
    request = AWSRequest(**{**wanted, **changes})
    SigV4Auth(KEYS, "lambda", REGION).add_auth(request)
    return received(request)


def query_signed(service: str = "lambda", expires: int = 60) -> tuple[SignedRequest, int]:
    request = AWSRequest(method="GET", url="http://127.0.0.1:8080/mqtt", params={"a": "b c/d"})
    SigV4QueryAuth(KEYS, service, REGION, expires=expires).add_auth(request)
    return received(request)


def test_the_key_is_that_of_the_published_example():
    # AWS General Reference, "Examples of how to derive a signing key for Signature Version 4".
    key = signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20120215", "us-east-1", "iam")
    assert key.hex() == "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"


def test_a_signed_header_is_accepted():
    request, now_s = header_signed()
    check(request, now_s, rules=LAMBDA)


def test_the_claim_is_read_as_it_was_made():
    request, _ = header_signed()
    claim = read_signature(request)
    assert (claim.access_key_id, claim.session_token) == ("ASIAEXAMPLE", "session/token==")
    assert claim.signed_headers == ("host", "x-amz-date", "x-amz-invocation-type", "x-amz-security-token")


def test_the_hash_that_browser_sdks_send_and_sign_is_accepted():
    request, now_s = header_signed(headers={"X-Amz-Content-SHA256": sha256(b"{}").hexdigest()})
    assert "x-amz-content-sha256" in read_signature(request).signed_headers
    check(request, now_s, rules=LAMBDA)


def test_the_date_header_stands_in_for_the_time_stamp():
    request, now_s = header_signed()
    date = datetime.fromtimestamp(now_s, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    dated = with_header(with_header(request, "x-amz-date", None), "date", date)
    authorization = dated.header("authorization")
    assert authorization is not None
    unsigned = with_header(dated, "authorization", authorization.replace("x-amz-date;", ""))
    # Read, but not signed as such by botocore: what is left is a mismatch, no complaint about a missing time.
    assert read_signature(unsigned).signed_at == request.header("x-amz-date")
    with pytest.raises(SignatureMismatch):
        check(unsigned, now_s, rules=LAMBDA)


SEGMENT = st.text(st.characters(codec="utf-8", exclude_characters="?#\r\n\t\\"), max_size=8)
ODD_SEGMENT = st.sampled_from(["", ".", "..", "%2F", "%3A", "arn:aws:x", "a%20b", "~", "*", "+", "é"])


@settings(max_examples=150, deadline=None)
@given(segments=st.lists(SEGMENT | ODD_SEGMENT, max_size=5), slash=st.booleans())
def test_any_path_signed_by_botocore_is_accepted(segments, slash):
    path = quote("/" + "/".join(segments) + ("/" if slash else ""), safe="/%~:*+")
    request, now_s = header_signed(url=f"http://127.0.0.1:8080{path}")
    check(request, now_s, rules=LAMBDA)


PARAMETERS = st.dictionaries(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=6), st.text(st.characters(codec="utf-8"), max_size=8)
)


@settings(max_examples=150, deadline=None)
@given(params=PARAMETERS)
def test_any_query_signed_by_botocore_is_accepted(params):
    request, now_s = header_signed(params=params)
    # The HTTP library sends blanks as plus signs, but signs them as %20: AWS reads only the latter.
    request = dataclasses.replace(request, raw_query=request.raw_query.replace("+", "%20"))
    check(request, now_s, rules=LAMBDA)


@settings(max_examples=50, deadline=None)
@given(path=st.text(st.characters(codec="utf-8", exclude_characters="?#\r\n\t\\"), max_size=12))
def test_s3_signs_the_path_as_it_stands(path):
    request = AWSRequest(method="GET", url=f"https://bucket.example/{quote(path)}")
    request.context["payload_signing_enabled"] = True
    S3SigV4Auth(KEYS, "s3", REGION).add_auth(request)
    signed, now_s = received(request)
    check(signed, now_s, rules=S3)


def test_s3_rules_do_not_fit_other_services():
    request, now_s = header_signed(url="http://127.0.0.1:8080/things/a%3Ab/shadow")
    with pytest.raises(ScopeRefused):
        check(request, now_s, rules=S3)
    once = dataclasses.replace(LAMBDA, encodes_path_twice=False)
    with pytest.raises(SignatureMismatch):
        check(request, now_s, rules=once)


def test_values_are_trimmed_and_inner_blanks_collapsed():
    request, now_s = header_signed(headers={"X-Amz-Meta": "a   b"})
    headers = [(n, "  a b " if n == "x-amz-meta" else v) for n, v in request.headers]
    check(dataclasses.replace(request, headers=headers), now_s, rules=LAMBDA)


def test_a_signed_query_is_accepted():
    request, now_s = query_signed()
    check(request, now_s + 59, rules=LAMBDA)


def mqtt_url(service: str, *, token_first: bool = False):
    """Sign as the device SDKs do: the security token joins the query only after signing."""
    request = AWSRequest(method="GET", url="http://iot.example:8443/mqtt")
    bare = Credentials(KEYS.access_key, KEYS.secret_key)
    SigV4QueryAuth(bare, service, REGION, expires=86400).add_auth(request)
    signed, now_s = received(request)
    token = "X-Amz-Security-Token=session%2Ftoken%3D%3D"
    query = f"{token}&{signed.raw_query}" if token_first else f"{signed.raw_query}&{token}"
    return dataclasses.replace(signed, raw_query=query), now_s


@pytest.mark.parametrize("service", ["iotdevicegateway", "iotdata"])
@pytest.mark.parametrize("token_first", [False, True])
def test_the_token_of_a_websocket_url_is_never_signed_wherever_it_stands(service, token_first):
    request, now_s = mqtt_url(service, token_first=token_first)
    assert read_signature(request).session_token == "session/token=="
    check(request, now_s, rules=MQTT)


def test_a_url_signed_by_the_common_runtime_with_its_connection_header_is_accepted():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    headers = [("host", "iot.example"), ("connection", "Upgrade")]
    config = auth.AwsSigningConfig(
        signature_type=auth.AwsSignatureType.HTTP_REQUEST_QUERY_PARAMS,
        credentials_provider=auth.AwsCredentialsProvider.new_static("ASIAEXAMPLE", SECRET, "session/token=="),
        region=REGION,
        service="iotdevicegateway",
        date=now,
        omit_session_token=True,
    )
    unsigned = http.HttpRequest("GET", "/mqtt", http.HttpHeaders(headers))
    path, _, query = auth.aws_sign_request(unsigned, config).result(10).path.partition("?")
    request = SignedRequest("GET", path, query, headers)
    assert read_signature(request).signed_headers == ("connection", "host")
    assert read_signature(request).session_token == "session/token=="
    check(request, int(now.timestamp()), rules=MQTT)


def test_a_websocket_url_for_another_host_is_refused():
    request, now_s = mqtt_url("iotdata")
    with pytest.raises(SignatureMismatch):
        check(dataclasses.replace(request, headers=[("host", "iot.example")]), now_s, rules=MQTT)


# What spoils a signature, and nothing else does.


def spoilt(change) -> type[SignatureRefused]:
    request, now_s = header_signed()
    with pytest.raises(SignatureRefused) as refused:
        check(change(request), now_s, rules=LAMBDA)
    return refused.type


def with_header(request: SignedRequest, name: str, value: str | None) -> SignedRequest:
    headers = [(n, v) for n, v in request.headers if n != name]
    if value is not None:
        headers.append((name, value))
    return dataclasses.replace(request, headers=headers)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "GET"},
        {"raw_path": "/2015-03-31/functions/dev-AuthLambda-X/invocations"},
        {"raw_query": "Qualifier=1"},
        {"payload_hash": "0" * 64},
    ],
)
def test_any_change_of_the_request_spoils_the_signature(change):
    assert spoilt(lambda request: dataclasses.replace(request, **change)) is SignatureMismatch


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("host", "elsewhere:8080", SignatureMismatch),
        ("host", None, SignatureIncomplete),
        ("x-amz-invocation-type", "DryRun", SignatureMismatch),
        ("x-amz-security-token", "another", SignatureMismatch),
        ("x-amz-content-sha256", "0" * 64, PayloadAltered),
        ("x-amz-date", "yesterday", SignatureIncomplete),
        ("x-amz-date", "20269999T999999Z", ScopeRefused),
        ("x-amz-date", None, SignatureIncomplete),
        ("authorization", None, SignatureMissing),
        ("authorization", "", SignatureIncomplete),
        ("authorization", "Bearer abc", SignatureIncomplete),
        ("authorization", "AWS4-HMAC-SHA256", SignatureIncomplete),
        ("authorization", "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=ab", SignatureIncomplete),
    ],
)
def test_each_fault_of_a_header_has_its_own_refusal(name, value, kind):
    assert spoilt(lambda request: with_header(request, name, value)) is kind


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (f"/{REGION}/", "/us-east-1/", ScopeRefused),
        ("/lambda/", "/iam/", ScopeRefused),
        ("/aws4_request", "/aws5_request", SignatureIncomplete),
        ("SignedHeaders=host;", "SignedHeaders=", SignatureIncomplete),
        ("SignedHeaders=host;", "SignedHeaders=host;;", SignatureIncomplete),
        ("SignedHeaders=host;", "SignedHeaders=host;absent;", SignatureIncomplete),
        ("SignedHeaders=host;", "SignedHeaders=host;h\u00e9;", SignatureIncomplete),
        ("Signature=", "Signature=g", SignatureIncomplete),
    ],
)
def test_each_fault_of_the_authorization_has_its_own_refusal(old, new, kind):
    def change(request: SignedRequest) -> SignedRequest:
        authorization = request.header("authorization")
        assert authorization is not None
        assert old in authorization
        return with_header(request, "authorization", authorization.replace(old, new))

    assert spoilt(change) is kind


def test_another_secret_does_not_fit():
    request, now_s = header_signed()
    with pytest.raises(SignatureMismatch):
        check(request, now_s, rules=LAMBDA, secret="another")


@pytest.mark.parametrize("shift_s", [-301, 301])
def test_a_request_from_more_than_five_minutes_away_is_refused(shift_s):
    request, now_s = header_signed()
    with pytest.raises(ClockSkewed):
        check(request, now_s + shift_s, rules=LAMBDA)


@pytest.mark.parametrize("shift_s", [-300, 300])
def test_a_request_from_five_minutes_away_is_accepted(shift_s):
    request, now_s = header_signed()
    check(request, now_s + shift_s, rules=LAMBDA)


def test_the_day_of_the_scope_must_be_that_of_the_time_stamp():
    request, now_s = header_signed()
    claim = dataclasses.replace(read_signature(request), day="20200101")
    with pytest.raises(ScopeRefused):
        verify(request, claim, secret=SECRET, rules=LAMBDA, region=REGION, now_s=now_s)


def test_a_signed_url_ends_when_it_says():
    request, now_s = query_signed(expires=60)
    with pytest.raises(ClockSkewed):
        check(request, now_s + 61, rules=LAMBDA)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("X-Amz-Expires=60", "X-Amz-Expires=604801"),
        ("X-Amz-Expires=60", "X-Amz-Expires=-1"),
        ("X-Amz-Expires=60", "X-Amz-Expires=٣"),
        ("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=none"),
        ("X-Amz-Date=", "X-Amz-Gone="),
        ("X-Amz-Expires=60", "X-Amz-Expires=60&X-Amz-Date=20200101T000000Z"),
    ],
)
def test_a_malformed_url_is_incomplete(old, new):
    request, now_s = query_signed(expires=60)
    assert old in request.raw_query
    with pytest.raises(SignatureIncomplete):
        check(
            dataclasses.replace(request, raw_query=request.raw_query.replace(old, new.encode().decode("latin-1"))),
            now_s,
            rules=LAMBDA,
        )


LATIN = st.text(st.characters(max_codepoint=255), max_size=40)


@settings(max_examples=300, deadline=None)
@given(path=LATIN, query=LATIN, value=LATIN, signed=LATIN, in_query=st.booleans())
def test_whatever_arrives_is_accepted_or_refused_and_breaks_nothing(path, query, value, signed, in_query):
    credential = f"ASIA/20260101/{REGION}/iotdata/aws4_request"
    if in_query:
        query = (
            f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date=20260101T000000Z"
            f"&X-Amz-SignedHeaders=host;{signed}&X-Amz-Signature={'0' * 64}&{query}"
        )
        headers = [("host", value)]
    else:
        authorization = (
            f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;{signed}, Signature={'0' * 64}{value}"
        )
        headers = [("host", value), ("authorization", authorization), ("x-amz-date", "20260101T000000Z")]
    request = SignedRequest("GET", path, query, headers, "0" * 64)
    now_s = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    for rules in (IOT_DATA, MQTT):
        with pytest.raises(SignatureRefused):
            check(request, now_s, rules=rules)
