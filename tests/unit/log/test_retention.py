from datetime import timedelta

from cloudstead.log.retention import Retention, Span, is_due_to_roll, oldest_wanted

DAY_MS = 86_400_000
SPANS = [Span(1, 0, 100), Span(11, 1 * DAY_MS, 100), Span(21, 2 * DAY_MS, 100), Span(31, 3 * DAY_MS, 100)]


def test_without_limits_everything_is_wanted():
    assert oldest_wanted(SPANS, Retention(), now_ms=1000 * DAY_MS) == 1


def test_a_segment_is_as_old_as_its_newest_record():
    policy = Retention(max_age=timedelta(days=2))
    assert oldest_wanted(SPANS, policy, now_ms=3 * DAY_MS) == 1
    assert oldest_wanted(SPANS, policy, now_ms=3 * DAY_MS + 1) == 11


def test_size_counts_all_segments():
    assert oldest_wanted(SPANS, Retention(max_bytes=400), now_ms=0) == 1
    assert oldest_wanted(SPANS, Retention(max_bytes=399), now_ms=0) == 11


def test_either_limit_is_enough_to_remove():
    policy = Retention(max_age=timedelta(days=2), max_bytes=200)
    assert oldest_wanted(SPANS, policy, now_ms=0) == 21
    assert oldest_wanted(SPANS, policy, now_ms=5 * DAY_MS + 1) == 31


def test_the_last_segment_always_stays():
    assert oldest_wanted(SPANS, Retention(max_age=timedelta(0), max_bytes=0), now_ms=1000 * DAY_MS) == 31


def test_a_clock_that_went_back_removes_nothing_early():
    spans = [Span(1, 9 * DAY_MS, 1), Span(2, 9 * DAY_MS, 1), Span(3, 0, 1), Span(4, 0, 1)]
    assert oldest_wanted(spans, Retention(max_age=timedelta(days=1)), now_ms=5 * DAY_MS) == 1


def test_an_active_segment_is_rolled_after_an_eighth_of_the_longest_age():
    policy = Retention(max_age=timedelta(days=8))
    assert not is_due_to_roll(Span(1, 0, 1), policy, now_ms=DAY_MS)
    assert is_due_to_roll(Span(1, 0, 1), policy, now_ms=DAY_MS + 1)


def test_without_an_age_nothing_is_rolled():
    assert not is_due_to_roll(Span(1, 0, 1), Retention(max_bytes=1), now_ms=1000 * DAY_MS)
