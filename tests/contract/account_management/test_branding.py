"""Branding: all 40 operations, where they succeed, where they are refused, and what is sent malformed."""

from __future__ import annotations

import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import structlog
from prometheus_client import CollectorRegistry

from cloudstead.app.branding_face import branding_face
from cloudstead.core.access.callers import Callers
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.branding.model import IMAGE_SLOTS, ColourSlot
from cloudstead.core.branding.palette import PALETTE
from cloudstead.core.credentials.tokens import SigningKey, Tokens
from cloudstead.core.paging import PageRequest
from cloudstead.dialects.account_management.auth import BearerCallers
from cloudstead.dialects.account_management.errors import ERRORS
from cloudstead.dialects.account_management.rows_branding import branding
from cloudstead.web.app import WebApp
from cloudstead.web.face import Face
from cloudstead.web.face import below as below_path
from cloudstead.web.metrics import WebMetrics
from cloudstead.web.routes import PathRoutes
from factories.account_keys import account_keys
from factories.branding import branding_rooms
from factories.coverage import covers_each
from factories.files import picture
from factories.schema import operations, require_answer
from factories.tenants import tenant

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from factories.branding import BrandingRooms
    from factories.tenants import Tenant

__all__ = ["tenant"]

URL = "https://cloud.example"
MAX_BYTES = 20_000
LOGO = picture(size=(40, 10))
NAMES = sorted(name for name, (_, path, _) in operations().items() if "/branding-" in path)
CHANGES = [name for name in NAMES if not name.startswith(("get_", "list_"))]
OWN = [name for name in NAMES if "_account_" not in name]
TWINS = [name for name in NAMES if name not in OWN]
READS = [name for name in NAMES if name not in CHANGES]
UPLOADS = [name for name in NAMES if name.startswith("upload_")]
SETS = [name for name in NAMES if name.startswith("set_") and name.endswith("_color")]
BULK = [name for name in NAMES if name.startswith("set_") and name.endswith("_colors")]
LISTS = [name for name in NAMES if name.startswith("list_")]
OF_ONE = [name for name in NAMES if "{reference}" in operations()[name][1]]


def theme_of(name: str) -> str:
    return "dark" if "dark" in name else "light"


def good_body(name: str) -> dict[str, Any]:
    """Return what a client sends for an operation that is to succeed."""
    if name in SETS:
        return {"json": {"color": "rebeccapurple"}}
    if name in BULK:
        return {"json": [{"reference": "primary", "color": "#f3f93e"}, {"reference": "info_color", "color": "teal"}]}
    if name.endswith("_multipart"):
        return {"files": {"image": ("image.png", LOGO, "image/png")}}
    if name in UPLOADS:
        return {"content": LOGO, "headers": {"content-type": "image/png"}}
    return {}


@dataclass
class Site:
    """The dialect over an upper account with one tenant, and another upper account that has nothing to do with them.

    Keys: ``top`` and ``below`` administer the upper account and its tenant, ``developer`` and ``tenant_developer`` only
    work there, ``stranger`` administers the other account.
    """

    client: httpx2.AsyncClient
    tenant: Tenant
    rooms: BrandingRooms
    top: Account
    below: Account
    other: Account
    keys: dict[str, str]

    async def call(self, name: str, key: str | None = "top", *, account: str | None = None, slot=None, **sent: Any):
        """Perform an operation; a twin is about the tenant unless ``account`` names another one."""
        method, path, _ = operations()[name]
        default = "brand_logo_email" if "image" in name else "primary"
        address = path.format(account_id=account or self.below.id, reference=default if slot is None else slot)
        sent = sent or good_body(name)
        headers = sent.pop("headers", {})
        if key is not None:
            headers = {**headers, "authorization": f"Bearer {self.keys.get(key, key)}"}
        return await self.client.request(method, address, headers=headers, **sent)

    async def prove(self, name: str, key: str = "top", **options: Any):
        """Perform an operation that has to succeed, hold its answer against the contract, and return its body."""
        answer = await self.call(name, key, **options)
        assert answer.status_code < 300, answer.text
        body = answer.json() if answer.content else None
        require_answer(name, answer.status_code, body)
        return body

    async def snapshot(self) -> list[Any]:
        """Return everything that branding keeps, of all accounts."""

        def read(unit):
            accounts = (self.top.id, self.below.id, self.other.id)
            colours = [list(unit.branding.colours(each, theme)) for each in accounts for theme in ("dark", "light")]
            return [*colours, *(list(unit.branding.images(each)) for each in accounts), sorted(self.rooms.objects.held)]

        return await self.tenant.database.read(read)


def rows_over(tenant, rooms):
    """Return the rows of this area alone, over what they need of the dialect's backend."""
    parts = {"colours": rooms.colours, "brand_images": rooms.images}
    return branding(SimpleNamespace(database=tenant.database, public_url=URL, **parts))


@pytest.fixture(scope="module")
def thread():
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield executor


@pytest.fixture(scope="module")
def signing_key():
    return SigningKey.generate()


@pytest.fixture
async def site(tenant, thread, signing_key):
    rooms = branding_rooms(tenant, thread, max_bytes=MAX_BYTES)
    callers = Callers(tenant.database, Tokens(signing_key, tenant.clock, region="eu-central-1"), tenant.clock)
    callers.listen(tenant.bus)

    tree = await account_keys(tenant)
    below, other, keys = tree.below, tree.other, tree.keys
    face = Face(
        name="account-management",
        matches=below_path("/v3/"),
        routes=PathRoutes(rows_over(tenant, rooms), ignore_last_slash=True),
        errors=ERRORS,
        authenticate=BearerCallers(callers).of_call,
    )
    app = WebApp(
        (face, branding_face(rooms.images)),
        ids=tenant.ids,
        log=structlog.get_logger(),
        metrics=WebMetrics.registered(CollectorRegistry()),
    )
    transport = httpx2.ASGITransport(app=app, client=("192.0.2.7", 1))
    async with httpx2.AsyncClient(transport=transport, base_url=URL) as client:
        yield Site(client, tenant, rooms, tenant.account, below, other, keys)


def require_refusal(name: str, answer: Any, *statuses: int) -> dict[str, Any]:
    assert answer.status_code in statuses, answer.text
    body = answer.json()
    assert (body["object"], body["code"]) == ("error", answer.status_code)
    assert body["request_id"] == answer.headers["x-request-id"]
    assert isinstance(body.get("fields", []), list)
    if "content" in operations()[name][2]["responses"].get(str(answer.status_code), {}):
        require_answer(name, answer.status_code, body)
    return body


def test_every_operation_of_the_contract_is_served(site):
    assert len(NAMES) == 40
    served = {row.name: (row.method, row.path) for row in rows_over(site.tenant, site.rooms)}
    assert served == {name: operations()[name][:2] for name in NAMES}


# Where they succeed


@covers_each(NAMES, "success")
@pytest.mark.parametrize("name", NAMES)
async def test_an_administrator_succeeds_as_the_contract_says(site, name):
    await site.prove(name)


@pytest.mark.parametrize("name", OWN)
async def test_the_administrator_of_a_tenant_brands_the_tenant_alone(site, name):
    await site.prove(name, "below")
    twin = name.replace(f"_{theme_of(name)}_", f"_account_{theme_of(name)}_")
    if name in CHANGES and not name.startswith(("reset", "clear")):
        read = twin.replace("upload_", "get_").replace("set_", "get_").removesuffix("_multipart")
        read = read.replace("_colors", "_color")
        assert (await site.prove(read))["updated_at"] != "2026-10-18T00:00:00Z"
        own = read.replace("_account_", "_")
        assert (await site.prove(own))["updated_at"] == "2026-10-18T00:00:00Z"


@pytest.mark.parametrize("key", ["developer", "reader", "tenant_developer", "stranger"])
async def test_whoever_is_of_an_account_reads_its_branding(site, key):
    for name in OWN:
        if name in READS:
            await site.prove(name, key)


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_holds_every_slot_once_and_has_no_second_page(site, name):
    body = await site.prove(name)
    slots = [slot.value for slot in ColourSlot] if "color" in name else list(IMAGE_SLOTS)
    assert [each["reference"] for each in body["data"]] == slots
    assert (body["total_count"], body["limit"], body["has_more"], body["after"]) == (
        len(slots),
        len(slots),
        False,
        None,
    )
    if "color" in name:
        assert {each["reference"]: each["color"] for each in body["data"]} == PALETTE[theme_of(name)]


async def test_a_client_that_sends_a_type_with_an_empty_body_is_served(site):
    for name in ("list_dark_colors", "get_dark_image", "reset_dark_color", "clear_dark_image"):
        answer = await site.call(name, headers={"content-type": "application/json"}, content=b"")
        assert answer.status_code in {200, 204}


@pytest.mark.parametrize("text", ["purple", "#f3f93e", "#FA0", "AliceBlue"])
@pytest.mark.parametrize("name", SETS)
async def test_a_colour_is_shown_as_it_was_sent(site, name, text):
    made = await site.prove(name, json={"color": text, "reference": "secondary", "unknown": 1})
    assert (made["reference"], made["color"]) == ("primary", text)
    assert await site.prove(name.replace("set_", "get_")) == made


@pytest.mark.parametrize("nothing", [None, ""])
@pytest.mark.parametrize("name", SETS)
async def test_nothing_restores_the_default(site, name, nothing):
    await site.prove(name)
    site.tenant.clock.advance(timedelta(seconds=5))
    restored = await site.prove(name, json={"color": nothing})
    assert restored["color"] == PALETTE[theme_of(name)]["primary"]
    assert restored["updated_at"] == "2026-01-01T00:00:05Z"


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("reset_")])
async def test_resetting_answers_with_the_default_also_where_nothing_was_set(site, name):
    default = await site.prove(name)
    assert default["color"] == PALETTE[theme_of(name)]["primary"]
    assert default["updated_at"] == "2026-10-18T00:00:00Z"
    await site.prove(name.replace("reset_", "set_"))
    assert (await site.prove(name))["color"] == default["color"]


@pytest.mark.parametrize("name", BULK)
async def test_several_colours_are_set_and_the_others_stay(site, name):
    assert await site.prove(name) is None
    shown = await site.prove(name.replace("set_", "list_"))
    changed = {each["reference"]: each["color"] for each in shown["data"]}
    assert changed == {**PALETTE[theme_of(name)], "primary": "#f3f93e", "info_color": "teal"}


@pytest.mark.parametrize("name", UPLOADS)
async def test_an_uploaded_image_is_shown_to_everybody(site, name):
    made = await site.prove(name)
    assert made["reference"] == "brand_logo_email"
    fetched = await site.client.get(made["static_uri"])
    assert (fetched.content, fetched.headers["content-type"]) == (LOGO, "image/png")
    read = name.replace("upload_", "get_").removesuffix("_multipart")
    assert await site.prove(read) == made
    clear = name.replace("upload_", "clear_").removesuffix("_multipart")
    assert await site.prove(clear) is None
    cleared = await site.prove(read)
    assert "/branding/defaults/" in cleared["static_uri"]
    assert (await site.client.get(cleared["static_uri"])).status_code == 200
    assert (await site.client.get(made["static_uri"])).status_code == 404


@pytest.mark.parametrize("declared", ["image/jpeg", "text/html", "application/json", None])
async def test_an_image_is_known_by_its_bytes_and_not_by_what_it_is_told_to_be(site, declared):
    jpeg = picture("JPEG")
    headers = {} if declared is None else {"content-type": declared}
    made = await site.prove("upload_dark_image", content=jpeg, headers=headers)
    assert (await site.client.get(made["static_uri"])).headers["content-type"] == "image/jpeg"
    made = await site.prove("upload_dark_image_multipart", files={"image": ("evil.html", LOGO, "text/html")})
    assert (await site.client.get(made["static_uri"])).headers["content-type"] == "image/png"


async def test_every_change_is_in_the_trail_of_its_account_by_whom_and_from_where(site):
    for name in ("set_account_dark_color", "upload_account_light_image", "clear_account_light_image"):
        await site.prove(name)

    def read(unit):
        return [list(unit.audit.page(account.id, PageRequest(50)).items) for account in (site.below, site.top)]

    below, top = await site.tenant.database.read(read)
    found = [each for each in below if each.object_type == "branding"]
    assert [each.operation for each in found] == [
        "branding.set-colours",
        "branding.put-image",
        "branding.clear-image",
    ]
    assert {each.source_address for each in found} == {"192.0.2.7"}
    assert all(each.principal.startswith("key:") for each in found)
    assert not [each for each in top if each.object_type == "branding"]


# Where they are refused


@covers_each(NAMES, "refusal")
@pytest.mark.parametrize("key", [None, "inactive", "deleted", "csk_nonsense", "a.b.c"])
async def test_nobody_is_served_without_a_good_credential(site, key):
    before = await site.snapshot()
    for name in NAMES:
        body = require_refusal(name, await site.call(name, key), 401)
        assert body["type"] == "invalid_auth"
    assert await site.snapshot() == before


@pytest.mark.parametrize("key", ["developer", "reader", "tenant_developer"])
async def test_only_an_administrator_changes_anything(site, key):
    before = await site.snapshot()
    for name in CHANGES:
        if name in OWN:
            assert require_refusal(name, await site.call(name, key), 403)["type"] == "access_denied"
            require_refusal(name, await site.call(name, key, slot="nonsense", content=b"{"), 403)
    assert await site.snapshot() == before


@pytest.mark.parametrize("key", ["developer", "reader", "below", "tenant_developer", "stranger"])
async def test_nobody_but_the_administrator_above_reaches_a_tenant(site, key):
    before = await site.snapshot()
    for name in TWINS:
        for account in (site.top, site.below):
            require_refusal(name, await site.call(name, key, account=account.id), 403, 404)
    assert await site.snapshot() == before


@pytest.mark.parametrize("key", ["below", "stranger"])
async def test_an_account_of_somebody_else_looks_like_one_that_is_not_there(site, key):
    owner, elsewhere = (site.other, site.below) if key == "stranger" else (site.below, site.other)
    for name in TWINS:
        there = require_refusal(name, await site.call(name, key, account=elsewhere.id), 404)
        missing = require_refusal(name, await site.call(name, key, account="0" * 32), 404)
        assert {**there, "request_id": None} == {**missing, "request_id": None}
    assert owner.id != elsewhere.id


async def test_a_parent_and_its_tenant_see_nothing_of_each_other(site):
    await site.prove("set_dark_color", "top", json={"color": "red"})
    await site.prove("set_dark_color", "below", json={"color": "blue"})
    await site.prove("set_account_light_color", "top", json={"color": "green"})
    assert (await site.prove("get_dark_color", "top"))["color"] == "red"
    assert (await site.prove("get_account_dark_color", "top"))["color"] == "blue"
    assert (await site.prove("get_light_color", "below"))["color"] == "green"
    assert (await site.prove("get_light_color", "top"))["color"] == PALETTE["light"]["primary"]
    assert (await site.prove("get_dark_color", "stranger"))["color"] == PALETTE["dark"]["primary"]


@covers_each(TWINS, "malformed")
async def test_an_account_that_is_not_there_is_not_found(site):
    for name in TWINS:
        for account in (site.other.id, "0" * 32, "x", "%00", "A" * 32, "0" * 5000):
            require_refusal(name, await site.call(name, account=account), 404)


@pytest.mark.parametrize(("status", "reading"), [("RESTRICTED", 200), ("SUSPENDED", 403), ("ENROLLING", 403)])
async def test_the_status_of_an_account_bounds_what_its_own_people_do(site, status, reading):
    def close(unit):
        unit.accounts.replace(replace(unit.accounts.get(site.below.id), status=AccountStatus(status)))

    await site.tenant.database.write(close)
    before = await site.snapshot()
    for name in OWN:
        answer = await site.call(name, "below")
        assert answer.status_code == (reading if name in READS else 403)
    assert await site.snapshot() == before
    for name in TWINS:
        await site.prove(name)


@pytest.mark.parametrize("name", UPLOADS)
async def test_an_image_that_cannot_be_stored_is_not_shown(site, name):
    before = await site.snapshot()
    site.rooms.objects.is_silent = True
    assert require_refusal(name, await site.call(name), 503)["type"] == "internal_error"
    assert await site.snapshot() == before


# What is malformed


@covers_each(OF_ONE, "malformed")
@pytest.mark.parametrize("slot", ["nonsense", "PRIMARY", "%00", "%2e%2e", "%C3%A9", "s" * 5000, "%22%3E", "primary%20"])
async def test_a_slot_that_is_not_there_is_not_found(site, slot):
    before = await site.snapshot()
    for name in OF_ONE:
        assert require_refusal(name, await site.call(name, slot=slot), 404)["type"] == "not_found"
    assert await site.snapshot() == before


async def test_a_slot_of_the_other_kind_is_not_found(site):
    for name in OF_ONE:
        slot = "primary" if "image" in name else "brand_logo_email"
        require_refusal(name, await site.call(name, slot=slot), 404)


@covers_each(LISTS, "malformed")
async def test_a_list_is_whole_whatever_is_asked_of_it(site):
    headers = {"authorization": f"Bearer {site.keys['top']}", "content-type": "application/json"}
    for name in LISTS:
        whole = await site.prove(name)
        address = operations()[name][1].format(account_id=site.below.id)
        for query in ("limit=2", "limit=x&order=UP", "after=%00", "include=everything", "%ff=%ff"):
            answer = await site.client.request("GET", f"{address}?{query}", headers=headers, content=b"{")
            assert (answer.status_code, answer.json()) == (200, whole)


async def test_there_are_no_other_themes(site):
    headers = {"authorization": f"Bearer {site.keys['top']}"}
    for start in ("/v3/", f"/v3/accounts/{site.below.id}/"):
        for end in ("branding-colors/grey", "branding-images/Dark", "branding-colors/", "branding-images/grey/primary"):
            assert (await site.client.get(start + end, headers=headers)).status_code == 404


NO_COLOURS = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"purple"',
    b"{}",
    b'{"colour": "purple"}',
    b'{"color": 5}',
    b'{"color": ["purple"]}',
    b'{"color": "nonsense"}',
    b'{"color": "#12"}',
    b'{"color": "#12345678"}',
    b'{"color": "red;} body {display: none"}',
    b'{"color": "\\u0000"}',
    b'{"color": "' + b"x" * 5000 + b'"}',
    b'{"color": "\xff"}',
    b"[" * 5000,
]
NO_SETS_OF_COLOURS: list[Any] = [
    [],
    {},
    None,
    [{}],
    [{"reference": "primary"}],
    [{"color": "red"}],
    [{"reference": "nonsense", "color": "red"}],
    [{"reference": None, "color": "red"}],
    [{"reference": "secondary", "color": "red"}, {"reference": "primary", "color": "nonsense"}],
    [{"reference": "secondary", "color": "red"}, {"reference": "secondary", "color": "red"}],
    [{"reference": "brand_logo_email", "color": "red"}],
    ["primary"],
    [{"reference": "primary", "color": "red"}] * 1000,
]


@pytest.mark.parametrize("name", SETS)
async def test_what_is_no_colour_is_refused_and_named(site, name):
    before = await site.snapshot()
    for body in NO_COLOURS:
        answer = require_refusal(name, await site.call(name, content=body), 400)
        assert answer["type"] in {"bad_request", "validation_error"}
        if body.startswith(b'{"color": "') and b"\xff" not in body:
            assert [each["name"] for each in answer["fields"]] == ["color"]
    assert await site.snapshot() == before


@covers_each(BULK, "malformed")
@pytest.mark.parametrize("name", BULK)
async def test_one_wrong_colour_and_none_is_set(site, name):
    before = await site.snapshot()
    for body in NO_SETS_OF_COLOURS:
        require_refusal(name, await site.call(name, json=body), 400)
    assert await site.snapshot() == before


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def bomb() -> bytes:
    """Return a few kilobytes that claim to be a picture of 900 million pixels."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    packed = zlib.compress(bytes(3751 * 800), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


NO_IMAGES = {
    "nothing": b"",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "html": b"<!doctype html><script>alert(1)</script>",
    "gif": picture("GIF"),
    "webp": picture("WEBP"),
    "cut off": LOGO[:40],
    "only its beginning": b"\x89PNG\r\n\x1a\n",
    "noise": b"\xff\xd8\xff" + bytes(range(256)),
    "bomb": bomb(),
    "too large": LOGO + bytes(MAX_BYTES),
    "far too large": LOGO + bytes(MAX_BYTES * 10),
}


@pytest.mark.parametrize("name", UPLOADS)
async def test_what_is_no_png_or_jpeg_within_bounds_is_refused(site, name):
    before = await site.snapshot()
    for kind, content in NO_IMAGES.items():
        sent = {"files": {"image": ("image.png", content)}} if name.endswith("multipart") else {"content": content}
        answer = require_refusal(name, await site.call(name, **sent), 400)
        assert [each["name"] for each in answer["fields"]] == ["image"], kind
    assert await site.snapshot() == before


NO_FORMS: list[dict[str, Any]] = [
    {"files": {"picture": ("image.png", LOGO)}},
    {"files": {"Image": ("image.png", LOGO)}},
    {"files": [("image", ("a.png", LOGO)), ("image", ("b.png", LOGO))]},
    {"files": {"": ("image.png", LOGO)}},
    {"data": {"image": "text"}},
    {"json": {"image": "text"}},
    {"content": LOGO, "headers": {"content-type": "image/png"}},
    {"content": b"", "headers": {"content-type": "multipart/form-data"}},
    {"content": b"--x\r\nnonsense", "headers": {"content-type": "multipart/form-data; boundary=x"}},
    {"files": [(f"f{number}", ("a", b"")) for number in range(100)]},
]


@pytest.mark.parametrize("name", [name for name in UPLOADS if name.endswith("_multipart")])
async def test_a_form_without_one_image_in_the_right_field_is_refused(site, name):
    before = await site.snapshot()
    for sent in NO_FORMS:
        require_refusal(name, await site.call(name, **sent), 400)
    assert await site.snapshot() == before
