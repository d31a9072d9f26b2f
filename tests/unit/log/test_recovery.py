"""What a crash, or a failing disk, may have done to the last segment, and what opening the log makes of it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.log import CommitLog, LogCorrupt, LogError

if TYPE_CHECKING:
    from pathlib import Path

FIRST = [b"first one", b"first two"]
SECOND = [b"second one", b"", b"second three"]
NAME = "00000000000000000001.log"
HEADER = 40
FRAME = 16
FIRST_END = HEADER + sum(FRAME + len(payload) for payload in FIRST)
SECOND_END = FIRST_END + sum(FRAME + len(payload) for payload in SECOND)


@pytest.fixture(scope="module")
def content(tmp_path_factory) -> bytes:
    """A segment with two batches."""
    folder = tmp_path_factory.mktemp("written")
    with CommitLog.open(folder) as log:
        log.append(FIRST)
        log.append(SECOND)
    return (folder / NAME).read_bytes()


@pytest.fixture(scope="module")
def open_with(tmp_path_factory) -> Callable[[bytes], CommitLog]:
    """Opens a log whose only segment has given bytes."""

    def open_with(segment: bytes) -> CommitLog:
        folder: Path = tmp_path_factory.mktemp("opened")
        (folder / NAME).write_bytes(segment)
        return CommitLog.open(folder)

    return open_with


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def payloads(log: CommitLog) -> list[bytes]:
    return [payload for _, payload in log.read(1, max_records=100, max_bytes=10_000)]


@pytest.mark.parametrize("end", range(FIRST_END + 1, SECOND_END))
def test_a_last_batch_torn_at_any_byte_is_cut_to_whole_records(content, open_with, end):
    with open_with(content[:end]) as log:
        found = payloads(log)
        assert found == (FIRST + SECOND)[: len(found)]
        assert len(found) >= len(FIRST)
        kept = HEADER + sum(FRAME + len(payload) for payload in found)
        assert log.size_bytes == kept
        if kept == end:
            assert log.recovery is None
        else:
            # Zeros at the end of the remains look like free space, and are not counted.
            assert 0 < log.recovery.cut_bytes <= end - kept
            assert (log.recovery.position, log.recovery.next_offset) == (kept, len(found) + 1)
        assert log.append([b"after"]) == len(found) + 1
        assert payloads(log) == [*found, b"after"]


def test_a_tail_is_cut_for_good(content, open_with):
    log = open_with(content[:-1])
    log.close()
    with CommitLog.open(log.folder) as again:
        assert again.recovery is None
        assert payloads(again) == FIRST + SECOND[:2]


def test_reserved_space_is_not_a_torn_tail(content, open_with):
    with open_with(content + bytes(5000)) as log:
        assert log.recovery is None
        assert payloads(log) == FIRST + SECOND


def test_a_last_batch_whose_first_page_never_arrived_is_cut(content, open_with):
    with open_with(content[:FIRST_END] + bytes(30) + content[FIRST_END + 30 :]) as log:
        assert payloads(log) == FIRST
        assert log.recovery.position == FIRST_END


@settings(max_examples=60, deadline=None)
@given(st.integers(8 * FIRST_END, 8 * SECOND_END - 1))
def test_a_flipped_bit_in_the_last_batch_is_cut_with_all_behind_it(content, open_with, bit):
    with open_with(flipped(content, bit)) as log:
        found = payloads(log)
        assert found == (FIRST + SECOND)[: len(found)]
        assert len(FIRST) <= len(found) < len(FIRST + SECOND)
        assert log.recovery is not None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 8 * FIRST_END - 1))
def test_a_flipped_bit_in_front_of_a_later_batch_is_damage_and_nothing_is_cut(content, tmp_path_factory, bit):
    folder: Path = tmp_path_factory.mktemp("damaged")
    damaged = flipped(content, bit)
    (folder / NAME).write_bytes(damaged)
    if 8 * 36 <= bit < 8 * HEADER:  # the header's padding
        CommitLog.open(folder).close()
        return
    with pytest.raises(LogError) as caught:
        CommitLog.open(folder)
    assert caught.value.path == folder / NAME
    assert (folder / NAME).read_bytes() == damaged


def test_damage_names_the_first_byte_that_cannot_be_trusted(content, open_with):
    second_frame = HEADER + FRAME + len(FIRST[0])
    with pytest.raises(LogCorrupt) as caught:
        open_with(flipped(content, 8 * (second_frame + 20)))
    assert caught.value.position == second_frame
