"""Links to files: fetched with nothing else, for a while, and harmless where they are shown."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from cloudstead.core.files.model import Bucket
from factories.s3 import URL, s3_world
from factories.tenants import tenant

__all__ = ["tenant"]


@pytest.fixture
def world(tenant):
    with ThreadPoolExecutor(max_workers=1) as threads:
        yield s3_world(tenant, threads)


async def link_to(world, key, bucket=Bucket.CERTIFICATES):
    await world.keep(bucket, key)
    return world.rooms.links.url(world.tenant.account.id, bucket, key).removeprefix(URL)


@pytest.mark.parametrize("key", ["batch-1.zip", "a b/c+d.zip", "ø/\N{GRINNING FACE}", "100%", "q?x=1&y"])
async def test_a_link_fetches_its_file_whatever_it_is_called(world, key):
    link = await link_to(world, key)

    got, head = await world.send("GET", link), await world.send("HEAD", link)

    assert (got.status, got.content) == (200, key.encode())
    assert (head.status, head.content, head.headers["content-length"]) == (200, b"", str(len(key.encode())))


async def test_what_a_link_fetches_is_saved_and_never_run(world):
    reply = await world.send("GET", await link_to(world, "page.html"))

    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.headers["content-disposition"] == "attachment; filename*=UTF-8''page.html"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert reply.headers["cache-control"].startswith("private")
    assert (await world.send("GET", await link_to(world, "batch.zip"))).headers["content-type"] == "application/zip"


async def test_a_part_of_a_file_is_fetched_by_its_range(world):
    link = await link_to(world, "0123456789")

    part = await world.send("GET", link, headers={"range": "bytes=2-4"})
    beyond = await world.send("GET", link, headers={"range": "bytes=10-"})

    assert (part.status, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert beyond.status == 416


async def test_a_link_that_was_changed_or_has_expired_is_refused(world):
    link = await link_to(world, "file")
    await link_to(world, "other")
    await link_to(world, "file", Bucket.PUBLIC)
    path, _, query = link.partition("?")
    expires, _, signature = query.partition("&")

    for spoilt in (
        path,
        f"{path}?{expires}",
        f"{path}?{signature}",
        f"{path}?expires=9999999999&{signature}",
        f"{path}?expires={'9' * 30}&{signature}",
        f"{path}?expires=-1&{signature}",
        f"{path}?{expires}&signature=%C3%A9",
        link.replace("/file?", "/other?"),
        link.replace("ThingCertsBucket", "PublicBucket"),
        link.replace("ThingCertsBucket", "NoBucket"),
        link.replace(world.tenant.account.id, "0" * 32),
        link.replace("/file?", "/..%2FThingCertsBucket%2Ffile?"),
    ):
        reply = await world.send("GET", spoilt)
        assert reply.status == 403, spoilt
        assert b"file" not in reply.content
    for method in ("PUT", "POST", "DELETE"):
        assert (await world.send(method, link)).status == 405
    world.tenant.clock.advance(timedelta(minutes=20))
    assert (await world.send("GET", link)).status == 403


async def test_the_file_behind_a_link_may_be_gone(world):
    link = await link_to(world, "file")
    await world.rooms.objects.delete(f"{world.tenant.account.id}/ThingCertsBucket/file")

    assert (await world.send("GET", link)).status == 404
