"""The history of a shadow: who asked what, newest first."""

from __future__ import annotations

import pytest

KEY = {"authorization": "Bearer csk_anna_secret"}


@pytest.fixture
def history(cloud):
    cloud.request("POST", "/things/lamp/shadow", content=b"{}", headers=KEY)

    def ask(query: str = "", thing: str = "lamp", **headers: str):
        return cloud.request("GET", f"/things/{thing}/shadow/history{query}", headers=headers or KEY)

    return ask


def test_changes_come_newest_first_with_their_author(history):
    newest = history().json()["changes"][0]

    assert newest == {
        "offset": 5,
        "verb": "update",
        "version": 1,
        "timestamp": 1_500_000_000_005,
        "author": "person:11",
        "authorName": "anna",
        "code": 400,
        "request": {"state": 7},
    }


def test_a_request_that_was_no_json_is_shown_as_text(history):
    requests = [change["request"] for change in history().json()["changes"]]

    assert requests == [{"state": 7}, "not json", None, "\ufffd", {"state": {"reported": {"n": 1}}}]


def test_an_accepted_change_has_code_200(history):
    assert history().json()["changes"][-1]["code"] == 200


def test_pages_follow_one_another_without_gap_or_overlap(history):
    seen, query = [], "?limit=2"
    while True:
        page = history(query).json()
        seen += [change["offset"] for change in page["changes"]]
        if page["nextBefore"] is None:
            break
        query = f"?limit=2&before={page['nextBefore']}"

    assert seen == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("query", ["?limit=0", "?limit=1001", "?limit=x", "?before=0", "?before=-1"])
def test_a_malformed_query_names_its_field(history, query):
    answer = history(query)

    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, "InvalidRequestException")
    assert query[1:].partition("=")[0] in answer.json()["message"]


def test_an_unknown_thing_has_no_history(history):
    assert history(thing="door").status_code == 404


def test_without_a_credential_there_is_no_history(history):
    assert history(accept="*/*").status_code == 403
