"""A SQLite file brought to the schema of this release, with a copy taken before."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from cloudstead.storage.sql.errors import StoreNotUsable
from cloudstead.storage.sql.migrations import VERSION_QUERY
from cloudstead.storage.sql.schema import Schema

if TYPE_CHECKING:
    from pathlib import Path

    from cloudstead.storage.sql.migrations import Migrations


def migrate_file(path: Path, migrations: Migrations) -> Schema:
    """Run the missing steps on the file, made when it is not there.

    A file that holds anything is copied to ``<name>.before-<version>`` first.
    """
    with closing(_open(path)) as connection:
        try:
            version = _version(connection)
        except sqlite3.DatabaseError as error:
            raise StoreNotUsable(str(path), f"this is no store of ours ({error}), name another file") from error
        if not migrations.are_pending(version):
            return Schema(migrations.head)
        copy = path.with_name(f"{path.name}.before-{migrations.head}")
        if version is not None:
            _copy(connection, copy)
        connection.execute("PRAGMA journal_mode=WAL")
        _run(connection, migrations)
        return Schema(migrations.head, version, None if version is None else copy.name)


def _open(path: Path) -> sqlite3.Connection:
    try:
        return sqlite3.connect(path, isolation_level=None)
    except sqlite3.OperationalError as error:
        raise StoreNotUsable(str(path), f"{error}: check that it is a file that we may write") from error


def _version(connection: sqlite3.Connection) -> str | None:
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "alembic_version" in tables:
        row: tuple[str] | None = connection.execute(VERSION_QUERY).fetchone()
        return None if row is None else row[0]
    if tables:
        raise sqlite3.DatabaseError("it holds tables of something else")
    return None


def _copy(connection: sqlite3.Connection, target: Path) -> None:
    # A copy is whole under its name or not there at all.
    unfinished = target.with_name(f"{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with closing(sqlite3.connect(unfinished)) as copy:
        connection.backup(copy)
    unfinished.replace(target)


def _run(connection: sqlite3.Connection, migrations: Migrations) -> None:
    from sqlalchemy import create_engine, event  # noqa: PLC0415 (most starts run no step)
    from sqlalchemy.pool import StaticPool  # noqa: PLC0415

    # Off, because a batch step rebuilds its table, and SQLite would then delete the rows that refer to the old one.
    connection.execute("PRAGMA foreign_keys=OFF")
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    # The driver begins no transaction before DDL by itself, so a failed step would stay half done.
    event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as begun:
        migrations.run(begun)
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise StoreNotUsable("The migrated store", f"rows refer to nothing in {sorted({row[0] for row in broken})}")
