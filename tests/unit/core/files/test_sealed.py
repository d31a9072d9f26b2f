"""Objects that hold secrets: unreadable where they lie, whole where they are read."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudstead.core.credentials.errors import SealBroken
from cloudstead.core.credentials.sealing import InstallationKey, Sealer
from cloudstead.core.files.model import is_sealed
from cloudstead.core.files.sealed import SealedObjects
from cloudstead.storage.objects import FolderObjects

KEPT = "a/ThingCertsBucket/batch.zip"
PIECE = 64 * 1024
SEALER = Sealer(InstallationKey(bytes(32)))


@pytest.fixture
def folder(tmp_path):
    return FolderObjects.open(tmp_path / "objects")


@pytest.fixture
def sealed(folder):
    return SealedObjects(folder, SEALER, is_sealed=is_sealed)


async def read(objects, path, start, end):
    return b"".join([piece async for piece in objects.stream(path, start=start, end=end)])


def content_of(size):
    return (b"BEGIN PRIVATE KEY" * (size // 17 + 1))[:size]


SIZES = (0, 1, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE, 5 * PIECE + 17)


@pytest.mark.parametrize("size", SIZES)
async def test_a_secret_is_unreadable_in_the_store_and_whole_through_the_seal(folder, sealed, size):
    content = content_of(size)

    put = await sealed.put(KEPT, content)

    assert b"PRIVATE" not in await folder.get(KEPT)
    assert await sealed.get(KEPT) == content
    assert await read(sealed, KEPT, 0, size) == content
    assert put == await sealed.head(KEPT)
    assert put.size == size
    assert await sealed.list_after("a/", after="", limit=9) == [put]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.sampled_from(SIZES), start=st.integers(0, 6 * PIECE), length=st.integers(0, 3 * PIECE))
async def test_any_part_of_a_sealed_object_is_that_part_of_its_content(sealed, size, start, length):
    await sealed.put(KEPT, content_of(size))

    assert await read(sealed, KEPT, start, start + length) == content_of(size)[start : start + length]


async def test_what_holds_no_secret_lies_as_it_is(folder, sealed):
    await sealed.put("a/ObservationsBucket/x", b"readable")

    assert await folder.get("a/ObservationsBucket/x") == b"readable"
    assert await sealed.get("a/ObservationsBucket/x") == b"readable"
    assert await read(sealed, "a/ObservationsBucket/x", 2, 4) == b"ad"
    assert (await sealed.head("a/ObservationsBucket/x")).size == 8


async def test_nothing_is_there_until_it_was_put_and_after_it_was_deleted(sealed):
    assert await sealed.head(KEPT) is None
    assert await sealed.get(KEPT) is None
    assert await read(sealed, KEPT, 0, 9) == b""

    await sealed.put(KEPT, b"secret")
    await sealed.delete(KEPT)

    assert await sealed.get(KEPT) is None


def moved(stored):
    return stored


def shortened(stored):
    return stored[: PIECE + 69]


def swapped(stored):
    piece = PIECE + 69
    return stored[piece : 2 * piece] + stored[:piece] + stored[2 * piece :]


def flipped(stored):
    return stored[:-1] + bytes([stored[-1] ^ 1])


def foreign(stored):
    return Sealer(InstallationKey(b"x" * 32)).seal(b"anything", "object")


@pytest.mark.parametrize("spoil", [moved, shortened, swapped, flipped, foreign])
async def test_an_object_that_was_tampered_with_does_not_open(folder, sealed, spoil):
    await sealed.put(KEPT, content_of(3 * PIECE))
    place = "a/ThingCertsBucket/other.zip" if spoil is moved else KEPT
    await folder.put(place, spoil(await folder.get(KEPT)))

    with pytest.raises(SealBroken):
        await sealed.get(place)
    with pytest.raises(SealBroken):
        await read(sealed, place, 0, 3 * PIECE)


async def test_pieces_of_two_versions_do_not_open_together(folder, sealed):
    await sealed.put(KEPT, content_of(2 * PIECE))
    old = await folder.get(KEPT)
    await sealed.put(KEPT, content_of(2 * PIECE))
    new = await folder.get(KEPT)
    await folder.put(KEPT, old[: PIECE + 69] + new[PIECE + 69 :])

    with pytest.raises(SealBroken):
        await sealed.get(KEPT)


def test_only_the_bucket_of_certificates_is_sealed():
    assert is_sealed("a/ThingCertsBucket/x")
    assert not is_sealed("a/ThingFilesBucket/ThingCertsBucket/x")
    assert not is_sealed("ThingCertsBucket/x")
    assert not is_sealed("a/PublicBucket/x")
