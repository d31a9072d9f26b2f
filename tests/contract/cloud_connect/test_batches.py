"""ThingBatchLambda."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudstead.core.batches.model import BatchError
from factories.contract import require_output
from factories.coverage import covers

WANTED = {"thingType": "type-north", "domain": "north", "requestedSize": 5}


async def ask(world, caller=None, **changes):
    fields = {**WANTED, **changes}
    return await world.call("ThingBatchLambda.CREATE", caller or world.writer, **fields)


async def listed(world, caller=None, *, narrowed=None, **attributes):
    payload = {"action": "LIST", "attributes": {"bucketName": "ThingCertsBucket", **attributes}}
    if narrowed is not None:
        payload["filter"] = narrowed
    return await world.invoke("ThingBatchLambda.LIST", payload, caller=caller or world.reader)


async def change(world, batch_id, **changes):
    def write(unit):
        unit.batches.replace(replace(unit.batches.get(world.tenant.account.id, batch_id), **changes))

    await world.tenant.database.write(write)


@covers("ThingBatchLambda.CREATE", "success")
@pytest.mark.parametrize("size", [1, 1000, "7", 7.0])
async def test_a_batch_is_known_by_its_id(world, size):
    answer = (await ask(world, requestedSize=size, concurrency=5)).ok()
    require_output("ThingBatchLambda.CREATE", answer)
    assert list(answer) == ["batchId"]


@covers("ThingBatchLambda.LIST", "success")
async def test_a_batch_that_is_under_way_shows_how_far_it_is(world):
    batch_id = (await ask(world)).ok()["batchId"]
    await change(world, batch_id, current_size=2)
    answer = (await listed(world)).ok()
    require_output("ThingBatchLambda.LIST", answer)
    (file,) = answer["files"]
    assert file["batchId"] == batch_id
    assert (file["currentSize"], file["requestedSize"], file["concurrency"]) == (2, 5, 3)
    assert file["attributes"] == {"thingType": "type-north", "domain": "north"}
    assert file["createdBy"] == "bob"
    assert file["errors"] == []
    assert not {"url", "finishedAt"} & set(file)
    assert file["Key"].startswith(f"batch-type-north-{file['createdAt']}-")


async def test_a_batch_that_has_ended_well_shows_where_its_archive_is(world):
    batch_id = (await ask(world)).ok()["batchId"]
    await change(world, batch_id, current_size=5, finished_at_ms=1_500_000_000_000, size=9, etag="abc")
    (file,) = (await listed(world)).ok()["files"]
    assert (file["finishedAt"], file["Size"], file["ETag"]) == (1_500_000_000_000, 9, '"abc"')
    assert file["LastModified"] == "2017-07-14T02:40:00.000Z"
    assert file["url"].startswith("https://cloud.example/files/")
    assert file["Key"] in file["url"]


async def test_a_batch_that_has_failed_shows_why_and_has_no_archive(world):
    batch_id = (await ask(world)).ok()["batchId"]
    await change(world, batch_id, current_size=3, finished_at_ms=1, errors=(BatchError(4, "no more"),))
    (file,) = (await listed(world)).ok()["files"]
    assert file["errors"] == [{"number": 4, "message": "no more"}]
    assert "url" not in file


async def test_batches_are_narrowed_by_the_filter_beside_the_attributes(world):
    north = (await ask(world)).ok()["batchId"]
    fjord = (await ask(world, domain="fjord")).ok()["batchId"]

    async def found(**narrowed):
        return {file["batchId"] for file in (await listed(world, narrowed=narrowed)).ok()["files"]}

    assert await found() == {north, fjord}
    assert await found(domains=["fjord"]) == {fjord}
    assert await found(thingTypes=["type-north"], freeTexts=["NORTH", "bob"]) == {north, fjord}
    assert await found(thingTypes=["other"]) == set()


async def test_a_batch_outside_of_the_subtree_is_not_listed(world):
    (await ask(world, world.administrator, thingType="type-root", domain="south")).ok()
    assert (await listed(world)).ok()["files"] == []
    assert len((await listed(world, world.administrator)).ok()["files"]) == 1


async def test_a_list_that_is_cut_says_so_and_echoes_what_was_asked(world):
    for _ in range(2):
        (await ask(world)).ok()
    answer = (await listed(world, maxKeys=1, prefix="batch-type-north-", marker="x")).ok()
    assert (answer["isTruncated"], answer["maxKeys"], len(answer["files"])) == (True, 1, 1)
    assert (answer["prefix"], answer["marker"]) == ("batch-type-north-", "x")


@pytest.mark.parametrize("size", [True, [], {}, "many", 1.5])
async def test_a_size_that_is_no_number_is_told(world, size):
    assert (await ask(world, requestedSize=size)).told == ("PROPERTY_NOT_A_NUMBER", "requestedSize")


@pytest.mark.parametrize("size", [0, -5, 1001, "1001", 10**30])
async def test_a_size_out_of_range_is_told_with_the_range(world, size):
    answer = await ask(world, requestedSize=size)
    assert answer.told == ("PROPERTY_NOT_IN_RANGE", "requestedSize")
    assert answer.error["messageParams"] == {"min": 1, "max": 1000}


@pytest.mark.parametrize(("name", "value"), [("concurrency", 0), ("concurrency", 101)])
async def test_a_concurrency_out_of_range_is_told(world, name, value):
    assert (await ask(world, **{name: value})).told == ("PROPERTY_NOT_IN_RANGE", name)


async def test_a_batch_at_a_foreign_domain_is_refused(world):
    assert (await ask(world, domain="south", thingType="type-root")).told == ("NOT_AUTHORIZED_DOMAIN", "domain")
    assert (await ask(world, domain="nowhere")).told == ("DOMAIN_NO_FOUND", "domain")
    assert (await ask(world, thingType="nothing")).told == ("THING_TYPE_NOT_FOUND", "thingType")


async def test_batches_are_in_their_bucket_only(world):
    assert (await listed(world, bucketName="PublicBucket")).told == ("INVALID_ARGUMENTS", "bucketName")
    assert (await listed(world, bucketName=None)).told == ("PROPERTY_REQUIRED", "bucketName")
    assert (await listed(world, maxKeys=0)).told == ("PROPERTY_NOT_IN_RANGE", "maxKeys")
    assert (await listed(world, maxKeys="x")).told == ("PROPERTY_NOT_A_NUMBER", "maxKeys")
