"""TLS as a stream of bytes: how it may be cut, how it begins, ends and fails. No socket is opened."""

from __future__ import annotations

import asyncio
import ssl
from types import SimpleNamespace

import pytest

from cloudstead.core.clock import SystemClock
from cloudstead.core.credentials.authority import Authority, create_authority
from cloudstead.core.ids import AccountId, ThingName, ThingUid
from cloudstead.gateway.tls import mqtts_context
from cloudstead.gateway.tls_stream import TlsStream


class Wire:
    """The transport below: keeps what is sent, and whether it was ended and how."""

    def __init__(self):
        self.sent = bytearray()
        self.is_reading = True
        self.ended = None

    def write(self, data):
        self.sent += data

    def take(self):
        taken, self.sent = bytes(self.sent), bytearray()
        return taken

    def pause_reading(self):
        self.is_reading = False

    def resume_reading(self):
        self.is_reading = True

    def is_closing(self):
        return self.ended is not None

    def close(self):
        self.ended = "closed"

    def abort(self):
        self.ended = "aborted"

    def get_write_buffer_size(self):
        return len(self.sent)

    def get_extra_info(self, name, default=None):
        return ("192.0.2.7", 4711) if name == "peername" else default


class Hearer:
    """The link above: keeps what it is told."""

    def __init__(self):
        self.heard = []
        self.transport = None
        self.lost = []

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.heard.append(data)

    def connection_lost(self, exc):
        self.lost.append(exc)


class Peer:
    """A client, with the stream that it speaks to."""

    def __init__(self, server, client):
        self.wire, self.hearer = Wire(), Hearer()
        self.stream = TlsStream(server, lambda: self.hearer)
        self.stream.connection_made(self.wire)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = client.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def send(self, *, piece=1 << 20):
        """Deliver what the client has to say, in pieces of that size."""
        data = self.outgoing.read()
        for start in range(0, len(data), piece):
            self.stream.data_received(data[start : start + piece])

    def receive(self):
        self.incoming.write(self.wire.take())

    def shake_hands(self, *, piece=1 << 20, words=b""):
        while True:
            self.receive()
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.send(piece=piece)
            else:
                break
        if words:
            self.tls.write(words)
        self.send(piece=piece)

    def read_all(self):
        self.receive()
        pieces = []
        while True:
            try:
                pieces.append(self.tls.read(1 << 20))
            except ssl.SSLWantReadError:
                return b"".join(pieces)
            except ssl.SSLZeroReturnError:
                pieces.append(b"")
            if not pieces[-1]:
                return b"".join(pieces) + b"<end>"


@pytest.fixture(scope="module")
def contexts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    files = create_authority(SystemClock())
    authority = Authority(
        files.issuing_key, files.issuing_certificate, root_certificate=files.root_certificate, clock=SystemClock()
    )
    issued = {
        "server": authority.issue_server_certificate(["localhost"]),
        "thing": authority.issue_thing_certificate(
            AccountId("0" * 32), ThingName("pump"), thing_uid=ThingUid("1" * 32)
        ),
    }
    for name, each in issued.items():
        (folder / f"{name}.cert").write_text(each.pem)
        (folder / f"{name}.key").write_text(each.private_key_pem)
    server = mqtts_context(folder / "server.cert", folder / "server.key", trusted=authority.chain_pem)

    def client(*, shows, newest=ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cadata=authority.root_pem)
        context.maximum_version = newest
        if shows:
            context.load_cert_chain(folder / "thing.cert", folder / "thing.key")
        return context

    return SimpleNamespace(server=server, client=client)


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
def newest(request):
    return request.param


@pytest.fixture
async def peer(contexts, newest):
    return Peer(contexts.server, contexts.client(shows=True, newest=newest))


@pytest.fixture
async def open_peer(peer):
    peer.shake_hands()
    return peer


async def test_a_link_begins_when_the_handshake_is_over(peer):
    assert not peer.stream.greeted.done()
    peer.shake_hands()
    await peer.stream.greeted
    assert peer.hearer.transport is peer.stream
    assert peer.stream.get_extra_info("peername") == ("192.0.2.7", 4711)
    assert peer.stream.get_extra_info("ssl_object").getpeercert(binary_form=True)


async def test_a_handshake_may_come_byte_by_byte(peer):
    peer.shake_hands(piece=1)
    await peer.stream.greeted


async def test_what_comes_in_one_breath_with_the_end_of_the_handshake_is_heard(peer):
    peer.shake_hands(words=b"CONNECT")
    assert b"".join(peer.hearer.heard) == b"CONNECT"


@pytest.mark.parametrize("piece", [1, 7, 1000, 1 << 20])
async def test_words_are_heard_however_their_records_are_cut(open_peer, piece):
    said = [bytes([number]) * size for number, size in enumerate((1, 186, 20_000, 3, 70_000))]
    for words in said:
        for start in range(0, len(words), 16_384):
            open_peer.tls.write(words[start : start + 16_384])
    open_peer.send(piece=piece)
    assert b"".join(open_peer.hearer.heard) == b"".join(said)
    assert b"" not in open_peer.hearer.heard


async def test_records_that_come_together_are_handed_over_in_one_piece(open_peer):
    for words in (b"one ", b"two ", b"three"):
        open_peer.tls.write(words)
    open_peer.send()
    assert open_peer.hearer.heard == [b"one two three"]


async def test_output_of_many_records_arrives_whole(open_peer):
    words = bytes(range(256)) * 400
    open_peer.stream.write(words)
    assert open_peer.read_all() == words


async def test_a_client_without_a_certificate_is_told_by_an_alert_and_makes_no_link(contexts):
    peer = Peer(contexts.server, contexts.client(shows=False))
    peer.shake_hands()
    with pytest.raises(ssl.SSLError):
        await peer.stream.greeted
    assert peer.wire.ended == "closed"
    assert peer.hearer.transport is None
    with pytest.raises(ssl.SSLError, match=r"(?i)alert.*certificate"):
        peer.read_all()


async def test_what_is_no_tls_fails_in_the_handshake(peer):
    peer.stream.data_received(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(ssl.SSLError):
        await peer.stream.greeted
    assert peer.wire.ended == "closed"


async def test_a_client_that_goes_in_the_middle_of_the_handshake_fails_it(peer):
    peer.stream.connection_lost(None)
    with pytest.raises(ConnectionResetError):
        await peer.stream.greeted


async def test_a_handshake_that_was_given_up_makes_no_link(peer):
    peer.stream.greeted.cancel()
    peer.shake_hands()
    assert peer.hearer.transport is None
    peer.stream.connection_lost(None)
    assert peer.hearer.lost == []


async def test_a_spoilt_record_ends_the_connection_with_an_alert(open_peer):
    open_peer.read_all()
    open_peer.tls.write(b"PUBLISH")
    data = bytearray(open_peer.outgoing.read())
    data[-1] ^= 1
    open_peer.stream.data_received(bytes(data))
    assert open_peer.hearer.heard == []
    assert open_peer.wire.ended == "closed"
    with pytest.raises(ssl.SSLError, match=r"(?i)bad.record.mac"):
        open_peer.read_all()


async def test_our_end_is_said_and_waits_for_the_client_to_say_so_too(open_peer):
    open_peer.stream.pause_reading()
    open_peer.stream.write(b"DISCONNECT")
    open_peer.stream.close()
    assert open_peer.stream.is_closing()
    assert open_peer.wire.ended is None
    assert open_peer.wire.is_reading
    assert open_peer.read_all() == b"DISCONNECT<end>"
    open_peer.tls.write(b"one more word")
    open_peer.send()
    assert open_peer.hearer.heard == []
    assert open_peer.wire.ended is None
    open_peer.tls.unwrap()
    open_peer.send()
    assert open_peer.wire.ended == "closed"
    open_peer.stream.connection_lost(None)
    assert open_peer.hearer.lost == [None]


async def test_nothing_is_sent_behind_our_end(open_peer):
    open_peer.stream.close()
    open_peer.read_all()
    open_peer.stream.write(b"late")
    open_peer.stream.close()
    assert open_peer.wire.take() == b""


async def test_a_client_that_says_that_it_is_done_is_heard_to_the_end_and_answered_in_kind(open_peer):
    open_peer.read_all()
    open_peer.tls.write(b"DISCONNECT")
    with pytest.raises(ssl.SSLWantReadError):
        open_peer.tls.unwrap()
    open_peer.send()
    assert open_peer.hearer.heard == [b"DISCONNECT"]
    assert open_peer.wire.ended == "closed"
    open_peer.receive()
    open_peer.tls.unwrap()


async def test_a_client_that_does_not_answer_our_end_is_cut_off(contexts, monkeypatch):
    loop, later = asyncio.get_running_loop(), []
    monkeypatch.setattr(loop, "call_later", lambda seconds, call: later.append((seconds, call)) or SimpleNamespace())
    peer = Peer(contexts.server, contexts.client(shows=True))
    peer.shake_hands()
    peer.stream.close()
    assert peer.wire.ended is None
    ((seconds, cut_off),) = later
    assert 1 <= seconds <= 10
    cut_off()
    assert peer.wire.ended == "aborted"


async def test_a_lost_connection_takes_no_more_calls_amiss(open_peer):
    open_peer.stream.connection_lost(ConnectionResetError())
    assert [type(each) for each in open_peer.hearer.lost] == [ConnectionResetError]
    for call in ("pause_reading", "resume_reading", "close", "abort", "pause_writing", "resume_writing"):
        getattr(open_peer.stream, call)()
    open_peer.stream.write(b"late")
    assert open_peer.stream.is_closing()
    assert open_peer.stream.get_write_buffer_size() == 0
