from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.core.rules.deliveries import NotDeliverable, render_letters, render_webhook
from cloudstead.core.rules.payloads import payload_of
from cloudstead.core.rules.resources import Found
from cloudstead.core.rules.templates import fill, fill_json_text, fill_text
from factories.rules import rule, sighting

STATE = {"temp": 50, "on": True, "none": None, "name": 'a "b"\r\nX-Evil: 1', "list": [1, {"x": "ø"}], "f": 1.5}
PAYLOAD = {
    "resource": {"name": "temp", "path": "temp", "value": 50},
    "timestamp": 1464081794634,
    "rule": {"id": "rule-001", "name": "Test rule"},
    "thing": {"thingName": "thing-001", "thingType": "Pump", "domain": "root", "state": STATE},
}


def test_the_sentence_of_the_document_comes_out_as_printed():
    assert fill("Rule triggered for thing: ${thing.thingName}", PAYLOAD) == "Rule triggered for thing: thing-001"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("${resource.value}", 50),
        ("${thing.state.on}", True),
        ("${thing.state.none}", None),
        ("${thing.state.list}", [1, {"x": "ø"}]),
        ("${nothing.there}", ""),
        ("${}", ""),
        ("${resource.value.more}", ""),
        (" ${resource.value}", " 50"),
        ("${ resource.value }", 50),
        ("${thing.state.list}!", '[1,{"x":"ø"}]!'),
        ("${thing.state.none}!", "null!"),
        ("<${nothing}>", "<>"),
        ("${a${resource.value}", "${a50"),
        ("$${resource.value}", "$50"),
        ("${resource.value", "${resource.value"),
    ],
)
def test_a_value_keeps_its_type_where_it_is_all_of_the_text(template, expected):
    assert fill(template, PAYLOAD) == expected
    assert type(fill(template, PAYLOAD)) is type(expected)


def test_texts_are_filled_in_wherever_they_are_and_keys_are_not():
    template = {"${rule.id}": [{"deep": ["${resource.value}", 7, None, "x${rule.id}"]}]}

    assert fill(template, PAYLOAD) == {"${rule.id}": [{"deep": [50, 7, None, "xrule-001"]}]}


def test_what_is_filled_in_is_not_looked_at_again():
    assert fill_text("${a}", {"a": "${b}", "b": "secret"}) == "${b}"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_a_json_text_stays_json_whatever_is_filled_in(value):
    filled = fill_json_text('{"bare": ${v}, "quoted": "${t}"}', {"v": value if type(value) is not str else 1, "t": "x"})
    quoted = fill_json_text('{"quoted": "${v}"}', {"v": value}) if type(value) is str else '{"quoted": ""}'

    assert msgspec.json.decode(filled)["bare"] == (value if type(value) is not str else 1)
    assert type(value) is not str or msgspec.json.decode(quoted) == {"quoted": value}


def test_a_header_cannot_be_broken_out_of():
    webhook = render_webhook(
        {"url": "https://h.example/", "headers": {"X-Name": "is ${thing.state.name}", "X-Low": "${thing.state.list}"}},
        PAYLOAD,
        signing_secret="s",
    )

    assert dict(webhook.headers)["X-Name"] == 'is a "b" X-Evil: 1'
    assert dict(webhook.headers)["X-Low"] == '[1,{"x":"%C3%B8"}]'


@given(st.text(max_size=30))
def test_no_value_leads_a_webhook_to_another_host(value):
    webhook = render_webhook({"url": "https://h.example/a/${v}?q=${v}"}, {"v": value}, signing_secret=None)

    assert webhook.url.startswith("https://h.example/a/")
    assert webhook.url.isascii()
    assert not set(webhook.url) & set("\r\n #")


def test_a_host_that_no_host_can_be_makes_no_request():
    with pytest.raises(NotDeliverable):
        render_webhook({"url": "https://${thing.state.nothing}/x"}, PAYLOAD, signing_secret=None)


def test_without_a_body_the_payload_goes_out():
    webhook = render_webhook({"url": "https://h.example/"}, PAYLOAD, signing_secret="s")

    assert (webhook.method, msgspec.json.decode(webhook.body), webhook.secret) == ("POST", PAYLOAD, "s")
    assert dict(webhook.headers) == {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "headers", "sent", "content_type"),
    [
        ({"t": "${resource.value}"}, {}, b'{"t":50}', "application/json"),
        ("hot: ${resource.value}", {}, b"hot: 50", "text/plain; charset=utf-8"),
        ('{"n":"${thing.state.name}"}', {}, b'{"n":"a \\"b\\"\\r\\nX-Evil: 1"}', "application/json"),
        ("<t>${resource.value}</t>", {"content-type": "text/xml"}, b"<t>50</t>", "text/xml"),
        ("", {}, b"", "text/plain; charset=utf-8"),
    ],
)
def test_a_body_is_a_text_or_an_object(body, headers, sent, content_type):
    webhook = render_webhook(
        {"url": "https://h.example/", "body": body, "headers": headers}, PAYLOAD, signing_secret=""
    )

    assert webhook.body == sent
    assert [value for name, value in webhook.headers if name.lower() == "content-type"] == [content_type]


def test_what_grows_beyond_all_measure_makes_no_request():
    config = {"url": "https://h.example/", "body": "${v}" * 40}

    with pytest.raises(NotDeliverable):
        render_webhook(config, {"v": "x" * 8000}, signing_secret=None)


def test_each_recipient_gets_a_letter_of_one_line_of_subject():
    config = {"to": ["a@b.example", "${mail}"], "subject": "Hot: ${v}", "text": "It is ${v}."}
    letters = render_letters(config, {"v": "5\r\nBcc: x@y.example", "mail": "c@d.example"})

    assert [letter.to for letter in letters] == ["a@b.example", "c@d.example"]
    assert {letter.subject for letter in letters} == {"Hot: 5 Bcc: x@y.example"}
    assert letters[0].text == "It is 5\r\nBcc: x@y.example."


@pytest.mark.parametrize("mail", ["", "nobody", "a@b.example, c@d.example", "a@b.example\r\nBcc: c@d.example"])
def test_what_is_no_address_gets_no_letter(mail):
    with pytest.raises(NotDeliverable):
        render_letters({"to": "${mail}", "subject": "s", "text": "t"}, {"mail": mail})


def test_the_payload_of_a_thing_is_as_printed():
    seen = sighting({"temp": 50}, name="thing-001", thing_type="Pump", at_ms=1464081794634)

    assert payload_of(rule("rule-001", name="Test rule"), seen, Found("temp", "temp", 50)) == {
        "resource": {"name": "temp", "path": "temp", "value": 50},
        "timestamp": 1464081794634,
        "rule": {"id": "rule-001", "name": "Test rule"},
        "thing": {"thingName": "thing-001", "thingType": "Pump", "domain": "root", "state": {"temp": 50}},
    }


def test_the_payload_of_a_sub_thing_is_as_printed():
    seen = sighting({"sub1": {"temp": 50, "type": "pump"}})
    payload = payload_of(rule(), seen, Found("temp", "sub1.temp", 50, "sub1"))

    assert payload["resource"] == {
        "name": "temp",
        "path": "sub1.temp",
        "value": 50,
        "parent": {"id": "sub1", "state": {"temp": 50, "type": "pump"}},
    }
    assert list(payload) == ["resource", "timestamp", "rule", "thing"]
