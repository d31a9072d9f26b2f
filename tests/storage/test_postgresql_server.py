"""What is special about a store that several processes share, and about a server that may go away."""

import asyncio

import asyncpg
import pytest

from cloudstead.storage.sql import Database
from cloudstead.storage.sql.errors import StoreUnreachable
from factories.pause import Pause
from factories.postgres import private_postgresql
from factories.rows import add_tenant, domain, shadow, thing


@pytest.fixture
async def two_processes(migrated_postgresql_url):
    """Two stores on one database, as two processes have them: they share nothing but the server."""
    told = []
    first = await Database.open(migrated_postgresql_url, on_events=told.extend)
    second = await Database.open(migrated_postgresql_url, on_events=told.extend)
    await first.write(add_tenant)
    yield first, second, told
    await first.close()
    await second.close()


async def test_a_tree_changed_by_one_process_is_seen_by_the_other(two_processes):
    first, second, _ = two_processes
    before = await second.read(lambda unit: unit.domains.tree("a1"))
    await first.write(lambda unit: unit.domains.add(domain("sub", parent_id="root")))
    after = await second.read(lambda unit: unit.domains.tree("a1"))

    assert before.get("sub") is None
    assert after.get("sub") == domain("sub", parent_id="root")


async def test_the_server_looks_at_its_tables_after_a_thousand_writes(migrated_postgresql_url):
    database = await Database.open(migrated_postgresql_url, on_events=lambda _: None)
    await database.write(add_tenant)
    rows = "SELECT reltuples FROM pg_class WHERE oid = 'domains'::regclass"
    connection = await asyncpg.connect(migrated_postgresql_url)
    before = await connection.fetchval(rows)
    for _ in range(999):
        await database.write(lambda unit: unit.accounts.next_number("a1", "x"))
    await database.close()
    after = await connection.fetchval(rows)
    await connection.close()

    assert (before <= 0, after) == (True, 1)


async def test_processes_that_fight_over_one_row_all_get_their_turn(two_processes):
    first, second, told = two_processes

    def count(unit):
        number = unit.accounts.next_number("a1", "x")
        unit.emit(number)
        return number

    numbers = await asyncio.gather(*(each.write(count) for _ in range(30) for each in (first, second)))

    assert sorted(numbers) == list(range(1, 61))
    assert sorted(told) == list(range(1, 61))  # a unit that was run again told its events once


async def test_of_a_name_wanted_in_two_processes_one_gets_it(two_processes):
    def take(database, uid):
        return database.write(lambda unit: unit.things.add(thing(uid, name="lamp")))

    first, second, _ = two_processes
    outcomes = await asyncio.gather(
        *(take(database, f"{n}{number}") for n, database in enumerate((first, second)) for number in range(6)),
        return_exceptions=True,
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType"] + ["ThingNameTaken"] * 11


async def test_a_domain_is_not_removed_under_a_thing_that_another_process_adds(two_processes):
    first, second, _ = two_processes
    await first.write(lambda unit: unit.domains.add(domain("sub", parent_id="root")))

    def add(unit):
        if unit.domains.tree("a1").get("sub") is not None:
            unit.things.add(thing(domain_id="sub"))
            return True
        return False

    def remove(unit):
        if not unit.things.any_at("a1", ["sub"]):
            unit.domains.remove("a1", ["sub"])
            return True
        return False

    outcomes = await asyncio.gather(first.write(add), second.write(remove))

    assert sorted(outcomes) == [False, True]


async def test_a_shadow_is_passed_over_when_another_process_removes_its_thing_meanwhile(two_processes):
    first, second, _ = two_processes
    pause = Pause(first)

    def add(unit):
        unit.things.add(thing("u1"))
        unit.things.add(thing("u2"))

    def save(unit):
        found = unit.things.by_uids(["u1", "u2"])
        pause.here()
        unit.shadows.save([shadow("u1"), shadow("u2")])
        return len(found)

    await first.write(add)
    saving = asyncio.ensure_future(first.write(save))
    await pause.reached()
    await second.write(lambda unit: unit.things.remove("a1", "u1"))
    pause.end()

    assert await saving == 1  # it gave way and looked again
    assert [each.thing_uid for each in await second.read(lambda unit: unit.shadows.load(["u1", "u2"]))] == ["u2"]


async def test_a_server_that_stops_is_told_and_found_again_when_it_is_back():
    with private_postgresql(durable=True) as server:
        database = await Database.open(server.new_database(), on_events=lambda events: None)
        await database.write(add_tenant)
        server.stop()
        for ask in (database.read, database.write):
            with pytest.raises(StoreUnreachable):
                await ask(lambda unit: unit.accounts.get("a1"))
        server.start()

        assert (await database.read(lambda unit: unit.accounts.get("a1"))).id == "a1"
        await database.close()
