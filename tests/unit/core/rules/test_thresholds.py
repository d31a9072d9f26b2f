from __future__ import annotations

import pytest

from cloudstead.core.rules.model import Threshold
from cloudstead.core.rules.thresholds import ThresholdState, decide


def runs(threshold, times):
    state, ran = ThresholdState(), []
    for at_ms in times:
        state, is_run = decide(threshold, state, at_ms)
        if is_run:
            ran.append(at_ms)
    return ran


@pytest.mark.parametrize("count", [0, 1])
def test_a_count_of_none_or_one_runs_at_every_hit(count):
    assert Threshold(count).is_open
    assert runs(Threshold(count), [1, 2, 3]) == [1, 2, 3]


def test_hits_are_counted_anew_after_each_run():
    assert runs(Threshold(3), range(1, 10)) == [3, 6, 9]


def test_inside_the_interval_nothing_runs():
    assert runs(Threshold(0, 100), [0, 50, 99, 100, 150, 250]) == [0, 100, 250]


def test_hits_inside_the_interval_are_counted():
    # The first two run at 2; the hits at 50 and 60 are enough by count, and wait for the interval to end.
    assert runs(Threshold(2, 100), [1, 2, 50, 60, 102, 103]) == [2, 102]


def test_a_clock_that_went_back_counts_as_inside():
    assert runs(Threshold(0, 100), [1000, 900, 1100]) == [1000, 1100]
