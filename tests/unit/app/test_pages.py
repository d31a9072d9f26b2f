from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.app.pages import PageContext, is_local, new_nonce, page_headers, render_page
from cloudstead.app.pages.trace import TraceContext, render_trace

NOWHERE = PageContext(
    http="http://127.0.0.1:8080",
    https=None,
    mqtts="127.0.0.1:8883",
    ca_file="/data/ca.pem",
    manifest_url="http://127.0.0.1:8080/prod/manifest/?hostname=localhost",
    region="eu-west-1",
    hostname="localhost",
)


class Elements(HTMLParser):
    """Collects the elements of a document with their attributes."""

    def __init__(self, document: bytes) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(document.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def context_of(document: bytes) -> dict[str, object]:
    match = re.search(r"window\.CLOUDSTEAD = (.*?);</script>", document.decode())
    assert match is not None
    return json.loads(match[1])


def test_the_page_needs_nothing_but_itself() -> None:
    elements = Elements(render_page(NOWHERE, nonce="n")).found

    addresses = [attributes[name] for _, attributes in elements for name in ("src", "href") if name in attributes]
    assert addresses == ["data:,", "/trace", "/docs", "/mailbox"]
    assert len(render_page(NOWHERE, nonce="n")) < 42_000


def test_every_script_and_style_carries_the_nonce_and_nothing_is_inline_elsewhere() -> None:
    elements = Elements(render_page(NOWHERE, nonce="n0nce")).found

    assert {attributes.get("nonce") for tag, attributes in elements if tag in {"script", "style"}} == {"n0nce"}
    assert not [name for _, attributes in elements for name in attributes if name == "style" or name.startswith("on")]


def test_the_policy_allows_exactly_that_nonce_and_the_pages_own_origin() -> None:
    policy = dict(page_headers("n0nce"))["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'nonce-n0nce'" in policy
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy


def test_no_two_responses_share_a_nonce() -> None:
    assert new_nonce() != new_nonce()


@given(name=st.text(max_size=40))
def test_no_name_can_leave_the_script_that_it_stands_in(name: str) -> None:
    context = PageContext(
        http=None, https=None, mqtts=None, ca_file=name, manifest_url=name, region="r", hostname=name, thing_name=name
    )
    document = render_page(context, nonce="n")

    assert context_of(document)["thingName"] == name
    assert len(Elements(document).found) == len(Elements(render_page(NOWHERE, nonce="n")).found)


@pytest.mark.parametrize(
    "name", ["</script><script>alert(1)</script>", "<!--<script>", "%script%", "%nonce%", "%changes%"]
)
def test_hostile_names_stay_text(name: str) -> None:
    document = render_page(
        PageContext(http=None, https=None, mqtts=None, ca_file=name, manifest_url="", region="", hostname=""), nonce="n"
    )

    assert context_of(document)["caFile"] == name
    assert len(Elements(document).found) == len(Elements(render_page(NOWHERE, nonce="n")).found)


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("127.0.0.1", "localhost:8080"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "[::1]:8080"),
        ("::ffff:127.0.0.1", "LOCALHOST"),
    ],
)
def test_a_request_of_this_machine_to_this_machine_is_local(peer: str, host: str) -> None:
    assert is_local(peer, host)


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("192.0.2.1", "localhost"),
        ("127.0.0.1", "evil.example"),
        ("127.0.0.1", "localhost.evil.example"),
        ("127.0.0.1", "127.0.0.1.evil.example"),
        ("127.0.0.1", ""),
        ("127.0.0.1", "localhost:8080:1"),
        ("127.0.0.1", None),
        (None, "localhost"),
        ("", "localhost"),
    ],
)
def test_any_other_request_is_not(peer: str | None, host: str | None) -> None:
    assert not is_local(peer, host)


def test_the_page_has_a_place_for_everything_that_its_script_asks_for() -> None:
    document = render_page(NOWHERE, nonce="n").decode()
    places = {attributes["id"] for _, attributes in Elements(document.encode()).found if "id" in attributes}

    asked = set(re.findall(r'\$\("([a-z0-9-]+)"\)', document))
    assert {"changes", "earlier", "shadow"} <= asked
    assert asked - places == set()


def test_a_guest_can_sign_in_without_losing_the_view() -> None:
    buttons = [
        attributes.get("id") for tag, attributes in Elements(render_page(NOWHERE, nonce="n")).found if tag == "button"
    ]

    assert {"enter", "back", "leave"} <= set(buttons)


def test_a_page_without_an_account_is_told_how_to_open_one() -> None:
    command = "cloudstead account create --data data --name 'My company' --user admin"

    context = context_of(render_page(msgspec.structs.replace(NOWHERE, opening=command), nonce="n"))

    assert context["opening"] == command
    assert context_of(render_page(NOWHERE, nonce="n"))["opening"] is None


def test_the_page_that_follows_a_message_keeps_to_the_rules_of_the_first() -> None:
    document = render_trace(TraceContext(thing_name="</script><b>", token="t"), nonce="n0nce")
    elements = Elements(document).found

    addresses = [attributes[name] for _, attributes in elements for name in ("src", "href") if name in attributes]
    assert addresses == ["data:,", "/"]
    assert {attributes.get("nonce") for tag, attributes in elements if tag in {"script", "style"}} == {"n0nce"}
    assert not [name for _, attributes in elements for name in attributes if name == "style" or name.startswith("on")]
    assert context_of(document) == {"thingName": "</script><b>", "token": "t"}
