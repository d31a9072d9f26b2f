"""The numbered steps: complete, repeatable, and never half done."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from dataclasses import fields

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from cloudstead.core.accounts.model import Account
from cloudstead.core.audit.model import AuditEntry
from cloudstead.core.credentials.model import Certificate, RefreshToken
from cloudstead.core.domains.model import Domain
from cloudstead.core.people.model import Person
from cloudstead.core.things.model import Thing
from cloudstead.core.thingtypes.model import ThingType
from cloudstead.storage.sql import Database, tables
from cloudstead.storage.sql.errors import SchemaTooNew, StoreNotUsable, StoreUnreachable
from cloudstead.storage.sql.migrations import FOLDER, HEAD, Migrations
from cloudstead.storage.sql.postgresql_database import PostgreSQLDatabase
from cloudstead.storage.sql.schema import Schema
from cloudstead.storage.sql.sqlite_database import SQLiteDatabase
from factories.rows import add_tenant, thing

NEXT = f"{int(HEAD) + 1:04}"
STEP = f"""
import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{HEAD}"


def upgrade():
    with op.batch_alter_table("things") as things:
        things.add_column(sa.Column("colour", sa.Text(), nullable=False, server_default="red"))
        things.alter_column("label", nullable=True)
"""


def ignore(events):
    pass


@pytest.fixture
def tomorrow(tmp_path):
    """The steps of today and one more, which rebuilds a table that others refer to."""

    def make(more=""):
        folder = tmp_path / "steps"
        shutil.copytree(FOLDER, folder)
        (folder / "versions" / f"{NEXT}_colour.py").write_text(STEP + more)
        return Migrations(folder, NEXT)

    return make


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
async def filled_path(path):
    database = await Database.open(f"sqlite:///{path}", on_events=ignore)

    def fill(unit):
        add_tenant(unit)
        unit.things.add(thing())
        unit.things.mark_for_index(["u1"])

    await database.write(fill)
    await database.close()
    return path


def things_in(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM things").fetchall()


def version_of(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchall()


def test_the_head_is_the_last_step():
    assert ScriptDirectory(str(FOLDER)).get_heads() == [HEAD]


async def test_the_steps_make_the_tables_of_today_on_sqlite(path, tmp_path):
    await (await Database.open(f"sqlite:///{path}", on_events=ignore)).close()
    ideal = create_engine(f"sqlite:///{tmp_path / 'ideal.db'}")
    tables.metadata.create_all(ideal)
    ideal.dispose()

    def schema_of(file):
        with closing(sqlite3.connect(file)) as connection:
            rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%'")
            # A table's lines may come in any order: alembic puts constraints behind columns of its own accord, and
            # SQLite quotes the name of a table that was rebuilt.
            return {
                name: sorted(line.strip(" \t,") for line in (sql or "").replace('"', "").splitlines())
                for name, sql in rows
            }

    assert schema_of(path) == schema_of(tmp_path / "ideal.db")


async def test_the_steps_make_the_tables_of_today_on_postgresql(postgresql_url):
    await (await Database.open(postgresql_url, on_events=ignore)).close()

    async def connect():
        return await asyncpg.connect(postgresql_url)

    def compare(connection):
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return compare_metadata(context, tables.metadata)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect)
    async with engine.connect() as connection:
        differences = await connection.run_sync(compare)
    await engine.dispose()

    assert differences == []


@pytest.mark.parametrize(
    ("model", "table"),
    [
        (Account, tables.accounts),
        (AuditEntry, tables.audit_entries),
        (Certificate, tables.certificates),
        (Domain, tables.domains),
        (Person, tables.people),
        (RefreshToken, tables.refresh_tokens),
        (Thing, tables.things),
        (ThingType, tables.thing_types),
    ],
)
def test_a_row_has_the_fields_of_its_model_in_their_order(model, table):
    columns = [column.name for column in table.c]

    assert sorted(columns) == sorted(each.name for each in fields(model))
    if model is not Account:  # its parent stands beside its name in the table
        assert columns == [each.name for each in fields(model)]


async def test_a_store_is_copied_before_its_steps_run(filled_path, tomorrow):
    before = things_in(filled_path)
    database = SQLiteDatabase(filled_path, on_events=ignore, migrations=tomorrow())
    await database.close()

    copy = filled_path.with_name(f"state.db.before-{NEXT}")
    assert database.schema == Schema(NEXT, came_from=HEAD, copied_to=copy.name)
    assert version_of(copy) == [(HEAD,)]
    assert things_in(copy) == before
    assert version_of(filled_path) == [(NEXT,)]


async def test_a_step_that_rebuilds_a_table_keeps_the_rows_that_refer_to_it(filled_path, tomorrow):
    database = SQLiteDatabase(filled_path, on_events=ignore)
    await database.write(lambda unit: unit.shadows.set_checkpoint(5))
    await database.close()
    with closing(sqlite3.connect(filled_path)) as connection, connection:
        connection.execute("INSERT INTO shadows VALUES ('u1', 'a1', 1, 1, 1, '{}', '{}', '{}', '{}')")

    database = SQLiteDatabase(filled_path, on_events=ignore, migrations=tomorrow())
    kept = await database.read(lambda unit: unit.shadows.load(["u1"]))
    await database.close()

    assert [each.thing_uid for each in kept] == ["u1"]
    assert [row[-1] for row in things_in(filled_path)] == ["red"]


async def test_nothing_is_copied_where_no_step_is_missing(filled_path):
    database = SQLiteDatabase(filled_path, on_events=ignore)
    await database.close()

    assert database.schema == Schema(HEAD)
    assert not list(filled_path.parent.glob("*.before-*"))


async def test_a_new_file_is_not_copied(path):
    database = SQLiteDatabase(path, on_events=ignore)
    await database.close()

    assert database.schema == Schema(HEAD)
    assert not list(path.parent.glob("*.before-*"))


async def test_a_failing_step_leaves_the_file_as_it_was(filled_path, tomorrow):
    before = things_in(filled_path)

    with pytest.raises(ZeroDivisionError):
        SQLiteDatabase(filled_path, on_events=ignore, migrations=tomorrow("    1 / 0\n"))

    assert version_of(filled_path) == [(HEAD,)]
    assert things_in(filled_path) == before
    await SQLiteDatabase(filled_path, on_events=ignore).close()


async def test_a_step_that_leaves_rows_without_what_they_refer_to_is_undone(filled_path, tomorrow):
    with pytest.raises(StoreNotUsable, match="things"):
        SQLiteDatabase(
            filled_path, on_events=ignore, migrations=tomorrow('    op.execute("DELETE FROM thing_types")\n')
        )

    assert version_of(filled_path) == [(HEAD,)]
    assert len(things_in(filled_path)) == 1


async def test_an_older_release_refuses_what_a_newer_one_wrote(filled_path, tomorrow):
    await SQLiteDatabase(filled_path, on_events=ignore, migrations=tomorrow()).close()

    with pytest.raises(SchemaTooNew, match=NEXT):
        SQLiteDatabase(filled_path, on_events=ignore)


async def test_processes_that_start_together_migrate_once(postgresql_url):
    opened = await asyncio.gather(*(Database.open(postgresql_url, on_events=ignore) for _ in range(4)))

    for database in opened:
        await database.health()
        await database.close()
    assert {database.schema.version for database in opened} == {HEAD}


async def test_a_failing_step_leaves_the_server_as_it_was(postgresql_url, tomorrow):
    await (await Database.open(postgresql_url, on_events=ignore)).close()

    with pytest.raises(ZeroDivisionError):
        await PostgreSQLDatabase.connect(postgresql_url, on_events=ignore, migrations=tomorrow("    1 / 0\n"))

    await (await Database.open(postgresql_url, on_events=ignore)).close()


async def test_a_running_process_survives_that_another_one_migrates(postgresql_url, tomorrow):
    old = await Database.open(postgresql_url, on_events=ignore)
    await old.write(add_tenant)
    await old.write(lambda unit: unit.things.add(thing()))
    new = await PostgreSQLDatabase.connect(postgresql_url, on_events=ignore, migrations=tomorrow())
    await new.close()

    await old.write(lambda unit: unit.things.replace(thing(label="still here")))
    assert (await old.read(lambda unit: unit.things.get("a1", "u1-name"))).label == "still here"
    await old.close()

    with pytest.raises(SchemaTooNew, match=NEXT):
        await Database.open(postgresql_url, on_events=ignore)


async def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path):
    with pytest.raises(StoreUnreachable) as caught:
        await Database.open(f"postgresql://ada:secret@/state?host={tmp_path}", on_events=ignore)

    assert "secret" not in str(caught.value)
    assert "/state" in str(caught.value)


async def test_a_database_that_is_not_there_is_named(postgresql_server):
    with pytest.raises(StoreUnreachable, match="nowhere"):
        await Database.open(postgresql_server.address("nowhere"), on_events=ignore)
