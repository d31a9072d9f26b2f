import pytest

from cloudstead.protocols.mqtt.errors import LimitExceeded, MalformedPacket
from cloudstead.protocols.mqtt.inbox import Inbox
from cloudstead.protocols.mqtt.wire import encode_variable


def frames(inbox: Inbox) -> list[tuple[int, bytes]]:
    found = []
    while (frame := inbox.frame()) is not None:
        first, body, end = frame
        found.append((first, inbox.data[body:end]))
        inbox.pos = end
    return found


def frame(first: int, body: bytes) -> bytes:
    return bytes((first,)) + encode_variable(len(body)) + body


def test_frames_are_the_same_wherever_the_stream_is_cut():
    bodies = [b"", b"x", b"y" * 127, b"z" * 128, b"w" * 20_000]
    stream = b"".join(frame(0x30 + place, body) for place, body in enumerate(bodies))
    for size in (1, 2, 3, 7, 130, 20_001, len(stream)):
        inbox = Inbox()
        found = []
        for start in range(0, len(stream), size):
            inbox.feed(stream[start : start + size])
            found += frames(inbox)
        assert found == [(0x30 + place, body) for place, body in enumerate(bodies)]
        assert not inbox.has_whole_frames
        assert inbox.first_byte is None


def test_frames_that_were_left_come_before_what_follows():
    inbox = Inbox()
    inbox.feed(frame(0x30, b"a") + frame(0x31, b"b") + b"\x32")
    _, _, end = inbox.frame()
    inbox.pos = end
    assert inbox.has_whole_frames
    inbox.feed(b"\x01c" + frame(0x33, b"d"))
    assert frames(inbox) == [(0x31, b"b"), (0x32, b"c"), (0x33, b"d")]


def test_asking_again_without_new_bytes_changes_nothing():
    inbox = Inbox()
    inbox.feed(frame(0x30, b"a") + frame(0x31, b"b"))
    _, _, inbox.pos = inbox.frame()
    inbox.feed(b"")
    assert frames(inbox) == [(0x31, b"b")]


def test_a_frame_that_is_too_large_is_refused_before_it_has_arrived():
    inbox = Inbox()
    inbox.max_frame_bytes = 100
    inbox.feed(b"\x30\x63")
    with pytest.raises(LimitExceeded):
        inbox.frame()


def test_a_frame_of_the_largest_size_is_taken():
    inbox = Inbox()
    inbox.max_frame_bytes = 100
    inbox.feed(frame(0x30, bytes(98)))
    assert frames(inbox) == [(0x30, bytes(98))]


def test_a_malformed_length_is_refused():
    inbox = Inbox()
    inbox.feed(b"\x30\xff\xff\xff\xff")
    with pytest.raises(MalformedPacket):
        inbox.frame()


def test_the_first_byte_is_known_before_the_frame_is_whole():
    inbox = Inbox()
    inbox.feed(b"G")
    assert inbox.frame() is None
    assert inbox.first_byte == ord("G")


def test_a_cleared_inbox_is_empty():
    inbox = Inbox()
    inbox.feed(b"\x30\x05ab")
    assert inbox.frame() is None
    inbox.clear()
    inbox.feed(frame(0x31, b"b"))
    assert frames(inbox) == [(0x31, b"b")]
