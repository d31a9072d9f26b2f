from dataclasses import replace

import pytest

from cloudstead.core.archive.model import ArchivedObject

pytestmark = pytest.mark.usefixtures("tenants")

FIRST = ArchivedObject(
    account_id="a1",
    first_offset=10,
    last_offset=20,
    key="2026/01/01/00/dev-firehose-1-x",
    count=9,
    left_out=2,
    size=2**40,
    first_ms=1_000,
    last_ms=2_000,
)
SECOND = replace(FIRST, first_offset=30, last_offset=40, key="second", last_ms=4_000)
FOREIGN = replace(FIRST, account_id="a2", first_offset=15, last_offset=45, last_ms=1_500)


async def put(database, *objects):
    await database.write(lambda unit: unit.archive.put(objects))


async def test_a_row_comes_back_as_it_was_put_and_is_replaced_by_its_like(database):
    await put(database, FIRST)
    await put(database, replace(FIRST, last_offset=25, count=14), SECOND)

    found = await database.read(lambda unit: unit.archive.span("a1", 0, 2**62, limit=10))
    assert list(found) == [replace(FIRST, last_offset=25, count=14), SECOND]


async def test_putting_and_removing_nothing_is_no_error(database):
    await put(database)
    await database.write(lambda unit: unit.archive.remove([]))


@pytest.mark.parametrize(
    ("account_id", "offset", "expected"),
    [
        ("a1", 9, None),
        ("a1", 10, FIRST),
        ("a1", 20, FIRST),
        ("a1", 21, None),
        ("a1", 40, SECOND),
        ("a1", 41, None),
        ("a2", 10, None),
        ("a2", 20, FOREIGN),
        ("nobody", 20, None),
    ],
)
async def test_an_offset_is_found_in_the_object_of_its_account(database, account_id, offset, expected):
    await put(database, FIRST, SECOND, FOREIGN)

    assert await database.read(lambda unit: unit.archive.holding(account_id, offset)) == expected


async def test_a_key_is_one_of_its_account(database):
    await put(database, FIRST, FOREIGN)

    assert await database.read(lambda unit: unit.archive.by_key("a2", FIRST.key)) == FOREIGN
    assert await database.read(lambda unit: unit.archive.by_key("a1", "second")) is None


async def test_a_span_takes_in_the_objects_that_it_only_touches(database):
    await put(database, FIRST, SECOND, FOREIGN)

    def spans(unit):
        return [
            [each.first_offset for each in unit.archive.span("a1", first, last, limit=limit)]
            for first, last, limit in ((20, 30, 9), (21, 29, 9), (0, 99, 1), (20, 20, 9), (41, 99, 9))
        ]

    assert await database.read(spans) == [[10, 30], [], [10], [10], []]


async def test_floors_are_those_of_accounts_beyond_an_offset(database):
    await put(database, FIRST, SECOND, FOREIGN)

    assert await database.read(lambda unit: unit.archive.floors(0)) == {"a1": 40, "a2": 45}
    assert await database.read(lambda unit: unit.archive.floors(40)) == {"a2": 45}
    assert await database.read(lambda unit: unit.archive.floors(45)) == {}


async def test_the_checkpoint_is_its_own_and_moves_with_its_transaction(database):
    await database.write(lambda unit: unit.shadows.set_checkpoint(99))
    assert await database.read(lambda unit: unit.archive.checkpoint()) == 0

    await database.write(lambda unit: unit.archive.set_checkpoint(2**40))

    assert await database.read(lambda unit: unit.archive.checkpoint()) == 2**40
    assert await database.read(lambda unit: unit.shadows.checkpoint()) == 99


async def test_what_is_old_goes_but_for_what_lies_beyond_the_checkpoint(database):
    await put(database, FIRST, SECOND, FOREIGN)
    await database.write(lambda unit: unit.archive.set_checkpoint(40))

    def remove(unit):
        old = unit.archive.older_than(3_000, limit=10)
        unit.archive.remove(old)
        return list(old)

    assert await database.write(remove) == [FIRST]
    assert list(await database.read(lambda unit: unit.archive.span("a1", 0, 99, limit=9))) == [SECOND]
    assert await database.read(lambda unit: unit.archive.by_key("a2", FIRST.key)) == FOREIGN
