"""A plan says the same as asking every rule, one after the other."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.core.rules.model import Operator
from cloudstead.core.rules.plan import Match, Plan
from cloudstead.core.rules.resources import find
from cloudstead.core.rules.values import is_hit
from factories.rules import rule

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([-1.5, 0.0, 1.0, 2.5])
    | st.sampled_from(["", "a", "b", "1", "2.5", "-1.5", "x1", "pump"])
)
names = st.sampled_from(["temp", "on", "a.b", "type", "sub1", "pump"])
states = st.dictionaries(
    names,
    scalars
    | st.lists(scalars, max_size=2)
    | st.dictionaries(names, scalars | st.dictionaries(names, scalars, max_size=2), max_size=3),
    max_size=4,
)
resources = st.sampled_from(
    ["temp", "on", "a.b", "pump.temp", "untyped.temp", "sub1.temp", "sub1.a.b", "pump.sub1.on", "pump.type", "type"]
)


@st.composite
def rules(draw):
    count = draw(st.integers(1, 12))
    return [
        rule(
            f"r{number:02}",
            draw(st.sampled_from(list(Operator))).value,
            draw(scalars),
            resource=draw(resources),
            names=draw(st.sampled_from([(), (), ("lamp",), ("other",), ("lamp", "other")])),
        )
        for number in range(count)
    ]


def one_after_the_other(chosen, name, reported, whole):
    return [
        Match(each, found)
        for each in chosen
        if not each.filter.thing_names or name in each.filter.thing_names
        for found in sorted(find(each.expression.resource, reported, whole), key=lambda found: found.path)
        if is_hit(each.expression.operator, found.value, each.expression.value)
    ]


@given(chosen=rules(), reported=states, whole=states)
@settings(max_examples=400, deadline=None)
def test_a_plan_says_the_same_as_every_rule_by_itself(chosen, reported, whole):
    expected = one_after_the_other(chosen, "lamp", reported, whole)

    assert Plan(chosen).hits("lamp", reported, whole) == expected


def hit_ids(chosen, reported, whole=None, name="lamp"):
    return [(match.rule.id, match.found.path) for match in Plan(chosen).hits(name, reported, whole or {})]


def test_every_sub_thing_of_the_type_is_looked_at():
    chosen = [rule(resource="pump.temp")]
    reported = {
        "s1": {"type": "pump", "temp": 60},
        "s2": {"type": "pump", "temp": 70},
        "s3": {"type": "fan", "temp": 9},
    }

    assert hit_ids(chosen, reported) == [("r1", "s1.temp"), ("r1", "s2.temp")]


def test_a_type_that_was_said_before_counts():
    chosen = [rule("r1", resource="pump.temp"), rule("r2", resource="untyped.temp")]

    assert hit_ids(chosen, {"s1": {"temp": 60}}, {"s1": {"temp": 60, "type": "pump"}}) == [("r1", "s1.temp")]
    assert hit_ids(chosen, {"s1": {"temp": 60}}) == [("r2", "s1.temp")]


def test_a_sub_thing_can_be_named_by_its_id():
    assert hit_ids([rule(resource="s1.temp")], {"s1": {"temp": 60}, "s2": {"temp": 60}}) == [("r1", "s1.temp")]


def test_a_path_may_lead_further_down():
    assert hit_ids([rule(resource="pump.motor.rpm")], {"s1": {"type": "pump", "motor": {"rpm": 99}}}) == [
        ("r1", "s1.motor.rpm")
    ]


def test_a_key_that_holds_the_dot_is_found():
    assert hit_ids([rule(resource="a.b")], {"a.b": 99}) == [("r1", "a.b")]


def test_what_is_not_reported_hits_nothing_and_a_null_hits_null():
    assert hit_ids([rule("r1", "ne", 1), rule("r2", "eq", None)], {"other": 5}) == []
    assert hit_ids([rule("r2", "eq", None)], {"temp": None}) == [("r2", "temp")]


def test_only_the_named_things_are_looked_at():
    chosen = [rule("r1", names=("lamp", "lamp")), rule("r2", names=("other",)), rule("r3")]

    assert hit_ids(chosen, {"temp": 60}) == [("r1", "temp"), ("r3", "temp")]
