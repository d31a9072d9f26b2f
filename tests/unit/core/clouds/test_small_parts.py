"""Identifiers, months, agents' topics and what their messages report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.core.clouds.agent_topics import AgentTopics, update_of
from cloudstead.core.clouds.ulids import id_of, ulid_of
from cloudstead.core.clouds.usage import month_of


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1))
def test_ulids_are_read_back_and_sort_as_the_ids_do(one, other):
    first, second = f"{one:032x}", f"{other:032x}"
    assert id_of(ulid_of(first)) == first
    assert id_of(ulid_of(first).lower()) == first
    assert (ulid_of(first) < ulid_of(second)) is (first < second)


@given(st.text(max_size=30))
def test_any_text_is_a_ulid_or_none(text):
    found = id_of(text)
    assert found is None or ulid_of(found) == text.upper()


def test_a_number_beyond_128_bits_is_none():
    assert id_of("7" + "Z" * 25) is not None
    assert id_of("8" + "0" * 25) is None


def test_months_are_those_of_utc():
    assert month_of(datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))) == "2025-12"
    assert month_of(datetime(2026, 12, 31, tzinfo=UTC)) == "2026-12"


TOPICS = AgentTopics("ABCDE12345", "123456789012")


@pytest.mark.parametrize(
    ("topic", "what"),
    [
        ("ioto/service/ABCDE12345/metric/set", "metric/set"),
        ("$aws/rules/IotoDevice/ioto/service/ABCDE12345/store/set", "store/set"),
        ("$aws/rules/any/ioto/service/ABCDE12345/x", "x"),
        ("ioto/service/ABCDE12345/", None),
        ("ioto/service/ABCDE12345", None),
        ("ioto/service/OTHER12345/metric/set", None),
        ("$aws/rules/ioto/service/ABCDE12345/x", None),
        ("$aws/rules/n/ioto/service/OTHER12345/x", None),
        ("ioto/device/ABCDE12345/x", None),
        ("", None),
    ],
)
def test_a_device_says_only_what_is_its_own(topic, what):
    assert TOPICS.said(topic) == what


@pytest.mark.parametrize(
    ("topic_filter", "may"),
    [
        ("ioto/device/ABCDE12345/#", True),
        ("ioto/account/all/#", True),
        ("ioto/account/123456789012/#", True),
        ("ioto/device/+/#", False),
        ("ioto/device/#", False),
        ("ioto/#", False),
        ("#", False),
        ("ioto/account/+/#", False),
        ("ioto/account/999999999999/#", False),
        ("ioto/service/ABCDE12345/#", False),
    ],
)
def test_a_device_hears_only_what_is_for_it(topic_filter, may):
    assert TOPICS.may_hear(topic_filter) is may


@pytest.mark.parametrize(
    ("what", "said", "reported"),
    [
        ("store/set", {"key": "colour", "value": "red", "type": "string"}, {"colour": "red"}),
        ("metric/set", {"metric": "temp", "value": 21.5}, {"metrics": {"temp": 21.5}}),
        ("metric/set", {"namespace": "A", "metric": "t", "value": 1}, {"metrics": {"A": {"t": 1}}}),
        ("db/syncToDynamo", {"item": {"a": 1}}, {"service": {"db": {"syncToDynamo": {"item": {"a": 1}}}}}),
        ("store/set", {"value": 1}, None),
        ("store/set", {"key": "a.b", "value": 1}, None),
        ("store/set", {"key": "", "value": 1}, None),
        ("store/set", [], None),
        ("metric/set", {"metric": "t", "value": "x"}, None),
        ("x", [1], None),
    ],
)
def test_a_message_reports_what_it_says(what, said, reported):
    update = update_of(what, msgspec.json.encode(said))
    assert (None if update is None else msgspec.json.decode(update)["state"]["reported"]) == reported


@given(st.binary(max_size=100), st.sampled_from(["store/set", "metric/set", "x/y", "///"]))
def test_no_message_does_harm(payload, what):
    update_of(what, payload)
