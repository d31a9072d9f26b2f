"""The servers that the settings name for the state and the observations: whether they answer, and as whom they know us.

Each is asked once and given a few seconds: a server that needs longer to say its version is no use to the service.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

import asyncpg
import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from cloudstead.app.addresses import without_password
from cloudstead.app.doctor.finding import Finding, State
from cloudstead.app.errors import reason_of
from cloudstead.storage.observations.engine import ServerEngine

if TYPE_CHECKING:
    from collections.abc import Callable

_ANSWER_WITHIN_S = 3
_DUE_WITHIN_S = 3 * _ANSWER_WITHIN_S


def postgresql(url: str) -> Finding:
    """Connect to the server that keeps the state."""
    return _asked("state", "PostgreSQL", url, lambda: asyncio.run(_postgresql_version(url)))


def clickhouse(url: str) -> Finding:
    """Connect to the server that keeps the observations."""
    return _asked("observations", "ClickHouse", url, lambda: _clickhouse_version(url))


def _asked(what: str, kind: str, url: str, ask: Callable[[], str]) -> Finding:
    place = without_password(url)
    try:
        return Finding(what, State.GOOD, f"{place} answers: {kind} {ask()}")
    except (OSError, ValueError, ClickHouseError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        section = "storage" if what == "state" else "observations"
        advice = f"Check that {kind} runs there, and user, password and database in {section}.url."
        return Finding(what, State.WRONG, f"{place}: {reason_of(error)}", advice)


async def _postgresql_version(url: str) -> str:
    async with asyncio.timeout(_DUE_WITHIN_S):
        connection = await asyncpg.connect(url, timeout=_ANSWER_WITHIN_S)
        try:
            version = connection.get_server_version()
        finally:
            await connection.close(timeout=_ANSWER_WITHIN_S)
    return f"{version.major}.{version.minor}"


def _clickhouse_version(url: str) -> str:
    engine = ServerEngine.of_url(url)
    client = clickhouse_connect.get_client(
        interface="https" if engine.secure else "http",
        host=engine.host,
        port=engine.port,
        database=engine.database,
        username=engine.user,
        password=engine.password,
        connect_timeout=_ANSWER_WITHIN_S,
        send_receive_timeout=_ANSWER_WITHIN_S,
        query_retries=0,
    )
    with closing(client):
        return str(client.server_version)
