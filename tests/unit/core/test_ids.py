from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from cloudstead.core.clock import ManualClock
from cloudstead.core.ids import Uuid7Source

BEGIN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_an_id_is_a_uuid_of_version_7_with_the_time_in_front():
    clock = ManualClock(BEGIN)
    made = uuid.UUID(Uuid7Source(clock).new())
    assert made.variant == uuid.RFC_4122
    assert made.version == 7
    assert made.int >> 80 == clock.millis()


def test_ids_sort_by_the_time_they_were_made():
    clock = ManualClock(BEGIN)
    ids = Uuid7Source(clock)
    made = []
    for _ in range(1000):
        made.append(ids.new())
        clock.advance(timedelta(milliseconds=1))
    assert made == sorted(made)


def test_ids_of_one_moment_sort_in_the_order_they_were_made():
    ids = Uuid7Source(ManualClock(BEGIN))
    made = [ids.new() for _ in range(1000)]
    assert made == sorted(set(made))


def test_ids_do_not_go_back_when_the_clock_does():
    clock = ManualClock(BEGIN)
    ids = Uuid7Source(clock)
    made = [ids.new()]
    for _ in range(100):
        clock.advance(timedelta(seconds=-1))
        made.append(ids.new())
    clock.advance(timedelta(hours=1))
    made.append(ids.new())
    assert made == sorted(set(made))
    assert uuid.UUID(made[-1]).int >> 80 == clock.millis()


def test_ids_go_on_in_the_next_millisecond_when_the_random_bits_of_one_are_used_up():
    clock = ManualClock(BEGIN)
    ids = Uuid7Source(clock, random_bytes=lambda size: b"\xff" * size)
    first, second = uuid.UUID(ids.new()), uuid.UUID(ids.new())
    assert (first.int >> 80, second.int >> 80) == (clock.millis(), clock.millis() + 1)
    assert (second.variant, second.version) == (uuid.RFC_4122, 7)


def test_threads_that_ask_at_once_each_get_ids_of_their_own_in_order():
    ids = Uuid7Source(ManualClock(BEGIN))
    with ThreadPoolExecutor(4) as threads:
        shares = list(threads.map(lambda _: [ids.new() for _ in range(1000)], range(4)))
    assert all(share == sorted(share) for share in shares)
    assert len(set().union(*shares)) == 4000


def test_ids_of_one_moment_differ_in_random_bits_that_serve_once():
    asked = []

    def count_up(size: int) -> bytes:
        asked.append(size)
        return b"".join(number.to_bytes(10) for number in range(size // 10))

    ids = Uuid7Source(ManualClock(BEGIN), random_bytes=count_up)
    first = {ids.new() for _ in range(256)}
    assert len(first) == 256
    assert len(asked) == 1
    ids.new()
    assert len(asked) == 2
