"""Laws of every log, on disk and in memory."""

from datetime import timedelta

import pytest

from cloudstead.log import Log, LogClosed, OffsetAhead, OffsetGone, RecordTooLarge, Retention
from cloudstead.log.frames import MAX_RECORD_BYTES

EVERYTHING = {"max_records": 1000, "max_bytes": 1 << 20}


def read_all(log: Log, offset: int) -> list[tuple[int, bytes]]:
    records: list[tuple[int, bytes]] = []
    while found := log.read(offset, **EVERYTHING):
        records += found
        offset = found[-1][0] + 1
    return records


def test_offsets_are_dense_and_begin_at_one(log: Log):
    assert [log.append([b"a"]), log.append([b"b", b"c"]), log.append([b"d"])] == [1, 2, 4]
    assert log.next_offset == 5


def test_what_was_appended_is_read_back_in_order(log: Log):
    log.append([b"a", b""])
    log.append([b"\0" * 100])
    assert read_all(log, 1) == [(1, b"a"), (2, b""), (3, b"\0" * 100)]


def test_reading_begins_at_the_offset_that_was_asked_for(log: Log):
    log.append([b"a", b"b", b"c"])
    assert read_all(log, 2) == [(2, b"b"), (3, b"c")]


def test_reading_at_the_end_finds_nothing(log: Log):
    log.append([b"a"])
    assert log.read(2, **EVERYTHING) == []


def test_reading_stops_at_the_number_of_records(log: Log):
    log.append([b"a", b"b", b"c"])
    assert log.read(1, max_records=2, max_bytes=1 << 20) == [(1, b"a"), (2, b"b")]


def test_reading_stops_before_the_number_of_bytes_is_exceeded(log: Log):
    log.append([b"aaa", b"bbb", b"ccc"])
    assert log.read(1, max_records=10, max_bytes=8) == [(1, b"aaa"), (2, b"bbb")]


def test_a_record_larger_than_the_limit_is_still_delivered(log: Log):
    log.append([b"a" * 100, b"b"])
    assert log.read(1, max_records=10, max_bytes=8) == [(1, b"a" * 100)]


def test_an_empty_batch_is_refused(log: Log):
    with pytest.raises(ValueError, match="one record at least"):
        log.append([])


def test_an_oversized_record_refuses_its_whole_batch(log: Log):
    with pytest.raises(RecordTooLarge):
        log.append([b"small", bytes(MAX_RECORD_BYTES + 1)])
    assert log.append([b"next"]) == 1


def test_an_offset_that_was_never_given_is_ahead(log: Log):
    log.append([b"a"])
    with pytest.raises(OffsetAhead) as caught:
        log.read(3, **EVERYTHING)
    assert (caught.value.offset, caught.value.next_offset) == (3, 2)


def test_an_offset_that_was_removed_is_gone(log: Log):
    for payload in (b"a", b"b", b"c"):
        log.append([payload])
    log.truncate_before(3, keep_from=3)
    with pytest.raises(OffsetGone) as caught:
        log.read(2, **EVERYTHING)
    assert (caught.value.offset, caught.value.first_offset) == (2, 3)
    assert read_all(log, 3) == [(3, b"c")]


def test_removal_never_passes_the_consumer_that_is_furthest_behind(log: Log):
    for payload in (b"a", b"b", b"c"):
        log.append([payload])
    assert log.truncate_before(3, keep_from=2) == 1
    assert log.first_offset == 2


def test_removal_keeps_a_segment_that_holds_a_wanted_record(log: Log):
    log.append([b"a", b"b"])
    log.append([b"c"])
    assert log.truncate_before(2, keep_from=2) == 0
    assert read_all(log, 1) == [(1, b"a"), (2, b"b"), (3, b"c")]


def test_removal_before_the_beginning_removes_nothing(log: Log):
    for payload in (b"a", b"b", b"c"):
        log.append([payload])
    log.truncate_before(3, keep_from=3)
    assert log.truncate_before(1, keep_from=1) == 0


def test_removal_makes_the_log_smaller(log: Log):
    log.append([bytes(1000)])
    log.append([b"b"])
    before = log.size_bytes
    log.truncate_before(2, keep_from=2)
    assert log.size_bytes <= before - 1000


def test_retention_by_size_removes_the_oldest(log: Log, clock):
    for _ in range(5):
        log.append([bytes(1000)])
    log.retain(Retention(max_bytes=2500), now=clock(), keep_from=6)
    assert log.first_offset == 4


def test_retention_by_age_removes_what_is_older(log: Log, clock):
    log.append([b"old"])
    clock.pass_time(timedelta(days=3))
    log.append([b"young"])
    clock.pass_time(timedelta(days=5))
    log.retain(Retention(max_age=timedelta(days=7)), now=clock(), keep_from=3)
    assert log.first_offset == 1
    clock.pass_time(timedelta(days=3))
    log.retain(Retention(max_age=timedelta(days=7)), now=clock(), keep_from=3)
    assert read_all(log, 2) == [(2, b"young")]


def test_retention_by_age_also_empties_a_log_that_has_fallen_silent(log: Log, clock):
    log.append([b"last words"])
    policy = Retention(max_age=timedelta(days=8))
    clock.pass_time(timedelta(days=2))
    log.retain(policy, now=clock(), keep_from=2)
    assert log.first_offset == 1
    clock.pass_time(timedelta(days=9))
    log.retain(policy, now=clock(), keep_from=2)
    assert (log.first_offset, log.next_offset) == (2, 2)
    assert log.append([b"again"]) == 2


def test_retention_never_passes_the_consumer_that_is_furthest_behind(log: Log, clock):
    for _ in range(5):
        log.append([bytes(1000)])
    log.retain(Retention(max_bytes=0), now=clock(), keep_from=3)
    assert log.first_offset == 3


def test_a_closed_log_takes_and_gives_nothing(log: Log):
    log.append([b"a"])
    log.close()
    log.close()
    with pytest.raises(LogClosed):
        log.append([b"b"])
    with pytest.raises(LogClosed):
        log.read(1, **EVERYTHING)
