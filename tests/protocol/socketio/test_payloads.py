"""Several packets in one body, as text and as bytes."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.protocols.socketio import BadPayload, decode_binary_payload, decode_payload, encode_payload

# Whatever JavaScript can send as UTF-8: no lone surrogates.
PACKETS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=8)


def as_bytes(packets):
    """As a client of Socket.IO 1.x writes them."""
    body = b""
    for packet in packets:
        content = packet.encode()
        body += b"\x00" + bytes(map(int, str(len(content)))) + b"\xff" + content
    return body


@given(PACKETS)
def test_packets_come_back_from_text_as_they_were(packets):
    assert decode_payload(encode_payload(packets)) == packets


@given(PACKETS)
def test_packets_come_back_from_bytes_as_they_were(packets):
    assert decode_binary_payload(as_bytes(packets)) == packets


def test_lengths_count_as_javascript_counts():
    assert encode_payload(["4å", "4😀"]) == "2:4å3:4😀"
    assert decode_payload("6:4hello2:4€") == ["4hello", "4€"]


@pytest.mark.parametrize(
    "body",
    ["", ":", "4hello", "x:4", "-1:4", "7:4hello", "1:", "9999999999:4", "12345678901234", "2:4😀", "²:45"],
)
def test_a_body_that_holds_no_packets_is_refused(body):
    with pytest.raises(BadPayload):
        decode_payload(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"\x01\x01\xff4",  # binary
        b"\x00\xff4",  # no length
        b"\x00\x02\xff4",  # cut short
        b"\x00\x0a\xff4",  # no digit
        b"\x00" + b"\x01" * 12 + b"\xff4",
        b"\x00\x01\xff\xff",  # no UTF-8
    ],
)
def test_a_body_of_bytes_that_holds_no_packets_is_refused(body):
    with pytest.raises(BadPayload):
        decode_binary_payload(body)


def test_a_body_holds_so_many_packets_and_no_more():
    assert len(decode_payload("1:2" * 64)) == 64
    with pytest.raises(BadPayload):
        decode_payload("1:2" * 65)
    with pytest.raises(BadPayload):
        decode_binary_payload(as_bytes(["2"] * 65))


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(body):
    with contextlib.suppress(BadPayload):
        decode_payload(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body):
    with contextlib.suppress(BadPayload):
        decode_binary_payload(body)
