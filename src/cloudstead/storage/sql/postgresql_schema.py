"""A PostgreSQL database brought to the schema of this release.

Its steps run in one transaction, so nothing stays half done; a backup is the business of whoever runs the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudstead.storage.sql.migrations import VERSION_QUERY
from cloudstead.storage.sql.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloudstead.storage.sql.migrations import Migrations

_LOCK: Final = 0x636C6F7564  # any number that nobody else takes: "cloud"


async def migrate_database(connect: Callable[[], Awaitable[Any]], migrations: Migrations) -> Schema:
    """Run the missing steps, one process at a time."""
    connection = await connect()
    try:
        known = await connection.fetchval("SELECT to_regclass('alembic_version')")
        version = None if known is None else await connection.fetchval(VERSION_QUERY)
    finally:
        await connection.close()
    if not migrations.are_pending(version):
        return Schema(migrations.head)
    await _run(connect, migrations)
    return Schema(migrations.head, version)


async def _run(connect: Callable[[], Awaitable[Any]], migrations: Migrations) -> None:
    from sqlalchemy import text  # noqa: PLC0415 (most starts run no step)
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.begin() as connection:
        # Whoever waited here finds the steps done and has none left to run.
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        await connection.run_sync(migrations.run)
    await engine.dispose()
