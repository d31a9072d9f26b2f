"""Images: what is taken, where it is kept, and that nothing is left behind."""

import re
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from cloudstead.core.branding.errors import SlotUnknown
from cloudstead.core.branding.model import DEFAULTS_SINCE_MS, IMAGE_SLOTS, Theme
from cloudstead.core.caller import Grant
from cloudstead.core.errors import InvalidField, NotPermitted
from cloudstead.core.paging import PageRequest
from factories.branding import branding_rooms
from factories.files import picture
from factories.tenants import tenant

__all__ = ["tenant"]

SLOT = "brand_logo_landscape"
RED, GREEN = picture(size=(4, 2)), picture(size=(5, 2))


@pytest.fixture(scope="module")
def decoding_thread():
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield executor


@pytest.fixture
def rooms(tenant, decoding_thread):
    return branding_rooms(tenant, decoding_thread)


@pytest.fixture
def put(tenant, rooms):
    async def put(content, slot=SLOT, *, theme=Theme.DARK, caller=None):
        return await rooms.images.put(lambda unit: caller or tenant.caller, theme, slot, content)

    return put


@pytest.fixture
def clear(tenant, rooms):
    async def clear(slot=SLOT, *, theme=Theme.DARK, caller=None):
        await rooms.images.clear(lambda unit: caller or tenant.caller, theme, slot)

    return clear


@pytest.fixture
def get(tenant, rooms):
    async def get(slot=SLOT, *, theme=Theme.DARK):
        return await tenant.database.read(lambda unit: rooms.images.get(unit, tenant.caller, theme, slot))

    return get


@pytest.fixture
def fetch(rooms):
    """Fetch an image by its path, as anybody does."""

    async def fetch(path):
        first, second, *rest = path.removeprefix("/branding/").split("/")
        return rooms.images.serve_default(second, *rest) if rest else await rooms.images.serve(first, second)

    return fetch


async def trail(tenant):
    page = await tenant.database.read(lambda unit: unit.audit.page(tenant.account.id, PageRequest(50)))
    return [each for each in page.items if each.object_type == "branding"]


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def bomb(width=30_000, height=30_000):
    """Return a few kilobytes that claim to be, and unpack to, very many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    rows = packer.compress(bytes(1 + width // 8) * 400) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


async def test_a_slot_that_nobody_set_shows_a_drawing_of_ours(tenant, rooms, fetch):
    for theme in Theme:
        shown = await tenant.database.read(lambda unit, theme=theme: rooms.images.all(unit, tenant.caller, theme))
        assert [each.slot for each in shown] == list(IMAGE_SLOTS)
        assert {(each.updated_at_ms, each.is_own) for each in shown} == {(DEFAULTS_SINCE_MS, False)}
        for each in shown:
            assert (await fetch(each.path)).media_type == "image/svg+xml"


@pytest.mark.parametrize(("kind", "ending"), [("PNG", "png"), ("JPEG", "jpg")])
async def test_an_image_shows_in_its_slot_and_theme_alone(tenant, put, get, fetch, kind, ending):
    content = picture(kind)
    made = await put(content)
    assert made.updated_at_ms == tenant.clock.millis()
    assert re.fullmatch(rf"/branding/{tenant.account.id}/[0-9a-f]{{32}}\.{ending}", made.path)
    assert await get() == made
    assert await fetch(made.path) == (content, f"image/{kind.lower()}")
    assert not (await get(theme=Theme.LIGHT)).is_own
    assert not (await get("brand_logo_square")).is_own


async def test_another_content_has_another_address_and_the_old_one_is_gone(tenant, rooms, put, fetch):
    first = await put(RED)
    tenant.clock.advance(timedelta(minutes=1))
    second = await put(GREEN)
    assert second.path != first.path
    assert second.updated_at_ms > first.updated_at_ms
    assert await fetch(first.path) is None
    assert (await fetch(second.path)).content == GREEN
    assert len(rooms.objects.held) == 1


async def test_the_same_content_again_changes_nothing(tenant, rooms, put):
    first = await put(RED)
    tenant.clock.advance(timedelta(minutes=1))
    assert await put(RED) == first
    assert len(rooms.objects.held) == len(await trail(tenant)) == 1


async def test_clearing_restores_the_default_and_deletes_the_content(tenant, rooms, put, clear, get):
    default = await get()
    await clear()
    assert await get() == default
    await put(RED)
    tenant.clock.advance(timedelta(minutes=1))
    await clear()
    assert await get() == replace(default, updated_at_ms=tenant.clock.millis())
    assert rooms.objects.held == {}
    assert [each.operation for each in await trail(tenant)] == ["branding.put-image", "branding.clear-image"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<html><script>alert(1)</script></html>",
        b"GIF89a",
        picture("GIF"),
        picture("WEBP"),
        b"\x89PNG\r\n\x1a\n",
        picture("PNG")[:-30],
        picture("JPEG")[:100],
        b"\xff\xd8\xff" + b"\0" * 100,
        b"%PDF-1.7",
        bytes(range(256)),
        bomb(),
    ],
    ids=lambda content: content[:8].hex() + f"-{len(content)}",
)
async def test_what_is_no_whole_png_or_jpeg_picture_is_not_kept(rooms, put, get, content):
    with pytest.raises(InvalidField) as refusal:
        await put(content)
    assert refusal.value.field == "image"
    assert rooms.objects.held == {}
    assert not (await get()).is_own


async def test_an_image_may_be_as_large_as_the_setting_says_and_no_larger(tenant, decoding_thread):
    rooms = branding_rooms(tenant, decoding_thread, max_bytes=len(RED))
    assert (await rooms.images.put(lambda unit: tenant.caller, Theme.DARK, SLOT, RED)).is_own
    with pytest.raises(InvalidField, match=f"larger than {len(RED)} bytes"):
        await rooms.images.put(lambda unit: tenant.caller, Theme.DARK, SLOT, RED + b"\0")


@pytest.mark.parametrize("slot", ["", "primary", "brand_logo", "carousel_image_square_10", "../" + SLOT, SLOT + "\0"])
async def test_there_are_no_other_slots(put, clear, get, slot):
    for attempt in (put(RED, slot), clear(slot), get(slot)):
        with pytest.raises(SlotUnknown):
            await attempt


@pytest.mark.parametrize("grants", [(), (Grant("root", "ReadWrite"),), (Grant("sub", "Administrator"),)])
async def test_whoever_does_not_administer_the_whole_account_changes_nothing(tenant, rooms, put, clear, grants):
    made = await put(RED)
    caller = tenant.caller_of(None, *grants)
    for attempt in (put(GREEN, caller=caller), clear(caller=caller), put(b"no image", "no slot", caller=caller)):
        with pytest.raises(NotPermitted):
            await attempt
    assert [path.rpartition("/")[2] for path in rooms.objects.held] == [made.path[-36:-4]]


async def test_a_right_lost_while_the_image_was_stored_leaves_nothing_behind(tenant, rooms, get):
    callers = iter([tenant.caller, tenant.caller_of(None, Grant("root", "Read"))])
    with pytest.raises(NotPermitted):
        await rooms.images.put(lambda unit: next(callers), Theme.DARK, SLOT, RED)
    assert rooms.objects.held == {}
    assert not (await get()).is_own


async def test_what_a_crash_left_behind_is_swept_and_an_upload_under_way_is_not(tenant, rooms, put, clear):
    old, of_another = tenant.ids.new(), tenant.ids.new()
    tenant.clock.advance(timedelta(hours=2))
    under_way = tenant.ids.new()
    for account, key in ((tenant.account.id, old), (tenant.account.id, under_way), ("f" * 32, of_another)):
        await rooms.objects.put(f"{account}/Branding/{key}", RED)
    made = await put(GREEN)
    left = {path.rpartition("/")[2] for path in rooms.objects.held}
    assert left == {under_way, of_another, made.path[-36:-4]}


@pytest.mark.parametrize(
    "path",
    [
        "/branding/{account}/{key}",
        "/branding/{account}/{key}.jpg",
        "/branding/{account}/{key}.png.png",
        "/branding/../{key}.png",
        "/branding/{other}/{key}.png",
        "/branding/%2e%2e/{key}.png",
        "/branding/defaults/dark/brand_logo_email/0000000000000000.svg",
        "/branding/defaults/dark/brand_logo_email/{key}",
    ],
)
async def test_nothing_else_is_found_by_an_address(tenant, put, fetch, path):
    made = await put(RED)
    assert await fetch(path.format(account=tenant.account.id, other="0" * 32, key=made.path[-36:-4])) is None


async def test_the_trail_tells_what_was_exchanged(tenant, put):
    await put(RED)
    await put(GREEN)
    last = (await trail(tenant))[-1]
    assert last.object_id == f"dark/{SLOT}"
    assert set(last.before) == set(last.after) == {"image", "etag"}
    assert last.before["etag"] != last.after["etag"]
