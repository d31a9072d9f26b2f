"""Which way an ask goes: to the service that holds the data folder, or straight to the store where none does."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import structlog

from cloudstead.app.accounts import state_url
from cloudstead.app.addresses import is_loopback
from cloudstead.app.data_folder import DataFolder, holder_of
from cloudstead.app.errors import CannotStart
from cloudstead.app.keys import open_keys
from cloudstead.app.operator.asks import OpenAccount
from cloudstead.app.operator.desk import Desk
from cloudstead.app.operator.sockets import OperatorSocket, ask_service, perform
from cloudstead.core.clock import SystemClock
from cloudstead.core.credentials.access_keys import AccessKeys
from cloudstead.core.credentials.passwords import PasswordHasher
from cloudstead.core.errors import CloudsteadError
from cloudstead.core.ids import Uuid7Source
from cloudstead.storage.sql import Database

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from cloudstead.app.cloud import Cloud
    from cloudstead.app.operator.asks import AnyAsk, Ask
    from cloudstead.app.settings import Settings

A = TypeVar("A")


def ask(settings: Settings, asked: Ask[A]) -> A:
    """Return what was asked for; raise ``CannotStart`` for all that the operator can put right."""
    path = Path(settings.data.folder)
    wanted = cast("AnyAsk", asked)
    if not path.is_dir():
        if not isinstance(asked, OpenAccount):
            raise CannotStart(f"there is no data folder {path}: name it with --data")
    elif _is_held(path):
        return cast("A", ask_service(path, wanted))
    return cast("A", asyncio.run(_on_store(settings, path, wanted)))


async def serve_operator(stack: AsyncExitStack, cloud: Cloud, public_url: str) -> None:
    """Answer operators until the stack ends; ``public_url`` is where people reach our pages."""
    desk = Desk(
        settings=cloud.settings,
        database=cloud.database,
        hasher=cloud.hasher,
        clock=cloud.clock,
        ids=cloud.ids,
        public_url=public_url.rstrip("/"),
        access_keys=cloud.access_keys,
    )
    answering = OperatorSocket(desk, cloud.folder.path, structlog.get_logger("cloudstead"))
    await answering.start()
    stack.push_async_callback(answering.close)


def _is_held(path: Path) -> bool:
    try:
        return holder_of(path) is not None
    except PermissionError:
        raise CannotStart(f"{path} belongs to somebody else: run the command as its owner, or as root.") from None


async def _on_store(settings: Settings, path: Path, wanted: AnyAsk) -> Any:
    folder = DataFolder.hold(path)
    try:
        clock = SystemClock()
        keys = open_keys(folder, clock)  # so that a folder begun here has its secrets before its first account
        ids = Uuid7Source(clock)
        database = await Database.open(state_url(settings, folder), on_events=lambda _events: None)
        try:
            with ThreadPoolExecutor(max_workers=1) as executor:
                desk = Desk(
                    settings=settings,
                    database=database,
                    hasher=PasswordHasher(executor),
                    clock=clock,
                    ids=ids,
                    public_url=_expected_url(settings),
                    access_keys=AccessKeys(clock, ids, keys.sealer),
                )
                return await perform(desk, wanted)
        except CloudsteadError as refused:
            raise CannotStart(str(refused)) from None
        finally:
            await database.close()
    finally:
        folder.release()


def _expected_url(settings: Settings) -> str:
    """Return where our pages will be once the service runs; empty where the system is to choose a port."""
    if settings.public.url:
        return settings.public.url.rstrip("/")
    for scheme, bind in (("http", settings.http.bind), ("https", settings.https.bind)):
        if bind is not None and bind.port and (scheme == "https" or is_loopback(bind.host)):
            host = bind if is_loopback(bind.host) else bind._replace(host=settings.public.hostname)
            return f"{scheme}://{host}"
    return ""
