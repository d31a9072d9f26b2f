"""The place of a shadow request in the log: in a header of the answer, and in the log of the process."""

from __future__ import annotations

import pytest

KEY = {"authorization": "Bearer csk_anna_secret", "x-request-id": "r-1"}
HEADER = "x-cloudstead-offset"


@pytest.fixture
def ask(cloud):
    cloud.shadows.documents.clear()
    cloud.request("POST", "/things/lamp/shadow", content=b"{}", headers=KEY)
    cloud.lines.entries.clear()

    def ask(method: str, content: bytes = b"", *, query: str = "", thing: str = "lamp", headers=KEY):
        return cloud.request(method, f"/things/{thing}/shadow{query}", content=content, headers=headers)

    return ask


def lines(cloud, event):
    return [entry for entry in cloud.lines.entries if entry["event"] == event]


@pytest.mark.parametrize(("method", "offset"), [("GET", "1"), ("POST", "1"), ("DELETE", "9")])
def test_an_answer_carries_its_offset(ask, method, offset):
    assert ask(method, b"{}").headers[HEADER] == offset


def test_a_rejection_carries_the_offset_of_what_was_rejected(ask):
    answer = ask("POST", b'{"version":5}')

    assert (answer.status_code, answer.headers[HEADER]) == (409, "7")


def test_what_never_reached_the_log_has_no_offset(ask):
    answer = ask("GET", thing="door")

    assert (answer.status_code, HEADER in answer.headers) == (404, False)


def test_a_page_of_another_origin_may_read_the_offset(ask):
    assert HEADER in ask("GET").headers["access-control-expose-headers"].split(", ")


def test_a_line_ties_the_id_of_the_request_to_the_offset(cloud, ask):
    ask("POST", b'{"state":{"desired":{"door":"open sesame"}}}', query="?unknown=hush")

    assert lines(cloud, "shadow_request") == [
        {
            "event": "shadow_request",
            "log_level": "debug",
            "request_id": "r-1",
            "offset": 1,
            "method": "POST",
            "thing": "lamp",
            "account": cloud.home.id,
            "principal": f"person:{cloud.anna.id}",
            "code": 200,
        }
    ]


def test_a_rejected_request_has_its_line_with_the_code(cloud, ask):
    ask("POST", b'{"version":5}')

    assert [(line["code"], line["offset"]) for line in lines(cloud, "shadow_request")] == [(409, 7)]


def test_neither_query_nor_credential_nor_payload_is_told(cloud, ask):
    ask("POST", b'{"state":{"desired":{"door":"open sesame"}}}', query="?unknown=hush")

    told = str(cloud.lines.entries)
    assert [secret for secret in ("open sesame", "hush", "csk_anna_secret") if secret in told] == []
