"""Whatever bytes come, the connection answers or closes; nothing else ever happens."""

from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloudstead.protocols.mqtt import (
    STANDARD,
    Broker,
    Connection,
    ConnectRequested,
    Event,
    Properties,
    PublishReceived,
    SubscribeRequested,
)
from protocol.mqtt.harness import (
    connect_packet,
    packet,
    publish_packet,
    subscribe_packet,
    unsubscribe_packet,
)

LEVELS = st.sampled_from([3, 4, 5])
RICH = Properties(
    payload_format=1, message_expiry_s=9, response_topic="r", user_properties=(("a", "b"),), topic_alias=1
)


def conversation(level: int) -> list[bytes]:
    """Return one of every packet that a client may send."""
    return [
        connect_packet("me", level=level, will=("w", b"x", 1, False), user_name="u", properties=Properties()),
        subscribe_packet(1, [("a/+", 1), ("#", 0)], level=level),
        publish_packet("a/b", b"zero", level=level),
        publish_packet("a/b", b"one", qos=1, packet_id=2, level=level, properties=RICH if level == 5 else None),
        publish_packet("", b"one", qos=1, packet_id=4, level=level, properties=RICH)
        if level == 5
        else publish_packet("c", b"", level=level),
        publish_packet("a/b", b"x" * 300, qos=2, packet_id=3, level=level),
        packet(0x62, b"\0\3"),
        packet(0x40, b"\0\1"),
        packet(0xC0, b""),
        unsubscribe_packet(5, ["#"], level=level),
        packet(0xE0, b"\0\0" if level == 5 else b""),
    ]


def run(chunks: list[bytes], max_frames: int = 32) -> tuple[Connection, list[tuple[object, ...]], bytes]:
    """Feed the chunks and decide everything at once; return what was told and what was written."""
    broker = Broker(new_client_id=lambda: "assigned")
    connection = broker.open(now=0.0)
    told: list[tuple[object, ...]] = []
    output = b""

    def decide(events: list[Event]) -> None:
        for event in events:
            told.append((type(event).__name__, *(describe(event))))
            match event:
                case ConnectRequested():
                    connection.accept(space="s", profile=STANDARD, now=0.0)
                case PublishReceived():
                    connection.acknowledge(event.packet_id)
                    broker.publish("s", event.topic, event.payload, qos=event.qos, now=0.0)
                case SubscribeRequested():
                    connection.grant(event.packet_id, None, 0.0)

    for chunk in chunks:
        decide(connection.receive(chunk, 0.0, max_frames))
        while connection.pending_input:
            decide(connection.receive(b"", 0.0, max_frames))
        output += connection.take_output()
    broker.tick(1e6)
    return connection, told, output


def describe(event: Event) -> list[object]:
    values = []
    for name in event.__slots__:
        value = getattr(event, name)
        values.append([each.filter for each in value] if name == "subscriptions" else value)
    return [None if hasattr(value, "delay_s") else value for value in values]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=5))
@example([b"\x10\xff\xff\xff\xff"])
def test_arbitrary_bytes_never_raise(chunks):
    run(chunks)


@settings(max_examples=150, deadline=None)
@given(LEVELS, st.lists(st.binary(max_size=40), min_size=1, max_size=5))
def test_arbitrary_bytes_after_connect_never_raise(level, chunks):
    run([connect_packet("me", level=level), *chunks])


@settings(max_examples=150, deadline=None)
@given(LEVELS, st.lists(st.tuples(st.integers(1, 15), st.integers(0, 15), st.binary(max_size=30)), max_size=6))
def test_arbitrary_bodies_in_whole_frames_never_raise(level, frames):
    chunks = [packet(kind << 4 | flags, body) for kind, flags, body in frames]
    run([connect_packet("me", level=level), *chunks])


@settings(max_examples=250, deadline=None)
@given(LEVELS, st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4), st.data())
def test_valid_packets_with_some_bytes_changed_never_raise(level, changes, data):
    stream = bytearray(b"".join(conversation(level)))
    for place, byte in changes:
        stream[place % len(stream)] = byte
    cut = data.draw(st.integers(0, len(stream)))
    run([bytes(stream[:cut]), bytes(stream[cut:])])


@settings(max_examples=100, deadline=None)
@given(LEVELS, st.lists(st.integers(0, 1200), max_size=12))
def test_the_same_stream_means_the_same_wherever_it_is_cut_and_however_it_is_portioned(level, cuts):
    stream = b"".join(conversation(level))
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    chunks = [stream[start:stop] for start, stop in pairwise(places)]
    _, expected, _ = run([stream])
    _, told, _ = run(chunks)
    assert told == expected
    assert told[-1][0] == "Disconnected"
    # One packet at a time, every decision comes before the next packet: then the answers are the same as well.
    _, told, output = run(chunks, max_frames=1)
    _, _, expected_output = run([stream], max_frames=1)
    assert told == expected
    assert output == expected_output


@settings(max_examples=60, deadline=None)
@given(LEVELS, st.integers(0, 600))
def test_a_stream_that_breaks_off_tells_only_what_was_whole(level, size):
    stream = b"".join(conversation(level))
    connection, told, _ = run([stream[:size]])
    _, expected, _ = run([stream])
    assert told == expected[: len(told)]
    assert connection.closing


def test_one_byte_at_a_time_costs_no_more_than_a_copy_per_frame():
    broker = Broker(new_client_id=lambda: "assigned")
    connection = broker.open(now=0.0)
    connection.receive(connect_packet("me"), 0.0)
    connection.accept(space="s", profile=STANDARD, now=0.0)
    stream = publish_packet("t", bytes(100_000))
    events = [event for place in range(len(stream)) for event in connection.receive(stream[place : place + 1], 0.0)]
    assert [len(event.payload) for event in events] == [100_000]
