"""Single-use links on both engines."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from cloudstead.core.people.links import Link, LinkState, Purpose
from factories.rows import membership, person

LINK = Link(
    id="l1",
    account_id="a1",
    person_id="p1",
    purpose=Purpose.CONFIRM,
    secret_hash=bytes(range(32)),
    email="p1@cloud.example",
    state=LinkState.FRESH,
    created_at_ms=100,
    expires_at_ms=1000,
)


@pytest.fixture
async def people(database, tenants):
    def add(unit):
        for person_id in ("p1", "p2"):
            unit.people.add(person(person_id))
            unit.people.put_membership(membership(person_id))

    await database.write(add)


@pytest.fixture
def add(database, people):
    async def add(*links):
        await database.write(lambda unit: [unit.links.add(each) for each in links])

    return add


@pytest.fixture
def state_of(database):
    async def state_of(link_id):
        return (await database.read(lambda unit: unit.links.get(link_id))).state

    return state_of


async def test_a_link_is_read_as_it_was_written(database, add):
    await add(LINK)
    assert await database.read(lambda unit: unit.links.get("l1")) == LINK
    assert await database.read(lambda unit: unit.links.get("l2")) is None


async def test_of_many_uses_at_the_same_time_one_wins(database, add, state_of):
    await add(LINK)
    won = await asyncio.gather(*(database.write(lambda unit: unit.links.use("l1")) for _ in range(8)))
    assert sorted(won) == [False] * 7 + [True]
    assert await state_of("l1") is LinkState.USED


async def test_only_the_fresh_links_of_one_person_and_purpose_end(database, add, state_of):
    await add(
        LINK,
        replace(LINK, id="l2", purpose=Purpose.SET_PASSWORD),
        replace(LINK, id="l3", person_id="p2"),
        replace(LINK, id="l4", state=LinkState.USED),
    )
    await database.write(lambda unit: unit.links.end("p1", [Purpose.CONFIRM], LinkState.REPLACED))
    states = [await state_of(each) for each in ("l1", "l2", "l3", "l4")]
    assert states == [LinkState.REPLACED, LinkState.FRESH, LinkState.FRESH, LinkState.USED]


async def test_links_are_counted_by_person_and_by_address_since_a_time(database, add):
    await add(
        LINK,
        replace(LINK, id="l2", created_at_ms=200),
        replace(LINK, id="l3", created_at_ms=300, person_id="p2"),
        replace(LINK, id="l4", created_at_ms=300, email="other@cloud.example"),
    )

    def counts(unit):
        return (
            unit.links.count_to_person("p1", 100),
            unit.links.count_to_person("p1", 0),
            unit.links.count_to_address("p1@cloud.example", 100),
            unit.links.count_to_address("nobody@cloud.example", 0),
        )

    assert await database.read(counts) == (2, 3, 2, 0)


async def test_links_go_with_their_person_and_after_their_time(database, add):
    await add(LINK, replace(LINK, id="l2", person_id="p2", expires_at_ms=500), replace(LINK, id="l3", person_id="p2"))
    assert await database.write(lambda unit: unit.links.drop_expired(1000)) == 1
    await database.write(lambda unit: unit.people.remove(["p1"]))
    found = await database.read(lambda unit: [unit.links.get(each) is None for each in ("l1", "l2", "l3")])
    assert found == [True, True, False]
