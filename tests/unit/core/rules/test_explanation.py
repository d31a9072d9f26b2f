from __future__ import annotations

import pytest

from cloudstead.core.rules.explanation import explain
from cloudstead.core.rules.model import Threshold
from cloudstead.core.rules.thresholds import ThresholdState
from factories.rules import rule, sighting

PATH = ("root", "north")


def verdict(made, state, **others):
    return explain([made], sighting(state, domain_id="north"), PATH, **others)


def test_a_hit_is_told_with_the_value_that_made_it():
    [found] = verdict(rule(), {"temp": 60})

    assert found.is_hit
    assert [(each.path, each.observed, each.is_hit) for each in found.compared] == [("temp", 60, True)]


def test_a_near_miss_is_told_with_what_was_wanted():
    [found] = verdict(rule(), {"temp": 49})

    assert not found.is_hit
    assert (found.operator, found.wanted, found.compared[0].observed) == ("gte", 50, 49)


def test_a_resource_that_was_not_reported_was_compared_with_nothing():
    [found] = verdict(rule(), {"other": 1})

    assert (found.is_hit, found.compared, found.resource) == (False, (), "temp")


def test_every_sub_thing_is_told_of():
    reported = {"s1": {"temp": 60}, "s2": {"temp": 10}}
    whole = {"s1": {"type": "pump"}, "s2": {"type": "pump"}}
    [found] = verdict(rule(resource="pump.temp"), reported, whole=whole)

    assert [(each.path, each.is_hit) for each in found.compared] == [("s1.temp", True), ("s2.temp", False)]


def test_the_state_of_the_threshold_is_told():
    made = rule(count=3, interval_ms=9)
    [found] = verdict(made, {"temp": 60}, states={made.uid: ThresholdState(2, 5)})
    [unknown] = verdict(made, {"temp": 60})

    assert (found.threshold, found.threshold_state) == (Threshold(3, 9), ThresholdState(2, 5))
    assert unknown.threshold_state == ThresholdState()


@pytest.mark.parametrize(
    "made",
    [
        rule(is_enabled=False),
        rule(domain="south"),
        rule(thing_type="2"),
        rule(names=("other",)),
        rule(since_offset=1),
    ],
    ids=["off", "domain", "type", "name", "later"],
)
def test_a_rule_that_does_not_look_at_it_says_nothing(made):
    assert verdict(made, {"temp": 60}) == []


@pytest.mark.parametrize("made", [rule(domain="north"), rule(names=("lamp", "x")), rule(thing_type="1")])
def test_a_rule_that_looks_at_it_speaks(made):
    assert verdict(made, {"temp": 60})[0].is_hit
