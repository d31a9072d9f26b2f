from __future__ import annotations

import pytest

from cloudstead.core.clock import ManualClock
from cloudstead.core.credentials.sealing import InstallationKey, Sealer
from cloudstead.core.errors import InvalidField
from cloudstead.core.ids import AccountId, Uuid7Source
from cloudstead.core.webhooks.calls import WebhookCalls
from cloudstead.core.webhooks.model import Webhook, destination, require_webhook

ACCOUNT = AccountId("a1")
WEBHOOK = Webhook(
    url="https://hooks.example/secret-path?token=secret",
    headers=(("Authorization", "Bearer secret"),),
    body=b'{"secret": 1}',
    secret="secret",
)


@pytest.fixture
def calls() -> WebhookCalls:
    clock = ManualClock()
    return WebhookCalls(Sealer(InstallationKey(b"k" * 32)), clock=clock, ids=Uuid7Source(clock))


def test_a_webhook_comes_back_as_it_was_enqueued(calls: WebhookCalls) -> None:
    assert calls.open(calls.job(ACCOUNT, WEBHOOK)) == WEBHOOK


def test_nothing_of_it_can_be_read_or_is_shown(calls: WebhookCalls) -> None:
    assert "secret" not in repr(calls.job(ACCOUNT, WEBHOOK))
    assert "secret" not in repr(WEBHOOK)


def test_its_job_names_the_cause_and_the_message(calls: WebhookCalls) -> None:
    job = calls.job(ACCOUNT, WEBHOOK, cause="rule:r1", offset=42)

    assert (job.kind, job.cause, job.offset) == ("webhook", "rule:r1", 42)


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("https://x.example/a", "https://X.example:443/a?b=c"),
        ("http://x.example", "http://x.example:80/"),
        ("https://x.example/a", "https://ada:pw@x.example/a"),
    ],
)
def test_urls_that_lead_to_one_destination_share_a_lane(calls: WebhookCalls, url: str, other: str) -> None:
    assert calls.lane(url) == calls.lane(other)


@pytest.mark.parametrize(
    "other", ["http://x.example/a", "https://x.example/b", "https://x.example:444/a", "https://y/a"]
)
def test_other_destinations_have_other_lanes(calls: WebhookCalls, other: str) -> None:
    assert calls.lane("https://x.example/a") != calls.lane(other)


def test_a_destination_of_an_ipv6_address_keeps_its_brackets() -> None:
    assert destination("http://[2001:DB8::1]/x") == "http://[2001:db8::1]:80/x"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "ftp://hooks.example",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://x:0/",
        "https://x:99999/",
        "https://x:port/",
        "https://x/a b",
        "https://x/a\r\nHost: y",
        "https://b\u00fccher.example/",
        "https://[::1/",
        "https://x/" + "a" * 2048,
    ],
)
def test_what_cannot_be_called_is_refused(calls: WebhookCalls, url: str) -> None:
    with pytest.raises(InvalidField) as caught:
        calls.job(ACCOUNT, Webhook(url=url))

    assert caught.value.field == "url"


@pytest.mark.parametrize(
    ("field", "others"),
    [
        ("method", {"method": "CONNECT"}),
        ("method", {"method": "post"}),
        ("body", {"body": b"x" * (256 * 1024 + 1)}),
        ("headers", {"headers": (("X-A", "1\r\nX-B: 2"),)}),
        ("headers", {"headers": (("X A", "1"),)}),
        ("headers", {"headers": (("", "1"),)}),
        ("headers", {"headers": (("X-A", "\u20ac"),)}),
        ("headers", {"headers": (("Host", "y"),)}),
        ("headers", {"headers": (("transfer-encoding", "chunked"),)}),
        ("headers", {"headers": (("X-Cloudstead-Signature", "v1=0"),)}),
        ("headers", {"headers": (("X-A", "x" * 8192),)}),
        ("headers", {"headers": (("X-A", "x"),) * 51}),
    ],
)
def test_what_would_make_another_request_is_refused(field: str, others: dict[str, object]) -> None:
    with pytest.raises(InvalidField) as caught:
        require_webhook(Webhook(**{"url": "https://x.example", **others}))

    assert caught.value.field == field
