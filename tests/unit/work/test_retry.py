from __future__ import annotations

import pytest

from cloudstead.core.jobs.model import Failed
from cloudstead.work.retry import Retry

RETRY = Retry(max_tries=5, first_s=2.0, longest_s=10.0)
FAILED = Failed(detail="no")


def test_pauses_double_up_to_the_longest_and_end() -> None:
    pauses = [RETRY.pause_s(tries, FAILED, lambda: 1.0) for tries in range(1, 7)]

    assert pauses == [2.0, 4.0, 8.0, 10.0, None, None]


@pytest.mark.parametrize("drawn", [0.0, 0.25, 1.0])
def test_the_whole_pause_is_drawn(drawn: float) -> None:
    assert RETRY.pause_s(3, FAILED, lambda: drawn) == 8.0 * drawn


def test_what_is_final_is_not_tried_again() -> None:
    assert RETRY.pause_s(1, Failed(detail="no", is_final=True), lambda: 1.0) is None


@pytest.mark.parametrize(("asked", "pause"), [(1.0, 2.0), (60.0, 60.0), (1e9, 3600.0)])
def test_a_pause_that_is_asked_for_is_kept_within_bounds(asked: float, pause: float) -> None:
    assert RETRY.pause_s(1, Failed(detail="no", retry_after_s=asked), lambda: 1.0) == pause


def test_many_tries_do_not_overflow() -> None:
    assert Retry(max_tries=10_000).pause_s(9_000, FAILED, lambda: 1.0) == 600.0
