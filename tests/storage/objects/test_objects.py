"""What every store of objects does."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudstead.core.files.errors import ObjectsUnavailable
from cloudstead.core.files.paths import MAX_PATH_BYTES, is_storable
from cloudstead.storage.objects import BucketObjects, FolderObjects
from storage.objects.conftest import open_bucket

AWKWARD = (
    "a",
    "a/b",
    "a/b/c",
    "a-b",
    "a.b",
    "a.b/c",
    "a.object",
    "a.object/b.object",
    "a.more/b.more",
    "A/b",
    "...",
    ".hidden/.file",
    ".drafts/x",
    "%",
    "%2E%2E/%2F",
    "a b/c+d~e",
    "back\\slash",
    "?query#fragment*",
    "ø/\N{SNOWMAN}/\N{GRINNING FACE}",
    "e\N{COMBINING ACUTE ACCENT}",
    "\N{LATIN SMALL LETTER E WITH ACUTE}",
    "x" * 236,
    "x" * 237,
    "x" * 237 + "/below",
    "x" * 236 + "\N{GRINNING FACE}",
    "x" * 239 + "-",
    "x" * 500 + "/" + "y" * 400,
    "." * 255,
)
UNSTORABLE = ("", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\x00b", "a\nb", "\x7f", "\ud800")
SEGMENTS = st.text(st.sampled_from("ab.-%/ø\N{GRINNING FACE}") | st.characters(codec="utf-8"), min_size=1, max_size=300)
PATHS = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join).filter(is_storable)


async def read(objects, path, start, end):
    return b"".join([piece async for piece in objects.stream(path, start=start, end=end)])


async def listed(objects, prefix="", *, after="", limit=1000):
    return [entry.path for entry in await objects.list_after(prefix, after=after, limit=limit)]


async def test_what_was_put_can_be_read_whole_and_in_parts(objects):
    content = bytes(range(256)) * 4096

    entry = await objects.put("a/b", content)

    assert await objects.get("a/b") == content
    assert await read(objects, "a/b", 0, len(content)) == content
    assert await read(objects, "a/b", 255, 258) == b"\xff\x00\x01"
    assert await read(objects, "a/b", 5, 5) == b""
    assert entry == await objects.head("a/b")
    assert (entry.path, entry.size) == ("a/b", len(content))
    assert entry.modified_at.utcoffset().total_seconds() == 0
    assert '"' not in entry.etag


async def test_an_empty_object_is_an_object(objects):
    await objects.put("empty", b"")

    assert await objects.get("empty") == b""
    assert (await objects.head("empty")).size == 0
    assert await listed(objects) == ["empty"]


async def test_a_second_put_replaces_the_first_and_changes_the_etag(objects):
    first = await objects.put("a", b"one")
    second = await objects.put("a", b"two")

    assert await objects.get("a") == b"two"
    assert second.etag != first.etag
    assert await listed(objects) == ["a"]


async def test_what_is_not_there_is_none(objects):
    await objects.put("a/b", b"")

    for path in ("a", "a/b/c", "b", "A/b"):
        assert await objects.head(path) is None
        assert await objects.get(path) is None
        assert await read(objects, path, 0, 10) == b""


async def test_a_deleted_object_is_gone_and_its_neighbours_are_not(objects):
    for path in ("a", "a/b", "a/b/c"):
        await objects.put(path, b"")

    await objects.delete("a/b")
    await objects.delete("a/b")
    await objects.delete("nothing/here")

    assert await listed(objects) == ["a", "a/b/c"]
    assert await objects.get("a/b") is None


async def test_every_awkward_path_is_an_object_of_its_own(objects):
    for path in AWKWARD:
        await objects.put(path, path.encode())

    assert [await objects.get(path) for path in AWKWARD] == [path.encode() for path in AWKWARD]
    assert await listed(objects) == sorted(AWKWARD)


async def test_a_listing_goes_on_from_any_path_in_the_order_of_utf_8(objects):
    for path in AWKWARD:
        await objects.put(path, b"")
    expected = sorted(AWKWARD, key=str.encode)

    assert expected == sorted(AWKWARD)
    for position, path in enumerate(expected):
        assert await listed(objects, after=path, limit=3) == expected[position + 1 : position + 4]


@pytest.mark.parametrize(
    "prefix", ["a", "a/", "a.", "a/b", "a.object", "x", "x" * 237, "x" * 238, "", "%", "ø/", "none", "..", ".", "\x00"]
)
async def test_a_prefix_may_end_anywhere_in_a_path(objects, prefix):
    for path in AWKWARD:
        await objects.put(path, b"")
    expected = [path for path in sorted(AWKWARD) if path.startswith(prefix)]

    assert await listed(objects, prefix) == expected
    assert await listed(objects, prefix, limit=2) == expected[:2]
    assert await listed(objects, prefix, after=prefix + "0") == [path for path in expected if path > prefix + "0"]
    assert await listed(objects, prefix, after="\U0010ffff") == []


@pytest.mark.parametrize("path", UNSTORABLE)
async def test_a_path_that_no_object_can_have_is_refused_and_never_found(objects, path):
    with pytest.raises(ValueError, match="no object can have the path"):
        await objects.put(path, b"")

    assert await objects.head(path) is None
    assert await objects.get(path) is None
    assert await read(objects, path, 0, 1) == b""
    await objects.delete(path)
    assert await listed(objects) == []


async def test_a_path_has_a_longest_length(objects):
    longest = "/".join(["ø" * 119] * 4) + "ø" * 2

    await objects.put("x" * MAX_PATH_BYTES, b"")
    await objects.put(longest[: MAX_PATH_BYTES // 2], b"")

    with pytest.raises(ValueError, match="no object can have the path"):
        await objects.put("x" * MAX_PATH_BYTES + "x", b"")


async def test_many_at_once_do_not_disturb_one_another(objects):
    async def come_and_go(number):
        path = f"shared/{number % 3}/{number}"
        await objects.put(path, b"%d" % number)
        if number % 2:
            await objects.delete(path)

    await asyncio.gather(*map(come_and_go, range(24)))

    assert await listed(objects) == sorted(f"shared/{number % 3}/{number}" for number in range(0, 24, 2))


async def test_a_bucket_that_does_not_answer_is_told_in_our_own_words(s3_endpoint):
    nowhere = open_bucket(s3_endpoint, bucket="there-is-no-such-bucket")

    with pytest.raises(ObjectsUnavailable, match="cannot be reached"):
        await nowhere.put("a", b"")
    with pytest.raises(ObjectsUnavailable, match="cannot be reached"):
        await nowhere.list_after("", after="", limit=1)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(paths=st.sets(PATHS, min_size=1, max_size=12), prefix=SEGMENTS, after=SEGMENTS | st.just(""))
def test_a_folder_keeps_apart_and_in_order_whatever_paths_there_are(tmp_path_factory, paths, prefix, after):
    root = tmp_path_factory.mktemp("any") / "objects"

    async def run():
        folder = FolderObjects.open(root)
        for path in paths:
            await folder.put(path, path.encode())
        found = [await folder.get(path) for path in paths]
        assert found == [path.encode() for path in paths]
        assert await listed(folder) == sorted(paths)
        assert await listed(folder, limit=2) == sorted(paths)[:2]
        some = prefix[:2]
        wanted = sorted(path for path in paths if path.startswith(some) and path > after)
        assert await listed(folder, some, after=after) == wanted
        for path in paths:
            await folder.delete(path)

    asyncio.run(run())

    assert [each.name for each in root.iterdir()] == [".drafts"]
    assert [each.name for each in root.parent.iterdir()] == ["objects"]


def test_the_type_of_the_bucket_store_hides_no_key():
    objects = open_bucket("http://127.0.0.1:1")

    assert isinstance(objects, BucketObjects)
    assert "anything" not in repr(objects)
