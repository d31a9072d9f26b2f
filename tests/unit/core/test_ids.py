from __future__ import annotations

import uuid
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
