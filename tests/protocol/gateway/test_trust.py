"""Contexts that are exchanged while they serve, beside the certificates that they show."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from cloudstead.core.clock import SystemClock
from cloudstead.core.credentials.authority import Authority, create_authority
from cloudstead.core.events import EventBus
from cloudstead.core.trustedcertificates.events import TrustClosed, TrustOpened
from cloudstead.gateway.tls import certificates_shown, https_context
from cloudstead.gateway.trust import Trust, TrustingContext
from factories.authorities import authority, device


@pytest.fixture(scope="module")
def own():
    files = create_authority(SystemClock())
    return Authority(
        files.issuing_key, files.issuing_certificate, root_certificate=files.root_certificate, clock=SystemClock()
    )


@pytest.fixture
def server_files(tmp_path, own):
    """Make a server certificate and write it under a name."""

    def make(name):
        issued = own.issue_server_certificate(["localhost"])
        files = tmp_path / f"{name}.pem", tmp_path / f"{name}.key"
        files[0].write_text(issued.pem)
        files[1].write_text(issued.private_key_pem)
        return files

    return make


class Store:
    """Says what is trusted, as often as it is asked; fails when told to."""

    def __init__(self):
        self.authorities = []
        self.fails = False
        self.asked = 0
        self.before_answer = lambda: None

    async def scan(self, work):
        self.asked += 1
        if self.fails:
            raise OSError(5, "Input/output error")
        found = [each.pem for each in self.authorities]
        self.before_answer()
        return found


class Listener:
    """Shows what a client sees of the server, and the server of the client."""

    def __init__(self, context, own, folder):
        self._own = own
        self._folder = folder
        self._seen = asyncio.Queue()
        self._context = context

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        tls = writer.get_extra_info("ssl_object")
        self._seen.put_nowait(certificates_shown(tls))
        writer.write(b"x")
        writer.close()

    async def connect(self, party=None, *others):
        """Return the server's certificate and what the server got; ``None`` where it did not come to that."""
        context = ssl.create_default_context(cadata=self._own.root_pem)
        if party is not None:
            context.load_cert_chain(*party.files(self._folder, *others))
        port = self._server.sockets[0].getsockname()[1]
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
            shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            await reader.readexactly(1)
        except (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError):
            return None
        writer.close()
        return shown, await self._seen.get()


@pytest.fixture
def reports():
    return []


@pytest.fixture
async def tasks():
    kept = []
    yield kept
    for task in kept:
        await task


async def settled(tasks):
    await asyncio.gather(*tasks)


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def bus(store, reports, tasks):
    bus = EventBus(lambda what, error: reports.append((what, error)))
    bus.trust = Trust(
        store,
        spawn=lambda work: tasks.append(asyncio.get_running_loop().create_task(work)),
        report=lambda what, error: reports.append((what, error)),
    )
    bus.trust.listen(bus)
    return bus


async def test_what_is_trusted_already_is_trusted_from_the_first_handshake_on(own, server_files, tmp_path, bus, store):
    store.authorities = [authority("one"), authority("two")]
    context = TrustingContext(https_context, *server_files("first"), own=own.chain_pem)
    await bus.trust.serve(context)
    async with Listener(context.context, own, tmp_path) as listener:
        for each in store.authorities:
            assert await listener.connect(device("d", each)) is not None
        assert await listener.connect(device("d", authority("three"))) is None
        assert (await listener.connect())[1] == ()


async def test_the_server_gets_all_certificates_that_the_client_sends(own, server_files, tmp_path, bus, store):
    root = authority("root")
    lower = authority("lower", root)
    store.authorities = [root]
    context = TrustingContext(https_context, *server_files("first"), own=own.chain_pem)
    await bus.trust.serve(context)
    party = device("d", lower)
    async with Listener(context.context, own, tmp_path) as listener:
        assert (await listener.connect(party, lower))[1] == (party.der, lower.der)


async def test_a_renewed_certificate_is_shown_before_and_after_an_exchange(own, server_files, tmp_path, bus, tasks):
    context = TrustingContext(https_context, *server_files("first"), own=own.chain_pem)
    await bus.trust.serve(context)

    async def shown():
        async with Listener(context.context, own, tmp_path) as listener:
            return (await listener.connect())[0]

    seen = [await shown()]
    context.load_cert_chain(*server_files("second"))
    seen.append(await shown())
    bus.publish(TrustClosed("t1"))
    context.load_cert_chain(*server_files("third"))  # while the other context is being built
    await settled(tasks)
    seen.append(await shown())
    context.load_cert_chain(*server_files("fourth"))
    seen.append(await shown())
    assert len(set(seen)) == 4


async def test_a_store_that_fails_is_reported_and_the_next_change_tries_again(
    own, server_files, tmp_path, bus, store, tasks, reports
):
    gone, kept = authority("gone"), authority("kept")
    store.authorities = [gone, kept]
    context = TrustingContext(https_context, *server_files("first"), own=own.chain_pem)
    await bus.trust.serve(context)
    store.authorities, store.fails = [kept], True
    bus.publish(TrustClosed("t1"))
    await settled(tasks)
    assert [what for what, _ in reports] == ["exchanging trusted authorities"]
    store.fails = False
    bus.publish(TrustClosed("t2"))
    await settled(tasks)
    async with Listener(context.context, own, tmp_path) as listener:
        assert await listener.connect(device("d", gone)) is None
        assert await listener.connect(device("d", kept)) is not None


async def test_many_changes_are_one_exchange_that_forgets_nothing_of_what_comes_meanwhile(
    own, server_files, tmp_path, bus, store, tasks
):
    context = TrustingContext(https_context, *server_files("first"), own=own.chain_pem)
    await bus.trust.serve(context)
    late = authority("late")
    asked = store.asked
    store.before_answer = lambda: bus.publish(TrustOpened("late", late.pem))
    for number in range(50):
        bus.publish(TrustClosed(f"t{number}"))
    await settled(tasks)
    assert store.asked == asked + 1
    async with Listener(context.context, own, tmp_path) as listener:
        assert await listener.connect(device("d", late)) is not None
