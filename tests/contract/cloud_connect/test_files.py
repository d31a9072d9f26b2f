"""FileLambda."""

from __future__ import annotations

import struct
import zlib
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from cloudstead.core.files.errors import LinkRefused, ObjectsUnavailable
from cloudstead.core.files.model import Bucket, object_path
from cloudstead.core.files.removals import IMAGE_REMOVAL
from cloudstead.core.jobs.model import Done
from cloudstead.core.paging import PageRequest
from factories.coverage import covers, covers_each
from factories.files import PUBLIC_URL, as_base64, picture

PUT, DELETE, LIST = "FileLambda.PUT_THING_IMAGE", "FileLambda.DELETE_THING_IMAGE", "FileLambda.LIST"
NORTH = {"thingId": "thing-north", "thingType": "type-north"}
SOUTH = {"thingId": "thing-south", "thingType": "type-south"}
ROOT = {"thingId": "thing-root", "thingType": "type-root"}
IMAGE = as_base64(picture())


async def put(world, caller=None, **attributes):
    return await world.call(PUT, caller or world.administrator, **{**NORTH, "encodedFile": IMAGE, **attributes})


async def listed(world, caller=None, **attributes):
    answer = await world.call(LIST, caller or world.administrator, **{"bucketName": "ThingFilesBucket", **attributes})
    return answer.ok()


def keys(page):
    return [each["Key"] for each in page["files"]]


async def keep(world, bucket, *names):
    for name in names:
        await world.rooms.objects.put(object_path(world.tenant.account.id, bucket, name), name.encode())


async def remove_leftovers(world):
    """Do the jobs that delete images, those that are not due yet as well."""
    account_id = world.tenant.account.id

    def read(unit):
        page = unit.jobs.page(account_id, PageRequest(limit=100), kind=IMAGE_REMOVAL)
        return [unit.jobs.get(account_id, job.id) for job in page.items]

    for job in await world.tenant.database.read(read):
        assert isinstance(await world.rooms.remover.perform(job), Done)


async def audited(world, operation):
    entries = await world.tenant.database.read(lambda unit: unit.audit.page(world.tenant.account.id, PageRequest()))
    return [entry for entry in entries.items if entry.operation == operation]


# PUT_THING_IMAGE


@covers(PUT, "success")
async def test_an_image_of_a_thing_can_be_put_listed_and_fetched_by_its_link(world):
    answer = (await put(world, world.writer)).ok()

    assert answer["attributes"]["successMessage"]
    page = await listed(world, world.reader)
    assert keys(page) == ["type-north/thing-north"]
    (shown,) = page["files"]
    link = urlsplit(shown["url"])
    asked = parse_qs(link.query)
    assert f"{link.scheme}://{link.netloc}" == PUBLIC_URL
    account_id, bucket, key = link.path.removeprefix("/files/").split("/", 2)
    file = await world.rooms.files.locate(account_id, Bucket(bucket), key)
    world.rooms.links.require(
        account_id, Bucket(bucket), key, expires_s=int(asked["expires"][0]), signature=asked["signature"][0]
    )
    pieces = [piece async for piece in world.rooms.files.read(file, start=0, end=file.size)]
    assert b"".join(pieces) == picture()


async def test_a_link_is_good_for_its_own_file_and_for_a_while_only(world):
    await put(world)
    (shown,) = (await listed(world))["files"]
    asked = parse_qs(urlsplit(shown["url"]).query)
    link = {"expires_s": int(asked["expires"][0]), "signature": asked["signature"][0]}
    account_id, key, require = world.tenant.account.id, shown["Key"], world.rooms.links.require

    require(account_id, Bucket.THING_FILES, key, **link)
    for wrong in (
        lambda: require(world.foreign.id, Bucket.THING_FILES, key, **link),
        lambda: require(account_id, Bucket.CERTIFICATES, key, **link),
        lambda: require(account_id, Bucket.THING_FILES, key + "x", **link),
        lambda: require(account_id, Bucket.THING_FILES, key, **{**link, "expires_s": link["expires_s"] + 1}),
        lambda: require(account_id, Bucket.THING_FILES, key, **{**link, "signature": "é"}),
    ):
        with pytest.raises(LinkRefused, match="not valid"):
            wrong()
    world.tenant.clock.advance(timedelta(minutes=20))
    with pytest.raises(LinkRefused, match="expired"):
        require(account_id, Bucket.THING_FILES, key, **link)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
@pytest.mark.parametrize("frames", [1, 3])
async def test_every_common_kind_of_picture_is_taken(world, kind, frames):
    content = picture(kind, frames=frames if kind in {"GIF", "WEBP"} else 1)

    (await put(world, encodedFile=as_base64(content))).ok()

    (shown,) = (await listed(world))["files"]
    assert shown["Size"] == len(content)


@pytest.mark.parametrize(
    "text",
    [
        f"data:image/jpeg;base64,{IMAGE}",
        f"data:image/png;charset=x;BASE64,{IMAGE}",
        f"data:;base64,{IMAGE}",
        f"  {IMAGE}\n",
        "\r\n".join(IMAGE[start : start + 76] for start in range(0, len(IMAGE), 76)),
        IMAGE.rstrip("="),
    ],
)
async def test_an_image_may_come_as_a_data_url_or_as_base64_of_any_layout(world, text):
    (await put(world, encodedFile=text)).ok()

    assert (await listed(world))["files"][0]["Size"] == len(picture())


async def test_a_type_may_be_spelt_as_in_the_table_and_come_as_a_number(world):
    (await world.call("ThingTypeLambda.CREATE", world.administrator, id="123", domain="root", label="n")).ok()
    (await world.call("ThingLambda.CREATE", world.administrator, thingName="7", thingType="123", domain="root")).ok()

    (await world.call(PUT, world.administrator, thingId=7, thingtype=123, encodedFile=IMAGE)).ok()

    assert keys(await listed(world)) == ["123/7"]


async def test_a_second_image_replaces_the_first(world):
    (await put(world)).ok()
    first = (await listed(world))["files"]
    (await put(world, encodedFile=as_base64(picture(size=(9, 9))))).ok()

    second = (await listed(world))["files"]
    assert [each["Key"] for each in second] == [each["Key"] for each in first]
    assert second[0]["ETag"] != first[0]["ETag"]


async def test_a_type_with_an_awkward_id_has_a_key_of_two_parts(world):
    for number, type_id in enumerate(("a/b", "..", "a%2Fb", "ø \N{GRINNING FACE}", "!")):
        ada = world.administrator
        (await world.call("ThingTypeLambda.CREATE", ada, id=type_id, domain="root", label="n")).ok()
        (await world.call("ThingLambda.CREATE", ada, thingName=f"t{number}", thingType=type_id, domain="root")).ok()
        (await put(world, thingId=f"t{number}", thingType=type_id)).ok()

    assert set(keys(await listed(world))) == {"a%2Fb/t0", "%2E%2E/t1", "a%252Fb/t2", "ø \N{GRINNING FACE}/t3", "!/t4"}


@covers(PUT, "refusal")
@pytest.mark.parametrize("label", [PUT, DELETE])
async def test_who_may_only_read_puts_and_deletes_no_image(world, label):
    for caller in (world.reader, world.pending, world.stranger, None):
        answer = await world.call(label, caller, **NORTH, encodedFile="no image")

        assert answer.told == ("NOT_AUTHORIZED", None)
        assert answer.error["messageParams"]["objectType"] == "File"


@covers_each([PUT, DELETE], "refusal")
@pytest.mark.parametrize("label", [PUT, DELETE])
@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        (SOUTH, ("NOT_AUTHORIZED_DOMAIN", None)),
        (ROOT, ("NOT_AUTHORIZED_DOMAIN", None)),
        ({**NORTH, "thingId": "nothing"}, ("THING_NOT_FOUND", "thingId")),
        ({**NORTH, "thingId": "../x\0"}, ("THING_NOT_FOUND", "thingId")),
        ({**NORTH, "thingType": "type-root"}, ("THING_NOT_FOUND", "thingId")),
    ],
)
async def test_an_image_belongs_to_a_thing_within_reach(world, label, attributes, told):
    answer = await world.call(label, world.writer, **attributes, encodedFile=IMAGE)

    assert answer.told == told
    assert keys(await listed(world)) == []


@covers_each([PUT, DELETE], "malformed")
@pytest.mark.parametrize("label", [PUT, DELETE])
@pytest.mark.parametrize("name", ["thingId", "thingType", "encodedFile"])
@pytest.mark.parametrize("value", ["", None])
async def test_an_image_needs_its_thing_and_its_content(world, label, name, value):
    attributes = {**NORTH, "encodedFile": IMAGE, name: value}
    if label == DELETE and name == "encodedFile":
        attributes = {"thingId": None, "thingType": "x"}
        name = "thingId"

    assert (await world.call(label, world.writer, **attributes)).told == ("PROPERTY_REQUIRED", name)


def damaged_png():
    content = bytearray(picture(size=(64, 64)))
    content[60:80] = bytes(20)
    return bytes(content)


def png_that_claims(width, height):
    """Return a picture of a few bytes that would fill the memory."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


NO_IMAGES = {
    "words": "no base64 at all!",
    "wrong padding": "A===A",
    "five characters": "AAAAA",
    "not ASCII": "é" * 8,
    "a data URL without base64": "data:image/svg+xml,<svg/>",
    "a data URL without data": "data:image/png;base64",
    "nothing behind the comma": "data:image/png;base64,",
    "a page": as_base64(b"<html><script>alert(1)</script></html>"),
    "a drawing with scripts": as_base64(b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'),
    "the beginning of a picture": as_base64(picture()[:8]),
    "half a PNG": as_base64(picture(size=(64, 64))[:90]),
    "half a JPEG": as_base64(picture("JPEG", size=(64, 64))[:300]),
    "half a GIF": as_base64(picture("GIF", size=(64, 64))[:30]),
    "half a WebP": as_base64(picture("WEBP", size=(64, 64))[:30]),
    "a damaged picture": as_base64(damaged_png()),
    "a page that begins as a picture": as_base64(b"GIF89a<script>alert(1)</script>"),
    "a bomb": as_base64(png_that_claims(50_000, 50_000)),
    "a larger bomb": as_base64(png_that_claims(2**31 - 1, 2**31 - 1)),
    "a bomb just over the bound": as_base64(png_that_claims(5001, 5000)),
    "a flood of frames": as_base64(picture("GIF", frames=501, size=(1, 1))),
    "a TIFF": as_base64(picture("TIFF")),
    "too many bytes": "A" * 5_700_000,
    "too many bytes of a picture": as_base64(picture() + bytes(4 * 1024 * 1024)),
}


@covers(PUT, "malformed")
@pytest.mark.parametrize("text", NO_IMAGES.values(), ids=NO_IMAGES)
async def test_what_is_no_picture_is_refused_before_it_is_kept(world, text):
    answer = await put(world, encodedFile=text)

    assert answer.told == ("INVALID_ARGUMENTS", "encodedFile")
    assert keys(await listed(world)) == []


async def test_the_content_is_looked_at_before_the_thing(world):
    answer = await put(world, world.writer, **SOUTH, encodedFile="AAAA")

    assert answer.told == ("INVALID_ARGUMENTS", "encodedFile")


@pytest.mark.parametrize("value", [7, ["x"], {"data": "x"}, True])
async def test_an_image_is_a_text(world, value):
    assert (await put(world, encodedFile=value)).told == ("INVALID_ARGUMENTS", "encodedFile")


async def test_putting_and_deleting_are_audited_without_the_content(world):
    await put(world, world.writer)
    await world.call(DELETE, world.writer, **NORTH)

    (entry,) = await audited(world, "thing.put-image")
    assert (entry.object_type, entry.object_id, entry.principal) == ("thing", "thing-north", world.writer.principal)
    assert entry.after["size"] == len(picture())
    (entry,) = await audited(world, "thing.delete-image")
    assert entry.before["size"] == len(picture())


# DELETE_THING_IMAGE


@covers(DELETE, "success")
async def test_a_deleted_image_is_gone_and_those_of_others_are_not(world):
    await put(world)
    await put(world, **SOUTH)

    answer = (await world.call(DELETE, world.writer, **NORTH)).ok()

    assert answer["attributes"]["successMessage"]
    assert keys(await listed(world)) == ["type-south/thing-south"]


async def test_deleting_where_there_is_no_image_is_no_error_and_no_change(world):
    (await world.call(DELETE, world.writer, **NORTH)).ok()

    assert await audited(world, "thing.delete-image") == []


async def test_an_image_goes_away_with_its_thing(world):
    await put(world)
    (await world.call("ThingLambda.REMOVE", world.administrator, thingName="thing-north")).ok()

    assert keys(await listed(world)) == []
    await remove_leftovers(world)
    assert await world.rooms.objects.list_after("", after="", limit=9) == []


async def test_a_new_thing_never_shows_the_image_of_an_earlier_one_of_its_name(world):
    await put(world)
    (left_over,) = await world.rooms.objects.list_after("", after="", limit=9)
    content = await world.rooms.objects.get(left_over.path)
    (await world.call("ThingLambda.REMOVE", world.administrator, thingName="thing-north")).ok()
    assert await world.rooms.objects.get(left_over.path) == content  # until the job is done
    (
        await world.call(
            "ThingLambda.CREATE",
            world.administrator,
            thingName="thing-north",
            thingType="type-north",
            domain="north",
        )
    ).ok()

    assert keys(await listed(world)) == []
    (await put(world)).ok()
    assert keys(await listed(world)) == ["type-north/thing-north"]
    await remove_leftovers(world)
    assert await world.rooms.objects.get(left_over.path) is None
    assert keys(await listed(world)) == ["type-north/thing-north"]


# LIST


@covers(LIST, "success")
async def test_a_list_looks_as_that_of_s3(world):
    await put(world)
    account = world.tenant.account

    page = await listed(world)

    (file,) = page.pop("files")
    full_name = f"prod-thingfilesbucket-{account.function_suffix}".lower()
    assert page == {"isTruncated": False, "name": full_name, "maxKeys": 1000}
    assert file.pop("url").startswith(f"{PUBLIC_URL}/files/{account.id}/ThingFilesBucket/type-north/thing-north?")
    assert datetime.fromisoformat(file.pop("LastModified")).utcoffset() == timedelta()
    etag = file.pop("ETag")
    assert etag == f'"{etag.strip(chr(34))}"'
    assert file == {
        "Key": "type-north/thing-north",
        "Size": len(picture()),
        "StorageClass": "STANDARD",
        "Owner": {"DisplayName": account.name, "ID": account.id},
    }


async def test_a_bucket_may_be_called_by_its_full_name(world):
    full_name = (await listed(world))["name"]

    assert (await listed(world, bucketName=full_name))["name"] == full_name


async def test_pages_follow_one_another_until_everything_was_listed(world):
    names = [f"2026/11/20/{hour:02}/file-{number}" for hour in range(3) for number in range(5)]
    await keep(world, "ObservationsBucket", *names)
    bucket = {"bucketName": "ObservationsBucket", "maxKeys": 4}

    found, marker = [], {}
    while True:
        page = await listed(world, **bucket, **marker)
        found.append(keys(page))
        assert page.get("marker") == marker.get("marker")
        assert page["maxKeys"] == 4
        if not page["isTruncated"]:
            break
        marker = {"marker": page["nextMarker"]}

    assert [len(each) for each in found] == [4, 4, 4, 3]
    assert [name for each in found for name in each] == names
    assert "nextMarker" not in page


async def test_a_prefix_narrows_the_list_and_is_told(world):
    await keep(world, "ObservationsBucket", "2026/11/19/a", "2026/11/20/a", "2026/11/20/b", "2027/a")

    page = await listed(world, bucketName="ObservationsBucket", prefix="2026/11/2")

    assert keys(page) == ["2026/11/20/a", "2026/11/20/b"]
    assert page["prefix"] == "2026/11/2"


@pytest.mark.parametrize(
    ("asked", "told", "given"), [(0, 0, 0), (1, 1, 1), (1000, 1000, 3), (1001, 1000, 3), (10**9, 1000, 3)]
)
async def test_no_more_than_a_thousand_are_given_at_once(world, asked, told, given):
    await keep(world, "PublicBucket", "a", "b", "c")

    page = await listed(world, bucketName="PublicBucket", maxKeys=asked)

    assert page["maxKeys"] == told
    assert len(page["files"]) == given
    assert page["isTruncated"] is (given == 1)


@pytest.mark.parametrize("marker", ["", "zzz", "../..", "a\0b", "\N{GRINNING FACE}" * 256, "%2e", "PublicBucket/", "/"])
@pytest.mark.parametrize("field", ["marker", "prefix"])
async def test_no_marker_and_no_prefix_leads_out_of_the_bucket(world, field, marker):
    await keep(world, "PublicBucket", "mine")
    await world.rooms.objects.put(object_path(world.foreign.id, "PublicBucket", "theirs"), b"")
    await keep(world, "ThingCertsBucket", "key.zip")

    page = await listed(world, bucketName="PublicBucket", **{field: marker})

    assert set(keys(page)) <= {"mine"}


@covers(LIST, "refusal")
async def test_who_has_no_role_lists_nothing(world):
    for caller in (world.pending, world.stranger, None):
        answer = await world.call(LIST, caller, bucketName="ThingFilesBucket")

        assert answer.told == ("NOT_AUTHORIZED", None)
        assert answer.error["messageParams"] == {"operation": "LIST", "objectType": "File"}


async def test_images_are_listed_to_those_within_whose_reach_the_thing_is(world):
    for attributes in (NORTH, SOUTH, ROOT):
        (await put(world, **attributes)).ok()

    assert keys(await listed(world, world.reader)) == ["type-north/thing-north"]
    assert keys(await listed(world, world.caller(("fjord", "Read")))) == []
    assert len(keys(await listed(world))) == 3


async def test_a_page_of_what_one_may_see_is_full_however_much_lies_between(world):
    for number in range(6):
        name = f"t{number}"
        domain = "north" if number % 3 == 2 else "south"
        ada = world.administrator
        (await world.call("ThingLambda.CREATE", ada, thingName=name, thingType="type-root", domain=domain)).ok()
        (await put(world, thingId=name, thingType="type-root")).ok()

    first = await listed(world, world.reader, maxKeys=1)
    second = await listed(world, world.reader, maxKeys=1, marker=first["nextMarker"])

    assert keys(first) == ["type-root/t2"]
    assert keys(second) == ["type-root/t5"]
    assert second["isTruncated"] is False


@pytest.mark.parametrize("bucket", ["ObservationsBucket", "ThingCertsBucket"])
async def test_what_concerns_the_whole_account_is_not_shown_to_those_who_see_a_part(world, bucket):
    await keep(world, bucket, "batch-1.zip")

    assert keys(await listed(world, world.reader, bucketName=bucket)) == []
    assert keys(await listed(world, world.caller(("root", "Read")), bucketName=bucket)) == ["batch-1.zip"]


async def test_certificates_are_not_shown_to_those_who_may_only_watch(world):
    await keep(world, "ThingCertsBucket", "batch-1.zip")

    answer = await world.call(LIST, world.caller(("root", "Watch")), bucketName="ThingCertsBucket")

    assert keys(answer.ok()) == []


@covers(LIST, "malformed")
@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({}, ("PROPERTY_REQUIRED", "bucketName")),
        ({"bucketName": None}, ("PROPERTY_REQUIRED", "bucketName")),
        ({"bucketName": ""}, ("PROPERTY_REQUIRED", "bucketName")),
        ({"bucketName": "NoBucket"}, ("INVALID_ARGUMENTS", "bucketName")),
        ({"bucketName": "../ThingFilesBucket"}, ("INVALID_ARGUMENTS", "bucketName")),
        ({"bucketName": ["ThingFilesBucket"]}, ("INVALID_ARGUMENTS", "bucketName")),
        ({"bucketName": "PublicBucket", "maxKeys": -1}, ("INVALID_ARGUMENTS", "maxKeys")),
        ({"bucketName": "PublicBucket", "maxKeys": "many"}, ("INVALID_ARGUMENTS", "maxKeys")),
        ({"bucketName": "PublicBucket", "maxKeys": 1.5}, ("INVALID_ARGUMENTS", "maxKeys")),
        ({"bucketName": "PublicBucket", "prefix": 7}, ("INVALID_ARGUMENTS", "prefix")),
        ({"bucketName": "PublicBucket", "prefix": "x" * 1025}, ("INVALID_ARGUMENTS", "prefix")),
        ({"bucketName": "PublicBucket", "marker": {}}, ("INVALID_ARGUMENTS", "marker")),
        ({"bucketName": "PublicBucket", "marker": "x" * 1025}, ("INVALID_ARGUMENTS", "marker")),
    ],
)
async def test_a_list_needs_a_bucket_and_sensible_bounds(world, attributes, told):
    assert (await world.call(LIST, world.reader, **attributes)).told == told


async def test_a_store_that_does_not_answer_is_an_error_without_a_key(world):
    async def nothing(*arguments, **options):
        raise ObjectsUnavailable

    world.rooms.objects.list_after = nothing

    answer = await world.call(LIST, world.reader, bucketName="PublicBucket")

    assert answer.told == (None, None)
    assert "cannot be reached" in answer.error["message"]
