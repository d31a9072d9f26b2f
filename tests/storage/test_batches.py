from dataclasses import replace

import pytest

from cloudstead.core.batches.model import Batch, BatchError
from factories.rows import thing

pytestmark = pytest.mark.usefixtures("tenants")


def batch(batch_id="b1", **changes):
    made = Batch(
        id=batch_id,
        account_id="a1",
        key=f"batch-lamp-{batch_id}.zip",
        thing_type="lamp",
        domain_id="root",
        requested_size=10,
        concurrency=3,
        created_by="bob",
        principal="person:p1",
        person_id="p1",
        source_address="127.0.0.1",
        created_at_ms=7,
    )
    return replace(made, **changes)


async def test_a_batch_comes_back_as_it_was_added_and_as_it_was_replaced(database):
    first = batch()
    later = batch(
        current_size=10, errors=(BatchError(3, "Håndtak"),), finished_at_ms=9, size=100, etag="e", person_id=None
    )
    await database.write(lambda unit: unit.batches.add(first))
    assert await database.read(lambda unit: unit.batches.get("a1", "b1")) == first
    assert await database.read(lambda unit: unit.batches.get("a2", "b1")) is None

    await database.write(lambda unit: unit.batches.replace(replace(later, account_id="a2")))
    assert await database.read(lambda unit: unit.batches.get("a1", "b1")) == first
    await database.write(lambda unit: unit.batches.replace(later))
    assert await database.read(lambda unit: unit.batches.get("a1", "b1")) == later


async def test_the_things_of_a_batch_come_in_the_order_of_their_making_but_for_those_that_are_gone(database):
    def write(unit):
        unit.batches.add(batch())
        for uid in ("u3", "u1", "u2"):
            unit.things.add(thing(uid))
        unit.batches.add_things(batch(), ["u3", "u1"])
        unit.batches.add_things(batch(current_size=2), ["u2"])
        unit.things.remove("a1", "u1")

    await database.write(write)
    assert list(await database.read(lambda unit: unit.batches.things("a1", "b1"))) == ["u3", "u2"]
    assert list(await database.read(lambda unit: unit.batches.things("a2", "b1"))) == []


async def test_only_batches_that_are_not_finished_are_counted(database):
    def write(unit):
        unit.batches.add(batch("b1"))
        unit.batches.add(batch("b2", finished_at_ms=9))
        unit.batches.add(batch("b3", account_id="a2"))

    await database.write(write)
    assert await database.read(lambda unit: unit.batches.count_unfinished("a1")) == 1


async def test_batches_are_listed_by_key_within_prefix_and_domains(database):
    def write(unit):
        for batch_id, domain_id in (("b3", "root"), ("b1", "north"), ("b2", "root")):
            unit.batches.add(batch(batch_id, domain_id=domain_id))
        unit.batches.add(batch("c1", key="batch-other-1.zip"))
        unit.batches.add(batch("b4", account_id="a2"))

    await database.write(write)

    async def listed(prefix="", domain_ids=None, limit=10):
        found = await database.read(
            lambda unit: unit.batches.first_by_key("a1", prefix=prefix, domain_ids=domain_ids, limit=limit)
        )
        return [each.id for each in found]

    assert await listed() == ["b1", "b2", "b3", "c1"]
    assert await listed(limit=2) == ["b1", "b2"]
    assert await listed(prefix="batch-lamp-") == ["b1", "b2", "b3"]
    assert await listed(domain_ids={"root"}, prefix="batch-lamp") == ["b2", "b3"]
    assert await listed(domain_ids=set()) == []
