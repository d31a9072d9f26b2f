"""What is special about a store in a file: who owns it, what is refused, what happens when the disk is full."""

import asyncio
import os
import sqlite3
import sys
from contextlib import closing

import pytest

from cloudstead.storage.sql import Database
from cloudstead.storage.sql.errors import SchemaTooNew, StoreInUse, StoreNotUsable, StoreWriteFailed
from cloudstead.storage.sql.migrations import HEAD
from factories.pause import Pause
from factories.rows import add_tenant, audit_entry, domain


def ignore(events):
    pass


async def in_one_group(database, *writes):
    """Ask for all writes while the writer is busy with another one, so that it commits them together."""
    pause = Pause(database)
    first = asyncio.ensure_future(database.write(lambda unit: pause.here()))
    await pause.reached()
    outcomes = asyncio.gather(*writes, return_exceptions=True)
    asyncio.get_running_loop().call_soon(pause.end)
    await first
    return await outcomes


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def url(path):
    return f"sqlite:///{path}"


async def test_a_file_that_is_not_there_is_made(path, url):
    database = await Database.open(url, on_events=ignore)
    await database.write(add_tenant)
    await database.close()

    again = await Database.open(url, on_events=ignore)
    assert (await again.read(lambda unit: unit.accounts.get("a1"))).name == "Account a1"
    await again.close()
    assert path.exists()


async def test_a_second_owner_is_told_who_the_first_one_is(url):
    database = await Database.open(url, on_events=ignore)

    with pytest.raises(StoreInUse) as caught:
        await Database.open(url, on_events=ignore)
    await database.close()

    assert caught.value.owner == str(os.getpid())
    assert f"process {os.getpid()}" in str(caught.value)
    await (await Database.open(url, on_events=ignore)).close()


async def test_a_file_owned_by_another_process_is_refused_until_that_one_dies(path, url):
    hold = (
        "import asyncio, sys\n"
        "from cloudstead.storage.sql import Database\n"
        "async def hold():\n"
        "    database = await Database.open(sys.argv[1], on_events=print)\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
        "asyncio.run(hold())\n"
    )
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", hold, url, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert await other.stdout.readline() == b"held\n"
    with pytest.raises(StoreInUse) as caught:
        await Database.open(url, on_events=ignore)
    other.kill()
    await other.communicate()

    assert caught.value.owner == str(other.pid)
    await (await Database.open(url, on_events=ignore)).close()


async def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StoreNotUsable, match="no/such"):
        await Database.open(f"sqlite:///{tmp_path}/no/such/state.db", on_events=ignore)


@pytest.mark.parametrize("content", [b"this is a letter to my aunt" * 50, b"SQLite format 3\x00" + b"\xff" * 4000])
async def test_a_file_that_is_no_store_is_left_alone_and_let_go_of(path, url, content):
    path.write_bytes(content)

    for _ in range(2):  # the second time it would be in use, had the first kept it
        with pytest.raises(StoreNotUsable, match=r"state\.db"):
            await Database.open(url, on_events=ignore)

    assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["state.db", "state.db.lock"])
async def test_a_folder_in_the_place_of_a_file_is_named(tmp_path, url, name):
    (tmp_path / name).mkdir()

    with pytest.raises(StoreNotUsable, match=name):
        await Database.open(url, on_events=ignore)


async def test_a_closed_store_is_one_whole_file(path, url):
    database = await Database.open(url, on_events=ignore)
    await database.write(add_tenant)
    await database.close()

    assert sorted(each.name for each in path.parent.iterdir()) == ["state.db", "state.db.lock"]


async def test_a_database_of_somebody_else_is_left_alone(path, url):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name)")

    with pytest.raises(StoreNotUsable, match="something else"):
        await Database.open(url, on_events=ignore)


async def test_a_newer_schema_is_refused_with_both_versions(path, url):
    await (await Database.open(url, on_events=ignore)).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(SchemaTooNew) as caught:
        await Database.open(url, on_events=ignore)

    assert (caught.value.found, caught.value.known) == ("9999", HEAD)


async def test_an_address_of_another_kind_is_refused():
    with pytest.raises(StoreNotUsable, match="mysql"):
        await Database.open("mysql://somewhere/else", on_events=ignore)


async def test_every_commit_is_synced(url):
    database = await Database.open(url, on_events=ignore)
    settings = {
        name: database._write_connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys")
    }
    await database.close()

    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


async def test_a_full_disk_fails_the_write_and_later_ones_work_again(url):
    events = []
    database = await Database.open(url, on_events=events.extend)
    await database.write(add_tenant)
    connection = database._write_connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count={pages + 2}")

    def fill(number):
        def work(unit):
            unit.audit.add(audit_entry(f"{number:04}", after={"long": "x" * 20_000}))
            unit.emit(number)

        return database.write(work)

    outcomes = await in_one_group(database, *(fill(number) for number in range(4)))
    connection.execute("PRAGMA max_page_count=100000")
    await fill(9)

    assert [type(outcome) for outcome in outcomes] == [StoreWriteFailed] * 4
    assert events == [9]
    await database.close()


async def test_a_commit_that_fails_undoes_the_group_and_every_tree_that_it_showed(url):
    database = await Database.open(url, on_events=ignore)
    await database.write(add_tenant)

    def add(name):
        def work(unit):
            unit.domains.add(domain(name, parent_id="root"))

        return database.write(work)

    def look(unit):
        return set(unit.domains.tree("a1").nodes)

    # A constraint that is checked at the commit only: nothing in our own schema can fail as late as that.
    def break_at_commit(unit):
        unit._transaction._connection.execute("PRAGMA defer_foreign_keys=ON")
        unit._transaction._connection.execute("INSERT INTO account_hosts VALUES ('x.example', 'nowhere')")

    outcomes = await in_one_group(database, add("one"), database.write(look), database.write(break_at_commit))
    await add("two")
    seen = await database.write(look)
    await database.close()

    assert [type(outcome) for outcome in outcomes] == [StoreWriteFailed] * 3
    assert seen == {"root", "two"}
