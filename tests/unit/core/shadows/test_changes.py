"""Shadow requests applied: the documents and rejections of the AWS IoT shadow service."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.core.ids import AccountId, ThingUid
from cloudstead.core.shadows.changes import (
    Outcome,
    answer_get,
    apply_delete,
    apply_update,
    full_document,
)
from cloudstead.core.shadows.documents import read_update
from cloudstead.core.shadows.model import Shadow

T0 = 1_500_000_000


@pytest.fixture
def shadow() -> Shadow:
    return Shadow(ThingUid("1" * 32), AccountId("a" * 32))


def update(shadow: Shadow, body: Any, at_s: int = T0) -> Outcome:
    return apply_update(shadow, msgspec.json.encode(body), at_s=at_s)


def decoded(document: bytes | None) -> Any:
    assert document is not None
    return msgspec.json.decode(document)


def test_the_first_update_makes_version_one(shadow):
    outcome = update(shadow, {"state": {"desired": {"color": "red"}}, "clientToken": "t1"})

    assert decoded(outcome.reply) == {
        "state": {"desired": {"color": "red"}},
        "metadata": {"desired": {"color": {"timestamp": T0}}},
        "version": 1,
        "timestamp": T0,
        "clientToken": "t1",
    }


def test_accepted_repeats_only_what_the_request_carried(shadow):
    update(shadow, {"state": {"reported": {"a": 1}}})

    outcome = update(shadow, {"state": {"reported": {"b": None}}}, T0 + 5)

    assert decoded(outcome.reply)["state"] == {"reported": {"b": None}}
    assert decoded(outcome.reply)["metadata"] == {"reported": {"b": {"timestamp": T0 + 5}}}


def test_an_update_that_changes_nothing_counts_and_moves_its_timestamps(shadow):
    update(shadow, {"state": {"reported": {"a": 1, "b": 2}}})

    update(shadow, {"state": {"reported": {"a": 1}}}, T0 + 9)

    assert shadow.version == 2
    assert shadow.reported_metadata == {"a": {"timestamp": T0 + 9}, "b": {"timestamp": T0}}


def test_null_deletes_a_key_and_the_object_that_it_leaves_empty(shadow):
    update(shadow, {"state": {"desired": {"light": {"on": True}, "speed": 1}}})

    update(shadow, {"state": {"desired": {"light": {"on": None}, "missing": None}}})

    assert shadow.desired == {"speed": 1}
    assert shadow.desired_metadata == {"speed": {"timestamp": T0}}


def test_a_null_section_deletes_the_section(shadow):
    update(shadow, {"state": {"desired": {"a": 1}, "reported": {"a": 1}}})

    outcome = update(shadow, {"state": {"desired": None}})

    assert (shadow.desired, shadow.reported) == ({}, {"a": 1})
    assert decoded(outcome.reply)["metadata"] == {"desired": {"timestamp": T0}}


def test_a_null_state_empties_the_shadow_but_leaves_it_there(shadow):
    update(shadow, {"state": {"desired": {"a": 1}, "reported": {"a": 1}}})

    outcome = update(shadow, {"state": None})

    assert (shadow.desired, shadow.reported, shadow.version) == ({}, {}, 2)
    assert decoded(outcome.reply)["state"] is None
    assert decoded(full_document(shadow, at_s=T0))["state"] == {}


def test_arrays_are_replaced_whole_and_mirrored_by_timestamps(shadow):
    update(shadow, {"state": {"reported": {"rgb": [1, 2, 3]}}})

    update(shadow, {"state": {"reported": {"rgb": [9, 8]}}}, T0 + 1)

    assert shadow.reported == {"rgb": [9, 8]}
    assert shadow.reported_metadata == {"rgb": [{"timestamp": T0 + 1}, {"timestamp": T0 + 1}]}


def test_the_delta_is_flat_and_whole_while_desired_and_reported_differ(shadow):
    update(shadow, {"state": {"desired": {"a": 1, "b": {"c": 2, "d": 3}}, "reported": {"b": {"c": 2}, "x": 1}}})

    outcome = update(shadow, {"state": {"reported": {"y": 1}}, "clientToken": "q"}, T0 + 1)

    assert decoded(outcome.delta()) == {
        "version": 2,
        "timestamp": T0 + 1,
        "state": {"a": 1, "b": {"d": 3}},
        "metadata": {"a": {"timestamp": T0}, "b": {"d": {"timestamp": T0}}},
        "clientToken": "q",
    }


@pytest.mark.parametrize(
    ("desired", "reported", "differs"),
    [
        (1, 1.0, False),
        (True, 1, True),
        (False, False, False),
        ([1, 2], [1, 2.0], False),
        ([True], [1], True),
        ([1, 2], [2, 1], True),
        ({"a": 1}, 1, True),
        ([{"a": 1}], [{"a": 1}], False),
        ([{"a": True}], [{"a": 1}], True),
        ("1", 1, True),
    ],
)
def test_numbers_compare_by_value_and_arrays_as_a_whole(shadow, desired, reported, differs):
    outcome = update(shadow, {"state": {"desired": {"k": desired}, "reported": {"k": reported}}})

    assert (outcome.delta() is not None) == differs


def test_no_delta_once_the_difference_is_gone(shadow):
    update(shadow, {"state": {"desired": {"a": 1}}})

    assert update(shadow, {"state": {"reported": {"a": 1}}}).delta() is None


def test_documents_show_the_shadow_before_and_after(shadow):
    first = update(shadow, {"state": {"reported": {"a": 1}}})
    assert decoded(first.documents())["previous"] is None

    second = update(shadow, {"state": {"desired": {"a": 2}}, "clientToken": "c"}, T0 + 1)

    assert decoded(second.documents()) == {
        "previous": {
            "state": {"reported": {"a": 1}},
            "metadata": {"reported": {"a": {"timestamp": T0}}},
            "version": 1,
        },
        "current": {
            "state": {"desired": {"a": 2}, "reported": {"a": 1}},
            "metadata": {"desired": {"a": {"timestamp": T0 + 1}}, "reported": {"a": {"timestamp": T0}}},
            "version": 2,
        },
        "timestamp": T0 + 1,
        "clientToken": "c",
    }


def test_get_shows_desired_reported_and_delta(shadow):
    update(shadow, {"state": {"desired": {"a": 1}, "reported": {"b": 2}}})

    outcome = answer_get(shadow, b'{"clientToken":"g"}', thing_name="pump", at_s=T0 + 7)

    assert decoded(outcome.reply) == {
        "state": {"desired": {"a": 1}, "reported": {"b": 2}, "delta": {"a": 1}},
        "metadata": {"desired": {"a": {"timestamp": T0}}, "reported": {"b": {"timestamp": T0}}},
        "version": 1,
        "timestamp": T0 + 7,
        "clientToken": "g",
    }


@pytest.mark.parametrize("payload", [b"", b"not json", b"[]", b"\xff\xfe"])
def test_get_takes_any_payload(shadow, payload):
    update(shadow, {"state": {"reported": {"a": 1}}})

    assert answer_get(shadow, payload, thing_name="pump", at_s=T0).rejection is None


def test_a_get_without_a_shadow_is_rejected(shadow):
    outcome = answer_get(shadow, b'{"clientToken":"g"}', thing_name="pump", at_s=T0)

    assert decoded(outcome.reply) == {
        "code": 404,
        "message": "No shadow exists with name: 'pump'",
        "timestamp": T0,
        "clientToken": "g",
    }


def test_delete_answers_with_the_deleted_version_and_the_next_update_starts_again(shadow):
    update(shadow, {"state": {"reported": {"a": 1}}})
    update(shadow, {"state": {"reported": {"a": 2}}})

    outcome = apply_delete(shadow, b"", thing_name="pump", at_s=T0)

    assert decoded(outcome.reply) == {"version": 2, "timestamp": T0}
    assert apply_delete(shadow, b"", thing_name="pump", at_s=T0).rejection is not None
    again = update(shadow, {"state": {"reported": {"a": 3}}})
    assert again.version == 1
    assert decoded(again.documents())["previous"] is None


def test_a_version_has_to_be_the_current_one(shadow):
    update(shadow, {"state": {"reported": {"a": 1}}})

    refused = update(shadow, {"state": {"reported": {"a": 2}}, "version": 2, "clientToken": "v"})
    assert decoded(refused.reply) == {"code": 409, "message": "Version conflict", "timestamp": T0, "clientToken": "v"}
    assert shadow.reported == {"a": 1}

    assert update(shadow, {"state": {"reported": {"a": 2}}, "version": 1}).rejection is None


@pytest.mark.parametrize(("version", "is_accepted"), [(1, True), (0, False), (2, False)])
def test_without_a_shadow_only_version_one_may_be_named(shadow, version, is_accepted):
    outcome = update(shadow, {"state": {"reported": {"a": 1}}, "version": version})

    assert (outcome.rejection is None) == is_accepted


DEEP_ENOUGH = {"a": {"b": {"c": {"d": {"e": 1}}}}}
TOO_DEEP = {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}


@pytest.mark.parametrize(
    ("payload", "code", "message"),
    [
        (b"", 400, "Missing update payload"),
        (b"{", 400, "Invalid JSON"),
        (b"[1]", 400, "Invalid JSON"),
        (b'"text"', 400, "Invalid JSON"),
        (b'{"state":{"reported":{"a":NaN}}}', 400, "Invalid JSON"),
        (b'{"state":{"reported":{"a":1}}} x', 400, "Invalid JSON"),
        (b'{"state":{"reported":{"a":"\xff"}}}', 415, "Unsupported documented encoding; supported encoding is UTF-8"),
        (b"{}", 400, "Missing required node: state"),
        (b'{"state":1}', 400, "State node must be an object"),
        (b'{"state":{"desired":[]}}', 400, "Desired node must be an object"),
        (b'{"state":{"reported":"x"}}', 400, "Reported node must be an object"),
        (b'{"state":{"delta":{}}}', 400, "State contains an invalid node: 'delta'"),
        (b'{"state":{"reported":{"a":[1,null]}}}', 400, "State contains an invalid node: 'a'"),
        (b'{"state":{"reported":{"a":[[null]]}}}', 400, "State contains an invalid node: 'a'"),
        (b'{"state":{"reported":{"a":[{"b":null}]}}}', 400, "State contains an invalid node: 'a'"),
        (b'{"state":{},"version":"1"}', 400, "Invalid version"),
        (b'{"state":{},"version":-1}', 400, "Invalid version"),
        (b'{"state":{},"version":1.5}', 400, "Invalid version"),
        (b'{"state":{},"version":true}', 400, "Invalid version"),
        (b'{"state":{},"clientToken":7}', 400, "Invalid clientToken"),
        (b'{"state":{},"clientToken":"%b"}' % (b"x" * 65), 400, "Invalid clientToken"),
        (
            msgspec.json.encode({"state": {"reported": TOO_DEEP}}),
            400,
            "JSON contains too many levels of nesting; maximum is 6",
        ),
        (b'{"state":' + b'{"reported":' * 5000 + b"1" + b"}" * 5001, 400, None),
        (
            msgspec.json.encode({"state": {"reported": {"a": "x" * 8192}}}),
            413,
            "The payload exceeds the maximum size allowed",
        ),
    ],
)
def test_a_bad_update_is_rejected_with_its_reason_and_changes_nothing(shadow, payload, code, message):
    outcome = apply_update(shadow, payload, at_s=T0)

    document = decoded(outcome.reply)
    assert document["code"] == code
    assert message is None or document["message"] == message
    assert not shadow.exists


def test_the_limits_themselves_are_accepted(shadow):
    assert update(shadow, {"state": {"reported": DEEP_ENOUGH}}).rejection is None
    assert update(shadow, {"state": {"reported": None}, "clientToken": "x" * 64}).rejection is None
    room = 8192 - len('{"a":""}') - len("{}")
    assert update(shadow, {"state": {"reported": {"a": "x" * room}}}).rejection is None


def test_the_size_limit_counts_the_result_and_not_the_request(shadow):
    update(shadow, {"state": {"reported": {"a": "x" * 5000}}})

    outcome = update(shadow, {"state": {"desired": {"a": "x" * 5000}}, "clientToken": "big"})

    assert decoded(outcome.reply) == {
        "code": 413,
        "message": "The payload exceeds the maximum size allowed",
        "timestamp": T0,
        "clientToken": "big",
    }
    assert shadow.version == 1


def test_unknown_keys_beside_the_state_are_ignored(shadow):
    assert update(shadow, {"state": {"reported": {"a": 1}}, "extra": {"deep": [1]}}).rejection is None


@pytest.mark.parametrize("ask", [answer_get, apply_delete])
@pytest.mark.parametrize("token", [5, None, "x" * 65])
def test_a_client_token_that_cannot_be_repeated_is_rejected_whatever_is_asked(shadow, ask, token):
    update(shadow, {"state": {"reported": {"a": 1}}})

    outcome = ask(shadow, msgspec.json.encode({"clientToken": token}), thing_name="lamp", at_s=T0)

    assert outcome.rejection is not None
    assert decoded(outcome.reply) == {"code": 400, "message": "Invalid clientToken", "timestamp": T0}
    assert shadow.version == 1


@pytest.mark.parametrize("ask", [answer_get, apply_delete])
@pytest.mark.parametrize("payload", [b"", b"no JSON", b"[]", b'"x"', b"\xff", b'{"other":1}'])
def test_a_get_and_a_delete_may_carry_anything(shadow, ask, payload):
    update(shadow, {"state": {"reported": {"a": 1}}})

    assert ask(shadow, payload, thing_name="lamp", at_s=T0).rejection is None


@pytest.mark.parametrize("array", [[None], [1, [None]], [{"a": None}], [{"a": {"b": None}}], [[{"a": [None]}]]])
def test_null_is_refused_anywhere_inside_an_array(shadow, array):
    outcome = update(shadow, {"state": {"reported": {"list": array}}})

    assert decoded(outcome.reply)["message"] == "State contains an invalid node: 'list'"


def test_documents_and_replies_are_the_same_however_late_they_are_written(shadow):
    first = update(shadow, {"state": {"reported": {"a": 1}}, "clientToken": "c"})
    update(shadow, {"state": {"reported": {"a": 2}}}, T0 + 1)

    assert decoded(first.reply)["version"] == 1
    assert decoded(first.reply)["clientToken"] == "c"


KEYS = st.sampled_from(["a", "b", "c", 'quo"te', "\u00e9"])
FLAT = st.dictionaries(
    KEYS, st.one_of(st.booleans(), st.integers(-5, 5), st.floats(-2, 2), st.sampled_from(["x", "("]))
)


@given(st.lists(st.dictionaries(st.sampled_from(["desired", "reported"]), FLAT), min_size=1, max_size=4))
def test_a_brace_in_a_text_changes_nothing_but_the_way_an_update_is_read(states):
    """A state of single values is told by its braces and takes a shorter way; one in a text makes it take the long."""
    told = []
    for brace in ("(", "{"):
        shadow = Shadow(ThingUid("1" * 32), AccountId("a" * 32))
        for number, state in enumerate(states):
            outcome = apply_update(
                shadow,
                msgspec.json.encode({"state": state}).replace(b'"("', b'"%b"' % brace.encode()),
                at_s=T0 + number,
            )
            texts = outcome.reply, outcome.documents(), outcome.delta() or b"", full_document(shadow, at_s=T0)
            told.append([text.replace(b'"{"', b'"("') for text in texts])

    assert told[: len(states)] == told[len(states) :]


@pytest.mark.parametrize(
    ("state", "is_flat"),
    [
        (b'{"reported":{"a":1}}', True),
        (b'{"reported":{"a":1},"desired":{"b":"x"}}', True),
        (b"{}", True),
        (b'{"reported":{"a":{}}}', False),
        (b'{"reported":{"a":[1]}}', False),
        (b'{"reported":{"a":null}}', False),
        (b'{"reported":{"a":"{"}}', False),
        (b'{"reported":{"a":1},"reported":{"a":1}}', False),
        (b"null", False),
    ],
)
def test_a_state_of_single_values_is_known_as_such(state, is_flat):
    assert read_update(b'{"state":%b}' % state).is_flat is is_flat


def test_what_is_indexed_is_what_the_update_reported_and_not_the_whole(shadow):
    whole = update(shadow, {"state": {"reported": {"a": 1, "b": 2}}})
    assert whole.reported_text == b'{"a":1,"b":2}'
    part = update(shadow, {"state": {"reported": {"b": 3}}})
    assert part.reported_text == b'{"b":3}'
