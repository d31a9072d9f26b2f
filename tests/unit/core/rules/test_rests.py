from __future__ import annotations

from dataclasses import replace

from cloudstead.core.rules.model import Threshold
from cloudstead.core.rules.rests import Rests
from factories.rules import rule

MINUTELY = replace(rule(), threshold=Threshold(0, 60_000))


def test_a_rule_rests_for_a_thing_until_its_interval_is_over():
    rests = Rests()
    rests.note(MINUTELY, "t1", 1000)

    assert [rests.cover(MINUTELY, "t1", at_ms) for at_ms in (1001, 60_999, 61_000)] == [True, True, False]


def test_it_rests_for_no_other_thing():
    rests = Rests()
    rests.note(MINUTELY, "t1", 1000)

    assert not rests.cover(MINUTELY, "t2", 1001)


def test_a_rule_that_counts_hits_never_rests():
    rests = Rests()
    counting = replace(MINUTELY, threshold=Threshold(2, 60_000))
    rests.note(counting, "t1", 1000)

    assert not rests.cover(counting, "t1", 1001)


def test_a_rule_that_was_written_since_does_not_rest():
    rests = Rests()
    rests.note(MINUTELY, "t1", 1000)

    assert not rests.cover(replace(MINUTELY), "t1", 1001)


def test_what_is_remembered_is_bounded():
    rests = Rests(most=2)
    for thing in ("t1", "t2", "t3"):
        rests.note(MINUTELY, thing, 1000)

    assert [rests.cover(MINUTELY, thing, 1001) for thing in ("t1", "t2", "t3")] == [False, False, True]
