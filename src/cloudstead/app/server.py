"""The server: listeners around a cloud, from the first socket to the last write."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from cloudstead import __version__
from cloudstead.app.account_management import account_ends
from cloudstead.app.addresses import without_password
from cloudstead.app.agent_process import AgentProcess
from cloudstead.app.cloud import open_cloud
from cloudstead.app.data_folder import DataFolder
from cloudstead.app.demo import prepare_demo, write_bundle
from cloudstead.app.errors import ObservationsUnusable, reason_of
from cloudstead.app.faces import browsed_url, manifest_url, web_app
from cloudstead.app.housekeeping import keep_house
from cloudstead.app.http_server import HttpServer, bind
from cloudstead.app.keys import server_certificate, server_names
from cloudstead.app.open_files import raise_open_files
from cloudstead.app.operator.doors import serve_operator
from cloudstead.app.places import addresses_of, local_place
from cloudstead.app.ready import ReadyReport
from cloudstead.app.renewal import ServedCertificate
from cloudstead.app.thing_event import serve_thing_events
from cloudstead.core.observations.errors import IndexUnavailable
from cloudstead.gateway.tls import https_context, mqtts_context
from cloudstead.gateway.trust import TrustingContext

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Awaitable, Callable

    from cloudstead.app.cloud import Cloud
    from cloudstead.app.demo import DemoRecord
    from cloudstead.app.faces import Addresses
    from cloudstead.app.settings import ListenerSettings, Settings
    from cloudstead.gateway.trust import BuildContext
    from cloudstead.web.app import WebApp

_SWITCH_INTERVAL_S: Final = 0.0005
"""Three hand-overs of the interpreter's lock for each commit, 5 ms each by default: 20k updates/s become 31k."""


async def run(settings: Settings, *, demo: bool, ready: Callable[[ReadyReport], Awaitable[None]]) -> None:
    """Serve until SIGTERM or SIGINT; ``ready`` is awaited once everything listens.

    Raises ``CannotStart``, ``StoreError`` or ``LogError`` for what an operator can put right.
    """
    raise_open_files()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    stopping = _stop_on_signals()
    log = structlog.get_logger("cloudstead")
    async with AsyncExitStack() as stack:
        # From cheap to costly: a second server on the same folder is told that, not that its addresses are in use, and
        # an address in use is told before stores are opened and migrated.
        folder = DataFolder.hold(Path(settings.data.folder))
        stack.callback(folder.release)
        sockets = {name: _bind(name, listener, stack) for name, listener in _listeners(settings).items()}
        try:
            cloud = await stack.enter_async_context(open_cloud(settings, folder))
        except IndexUnavailable as error:
            place = without_password(settings.observations.url) or str(folder.observations)
            raise ObservationsUnusable(place, reason_of(error)) from error
        record = await prepare_demo(cloud) if demo else None
        addresses = addresses_of(settings, sockets)
        own = ServedCertificate(
            lambda: server_certificate(cloud.folder, cloud.keys.authority, server_names(settings), cloud.clock)
        )
        given = _given_certificate(settings) or own
        accounts = {each.id: each for each in await cloud.database.read(lambda unit: unit.accounts.all())}
        app = web_app(cloud, addresses, accounts=accounts, demo=record)
        await _serve_http(stack, cloud, sockets, app, given)
        await _serve_devices(stack, cloud, sockets, own)
        await _serve_pages_of_2017(stack, cloud, sockets, given)
        await serve_operator(stack, cloud, browsed_url(settings, addresses))
        ends = account_ends(cloud, browsed_url(settings, addresses))
        stack.push_async_callback(_cancelled, cloud.tasks.keep(keep_house(cloud, (own, given), ends)))
        if record is not None:
            await _start_agent(stack, cloud, record, sockets["mqtts"])
        _settle_memory()
        await ready(await _report(cloud, addresses, record))
        log.info(
            "ready",
            version=__version__,
            replayed=cloud.replayed,
            http=addresses.http,
            https=addresses.https,
            mqtts=addresses.mqtts,
        )
        await stopping.wait()
        log.info("stopping")
    log.info("stopped")


def _listeners(settings: Settings) -> dict[str, ListenerSettings]:
    return {
        "http": settings.http,
        "https": settings.https,
        "mqtts": settings.mqtts,
        "mqtt": settings.mqtt,
        "thing_event": settings.thing_event,
    }


def _bind(name: str, listener: ListenerSettings, stack: AsyncExitStack) -> socket.socket | None:
    if listener.bind is None:
        return None
    sock = bind(name, listener.bind)
    stack.callback(sock.close)
    return sock


def _stop_on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    return stopping


def _settle_memory() -> None:
    """Take everything made so far out of the collector's sight: its pauses are the largest latency on the loop."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _given_certificate(settings: Settings) -> ServedCertificate | None:
    """Return the operator's own certificate for HTTPS, if there is one."""
    given = settings.https
    if not given.certificate_file:
        return None
    files = Path(given.certificate_file), Path(given.private_key_file)
    return ServedCertificate(lambda: files)


async def _serve_http(
    stack: AsyncExitStack,
    cloud: Cloud,
    sockets: dict[str, socket.socket | None],
    app: WebApp,
    certificate: ServedCertificate,
) -> None:
    if sockets["http"] is not None:
        proxies = cloud.settings.http.trusted_proxies
        await _serve_one(stack, HttpServer(app, sockets["http"], trusted_proxies=proxies, room=cloud.http_room))
    if sockets["https"] is not None:
        context = await _trusting(cloud, certificate, https_context)
        await _serve_one(stack, HttpServer(app, sockets["https"], tls=context, room=cloud.http_room))


async def _trusting(cloud: Cloud, certificate: ServedCertificate, build: BuildContext) -> ssl.SSLContext:
    """Return a context that stays up to date: with our certificate, and with whom it trusts."""
    context = TrustingContext(build, *certificate.current(), own=cloud.keys.authority.chain_pem)
    certificate.watch(context)
    await cloud.trust.serve(context)
    return context.context


async def _serve_one(stack: AsyncExitStack, server: HttpServer) -> None:
    await server.start()
    stack.push_async_callback(server.stop)


async def _serve_devices(
    stack: AsyncExitStack, cloud: Cloud, sockets: dict[str, socket.socket | None], certificate: ServedCertificate
) -> None:
    gateway = cloud.gateway
    stack.push_async_callback(gateway.stop)
    if sockets["mqtts"] is not None:
        context = await _trusting(cloud, certificate, mqtts_context)
        await gateway.listen_tls(sockets["mqtts"], context)
    if sockets["mqtt"] is not None:
        await gateway.listen_plain(sockets["mqtt"])


async def _serve_pages_of_2017(
    stack: AsyncExitStack, cloud: Cloud, sockets: dict[str, socket.socket | None], certificate: ServedCertificate
) -> None:
    sock = sockets["thing_event"]
    if sock is not None:
        context = await _trusting(cloud, certificate, https_context)
        await serve_thing_events(stack, cloud, sock, context)


async def _start_agent(stack: AsyncExitStack, cloud: Cloud, record: DemoRecord, listener: socket.socket | None) -> None:
    if listener is None:
        structlog.get_logger("cloudstead").warning("no_agent", reason="the listener for devices is off (mqtts.address)")
        return
    agent = AgentProcess(
        await write_bundle(cloud, record),
        mqtts=local_place(listener),
        ca_file=cloud.folder.ca_file,
        thing_name=record.thing_name,
        interval_s=cloud.settings.demo.interval_s,
        log_format=cloud.settings.logging.format,
        log_level="warning",
    )
    stack.push_async_callback(agent.stop)
    await agent.start()


async def _report(cloud: Cloud, addresses: Addresses, record: DemoRecord | None) -> ReadyReport:
    accounts = await cloud.database.read(lambda unit: len(unit.accounts.all()))
    return ReadyReport(
        http=addresses.http,
        https=addresses.https,
        mqtts=addresses.mqtts,
        ca_file=str(cloud.folder.ca_file),
        hostname=cloud.settings.public.hostname,
        user_name=None if record is None else record.user_name,
        password=None if record is None else record.password,
        api_key=None if record is None else record.api_key,
        manifest_url=manifest_url(cloud, addresses),
        thing_name=None if record is None else record.thing_name,
        account_count=accounts,
    )
