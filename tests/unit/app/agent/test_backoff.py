from __future__ import annotations

from cloudstead.app.agent.backoff import Backoff


def test_each_wait_is_twice_as_long_up_to_the_most() -> None:
    backoff = Backoff(first_s=1, most_s=5, draw=lambda: 1.0)

    assert [backoff.wait_s() for _ in range(5)] == [1, 2, 4, 5, 5]


def test_a_wait_is_drawn_from_its_upper_half() -> None:
    assert Backoff(first_s=4, most_s=8, draw=lambda: 0.0).wait_s() == 2


def test_a_success_begins_anew() -> None:
    backoff = Backoff(first_s=1, most_s=8, draw=lambda: 1.0)
    backoff.wait_s()
    backoff.wait_s()

    backoff.reset()

    assert backoff.wait_s() == 1
