"""The state store on both engines: a test that takes ``database`` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import asyncpg
import pytest

from cloudstead.storage.sql import Database
from cloudstead.storage.sql.tables import metadata
from factories.rows import add_tenant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from factories.postgres import PrivatePostgreSQL


# Copies of a migrated store are ready in a fraction of the time that the steps take.


def migrate(url: str) -> None:
    async def open_and_close() -> None:
        await (await Database.open(url, on_events=lambda events: None)).close()

    asyncio.run(open_and_close())


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "state.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_database(postgresql_server: PrivatePostgreSQL) -> str:
    url = postgresql_server.new_database()
    migrate(url)
    return url


@pytest.fixture
def migrated_postgresql_url(migrated_database: str) -> str:
    # Emptied, because making another one takes 0.3 s, and TRUNCATE 0.1 s.
    async def empty() -> None:
        connection = await asyncpg.connect(migrated_database)
        await connection.execute(";".join(f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)))
        await connection.close()

    asyncio.run(empty())
    return migrated_database


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_file: Path) -> str:
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path)}"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "migrated_postgresql_url")
    return url


@pytest.fixture
def events() -> list[object]:
    """What the database told its listener, in order."""
    return []


@pytest.fixture
async def database(store_url: str, events: list[object]) -> AsyncIterator[Database]:
    opened = await Database.open(store_url, on_events=events.extend)
    yield opened
    await opened.close()


@pytest.fixture
async def tenants(database: Database) -> None:
    """Two accounts of the same shape: whatever one test does to ``a1``, ``a2`` must not notice."""

    def add(unit):
        add_tenant(unit, "a1")
        add_tenant(unit, "a2")

    await database.write(add)
