"""What ``Database`` promises about transactions, whatever the engine."""

import asyncio

import pytest
from sqlalchemy.util import await_only

from cloudstead.core.things.errors import ThingNameTaken
from cloudstead.storage.sql import Database
from cloudstead.storage.sql.errors import StoreClosed
from cloudstead.storage.sql.sqlite_database import SQLiteDatabase
from factories.pause import Pause
from factories.rows import account, domain, person, thing, thing_type

pytestmark = pytest.mark.usefixtures("tenants")


async def test_an_exception_undoes_all_of_a_unit_and_comes_out_as_it_was(database):
    class Refused(Exception):
        pass

    def fail(unit):
        unit.things.add(thing("u1"))
        unit.accounts.next_number("a1", "x")
        raise Refused

    with pytest.raises(Refused):
        await database.write(fail)

    assert await database.read(lambda unit: unit.things.get("a1", "u1-name")) is None
    assert await database.write(lambda unit: unit.accounts.next_number("a1", "x")) == 1


async def test_a_failing_unit_takes_none_of_those_beside_it_along(database):
    def add(number):
        def work(unit):
            unit.things.add(thing(f"u{number}"))
            if number % 3 == 0:
                raise LookupError(number)
            return number

        return database.write(work)

    outcomes = await asyncio.gather(*(add(number) for number in range(60)), return_exceptions=True)

    kept = [number for number in range(60) if number % 3]
    assert [outcome for outcome in outcomes if isinstance(outcome, int)] == kept
    assert [outcome.args[0] for outcome in outcomes if isinstance(outcome, LookupError)] == list(range(0, 60, 3))
    names = await database.read(lambda unit: unit.things.names("a1", ["root"], limit=99))
    assert sorted(names) == sorted(f"u{number}-name" for number in kept)


async def test_a_refused_statement_leaves_the_units_behind_it_whole(database):
    foreign = database.write(lambda unit: unit.things.add(thing("u1", domain_id="nowhere")))
    others = [database.write(lambda unit, n=n: unit.things.add(thing(f"v{n}"))) for n in range(5)]

    refused, *added = await asyncio.gather(foreign, *others, return_exceptions=True)

    assert isinstance(refused, Exception)
    assert added == [None] * 5
    assert len(await database.read(lambda unit: unit.things.names("a1", ["root"], limit=99))) == 5


async def test_a_read_cannot_write(database):
    with pytest.raises(Exception, match=r"(?i)read-?only"):
        await database.read(lambda unit: unit.things.add(thing()))
    with pytest.raises(Exception, match=r"(?i)read-?only"):
        await database.scan(lambda unit: unit.things.add(thing()))

    assert await database.read(lambda unit: unit.things.get("a1", "u1-name")) is None


async def test_an_exception_in_a_read_leaves_the_next_read_alone(database):
    with pytest.raises(ZeroDivisionError):
        await database.read(lambda unit: unit.accounts.get("a1") and 1 / 0)

    assert await database.read(lambda unit: unit.accounts.get("a1")) == account()


async def test_a_scan_sees_one_moment_while_writes_go_on(database):
    pause = Pause(database)

    def look_twice(unit):
        before = unit.things.get("a1", "u1-name")
        pause.here()
        return before, unit.things.get("a1", "u1-name"), unit.things.any_at("a1", ["root"])

    scan = asyncio.ensure_future(database.scan(look_twice))
    await pause.reached()
    await database.write(lambda unit: unit.things.add(thing()))
    seen_beside = await database.read(lambda unit: unit.things.get("a1", "u1-name"))
    pause.end()

    assert seen_beside == thing()
    assert await scan == (None, None, False)


async def test_what_a_unit_writes_is_seen_by_nobody_before_it_is_committed(database):
    pause = Pause(database)

    def add(unit):
        unit.things.add(thing())
        pause.here()

    writing = asyncio.ensure_future(database.write(add))
    await pause.reached()
    seen = await database.read(lambda unit: unit.things.get("a1", "u1-name"))
    pause.end()
    await writing

    assert seen is None
    assert await database.read(lambda unit: unit.things.get("a1", "u1-name")) == thing()


async def test_events_are_told_after_the_commit_and_before_the_result(database, events):
    def work(unit):
        unit.emit("first")
        unit.emit("second")
        return list(events)

    assert await database.write(work) == []
    assert events == ["first", "second"]


async def test_events_of_units_that_failed_or_only_read_are_never_told(database, events):
    def fail(unit):
        unit.emit("undone")
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(fail)
    await database.read(lambda unit: unit.emit("of a read"))

    assert events == []


async def test_events_of_units_side_by_side_are_told_once_each(database, events):
    def count(unit):
        unit.emit(unit.accounts.next_number("a1", "x"))

    await asyncio.gather(*(database.write(count) for _ in range(40)))

    assert sorted(events) == list(range(1, 41))


async def test_what_was_read_before_a_write_still_holds_when_it_is_written(database):
    def count_up(unit):
        found = unit.thing_types.get("a1", "t1")
        unit.thing_types.replace(thing_type(data={"n": (found.data or {"n": 0})["n"] + 1}))

    await asyncio.gather(*(database.write(count_up) for _ in range(30)))

    assert (await database.read(lambda unit: unit.thing_types.get("a1", "t1"))).data == {"n": 30}


async def test_two_units_that_decide_on_what_the_other_changes_do_not_both_succeed(database):
    """The invariant lies in no single row: one of the two has to stay enabled."""

    def add(unit):
        unit.people.add(person("p1"))
        unit.people.add(person("p2"))

    await database.write(add)
    both_have_read = asyncio.Event()
    readers = []

    def disable(person_id, other_id):
        def work(unit):
            is_other_enabled = unit.people.get(other_id).is_enabled
            readers.append(person_id)
            if not isinstance(database, SQLiteDatabase) and len(readers) <= 2:
                if len(readers) == 2:
                    both_have_read.set()
                await_only(both_have_read.wait())
            if is_other_enabled:
                unit.people.replace(person(person_id, is_enabled=False))

        return database.write(work)

    await asyncio.gather(disable("p1", "p2"), disable("p2", "p1"))

    enabled = await database.read(lambda unit: [unit.people.get(each).is_enabled for each in ("p1", "p2")])
    assert sorted(enabled) == [False, True]


async def test_of_many_who_want_a_name_at_once_one_gets_it(database):
    def take(number):
        return database.write(lambda unit: unit.things.add(thing(f"u{number}", name="lamp")))

    outcomes = await asyncio.gather(*(take(number) for number in range(12)), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType"] + ["ThingNameTaken"] * 11


async def test_a_taken_name_leaves_the_unit_usable(database):
    def work(unit):
        unit.things.add(thing("u1", name="lamp"))
        with pytest.raises(ThingNameTaken):
            unit.things.add(thing("u2", name="lamp"))
        unit.things.add(thing("u2", name="lamp-2"))

    await database.write(work)

    assert list(await database.read(lambda unit: unit.things.names("a1", ["root"], limit=9))) == ["lamp", "lamp-2"]


async def test_a_cancelled_caller_does_not_undo_the_write_nor_lose_its_events(database, events):
    pause = Pause(database)

    def work(unit):
        unit.things.add(thing())
        unit.emit("added")
        pause.here()

    writing = asyncio.ensure_future(database.write(work))
    await pause.reached()
    writing.cancel()
    pause.end()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await database.write(lambda unit: unit.emit("later"))

    assert await database.read(lambda unit: unit.things.get("a1", "u1-name")) == thing()
    assert sorted(events) == ["added", "later"]


async def test_closing_finishes_the_writes_under_way(store_url, database):
    await database.close()
    second = await Database.open(store_url, on_events=lambda events: None)
    writes = [asyncio.ensure_future(second.write(lambda unit, n=n: unit.things.add(thing(f"u{n}")))) for n in range(20)]
    await asyncio.sleep(0)  # let them be asked for
    await second.close()
    await asyncio.gather(*writes)

    third = await Database.open(store_url, on_events=lambda events: None)
    assert len(await third.read(lambda unit: unit.things.names("a1", ["root"], limit=99))) == 20
    await third.close()


async def test_a_closed_store_refuses(database):
    await database.close()

    for ask in (database.read, database.scan, database.write):
        with pytest.raises(StoreClosed):
            await ask(lambda unit: unit.accounts.get("a1"))
    with pytest.raises(StoreClosed):
        await database.health()
    await database.close()  # once more is no error


async def test_a_store_says_that_it_is_well_and_which_schema_it_has(database):
    await database.health()

    assert database.schema.version.isdigit()


async def test_a_tree_that_another_unit_of_the_same_group_changed_is_right(database):
    def add(number):
        def work(unit):
            unit.domains.add(domain(f"d{number}", parent_id="root"))
            return len(unit.domains.tree("a1").nodes)

        return database.write(work)

    def look(unit):
        return len(unit.domains.tree("a1").nodes)

    sizes = await asyncio.gather(*(call for n in range(10) for call in (add(n), database.write(look))))

    assert await database.read(look) == 11
    assert sorted(sizes[::2]) == list(range(2, 12))
