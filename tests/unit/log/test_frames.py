from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.log import LogCorrupt, LogFormatUnknown
from cloudstead.log.frames import (
    FRAME_BYTES,
    FrameBroken,
    Header,
    decode_header,
    encode_batch,
    encode_header,
    holds_later_batch,
    walk,
)

HEADER = Header(first_offset=5, created_ms=1_700_000_000_000, salt=0xC0FFEE)
PATH = Path("00000000000000000005.log")

batches = st.lists(st.lists(st.binary(max_size=60), min_size=1, max_size=4), max_size=5)


def encode(written: list[list[bytes]], header: Header = HEADER) -> bytes:
    content, offset = b"", header.first_offset
    for batch in written:
        content += b"".join(encode_batch(batch, offset, header.salt))
        offset += len(batch)
    return content


def decode(content: bytes, header: Header = HEADER) -> list[tuple[int, bytes]]:
    frames = walk(
        lambda length, position: content[position : position + length],
        header,
        position=0,
        offset=header.first_offset,
        end=len(content),
    )
    return [(offset, payload) for offset, _, payload in frames]


def records(written: list[list[bytes]]) -> list[tuple[int, bytes]]:
    return list(enumerate((payload for batch in written for payload in batch), HEADER.first_offset))


@settings(max_examples=50)
@given(batches, st.integers(0, 50))
def test_frames_come_back_as_they_were_written_and_free_space_ends_them(written, free):
    assert decode(encode(written) + bytes(free)) == records(written)


def test_a_frame_larger_than_a_chunk_comes_back():
    written = [[b"a", bytes(600_000), b"b"], [b"c" * 300_000]]
    assert decode(encode(written)) == records(written)


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_free_space_or_broken(content):
    with suppress(FrameBroken):
        decode(content)


@settings(max_examples=200)
@given(batches.filter(bool), st.data())
def test_one_flipped_bit_is_never_read_as_a_record(written, data):
    content = bytearray(encode(written))
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    try:
        found = decode(bytes(content))
    except FrameBroken:
        return
    assert found == records(written)[: len(found)]


def test_frames_of_another_segment_are_not_taken_for_own_ones():
    content = encode([[b"a"]], Header(first_offset=5, created_ms=0, salt=1))
    with pytest.raises(FrameBroken):
        decode(content)


def test_a_batch_behind_a_broken_frame_is_noticed():
    content = encode([[b"first", b"second"], [b"third"]])
    broken = b"\xff" + content[1:]
    assert holds_later_batch(broken, HEADER, 5)


def test_further_records_of_the_broken_batch_are_no_later_batch():
    content = encode([[b"first", b"second", b"third"]])
    broken = b"\xff" + content[1:]
    assert not holds_later_batch(broken, HEADER, 5)


def test_a_frame_planted_in_a_payload_is_no_later_batch():
    planted = b"".join(encode_batch([b"planted"], 6, 0))
    content = encode([[b"first" + planted]])
    broken = b"\xff" + content[1:]
    assert not holds_later_batch(broken, HEADER, 5)


def test_an_old_frame_is_no_later_batch():
    content = encode([[b"first"]])
    assert not holds_later_batch(bytes(FRAME_BYTES) + content, HEADER, 5)


def test_a_header_comes_back_as_it_was_written():
    assert decode_header(encode_header(HEADER), PATH) == HEADER


@pytest.mark.parametrize("length", [0, 7, 39])
def test_a_short_header_is_refused(length):
    with pytest.raises(LogCorrupt, match="not a log segment"):
        decode_header(encode_header(HEADER)[:length], PATH)


@pytest.mark.parametrize("position", range(36))
def test_a_changed_header_is_refused(position):
    content = bytearray(encode_header(HEADER))
    content[position] ^= 1
    with pytest.raises((LogCorrupt, LogFormatUnknown)):
        decode_header(bytes(content), PATH)


def test_a_later_format_is_named():
    content = bytearray(encode_header(HEADER))
    content[8] = 2
    with pytest.raises(LogFormatUnknown) as caught:
        decode_header(bytes(content), PATH)
    assert caught.value.version == 2


def test_a_renamed_segment_is_refused():
    with pytest.raises(LogCorrupt, match="does not fit its first offset 5"):
        decode_header(encode_header(HEADER), Path("00000000000000000006.log"))
