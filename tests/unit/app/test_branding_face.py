"""Images of accounts as everybody fetches them, and what they change of a page, through HTTP."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
import structlog
from prometheus_client import CollectorRegistry

from cloudstead.app.branding_face import branding_face
from cloudstead.app.people_face import people_face
from cloudstead.core.branding.css import parse_colour
from cloudstead.core.branding.images import default_image
from cloudstead.core.branding.model import Theme
from cloudstead.web.app import WebApp
from cloudstead.web.metrics import WebMetrics
from factories.branding import branding_rooms
from factories.files import picture
from factories.people import people_rooms
from factories.tenants import tenant

__all__ = ["tenant"]

RESEND, SET = "/people/resend", "/people/set-password"
LOGO = picture(size=(40, 10))


@pytest.fixture(scope="module")
def thread():
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield executor


@pytest.fixture
def rooms(tenant, thread):
    return branding_rooms(tenant, thread)


@pytest.fixture
def people(tenant, thread):
    return people_rooms(tenant, thread)


@pytest.fixture
async def browser(tenant, rooms, people):
    app = WebApp(
        (people_face(people.recovery, tenant.database), branding_face(rooms.images)),
        ids=tenant.ids,
        log=structlog.get_logger(),
        metrics=WebMetrics.registered(CollectorRegistry()),
    )
    transport = httpx2.ASGITransport(app=app, client=("192.0.2.7", 1))
    async with httpx2.AsyncClient(transport=transport, base_url="https://cloud.example") as client:
        yield client
    await people.settled()


@pytest.fixture
def upload(tenant, rooms):
    async def upload(content=LOGO, *, theme=Theme.LIGHT, slot="brand_logo_landscape"):
        return (await rooms.images.put(lambda unit: tenant.caller, theme, slot, content)).path

    return upload


@pytest.fixture
def colour(tenant, rooms):
    async def colour(theme, **texts):
        wanted = list(texts.items())
        await tenant.database.write(lambda unit: rooms.colours.put_many(unit, tenant.caller, theme, wanted))

    return colour


async def test_an_image_is_fetched_without_credentials_kept_for_ever_and_cannot_run(browser, upload):
    for path, media_type in (
        (await upload(), "image/png"),
        (default_image(Theme.DARK, "carousel_image_square_3").path, "image/svg+xml"),
    ):
        answer = await browser.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == media_type
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert "set-cookie" not in answer.headers
        etag = answer.headers["etag"]
        assert (await browser.get(path, headers={"if-none-match": etag})).status_code == 304
        assert (await browser.head(path)).headers["content-length"] == str(len(answer.content))
        assert (await browser.get(path, headers={"range": "bytes=1-3"})).content == answer.content[1:4]
        assert (await browser.get(path, headers={"range": "bytes=999999-"})).status_code == 416
        assert (await browser.get(path, headers={"if-match": '"x"'})).status_code == 412
        assert (await browser.post(path)).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/branding/",
        "/branding/x",
        "/branding/x/y.png",
        "/branding/defaults/dark/primary/x.svg",
        "/branding/%2e%2e/%2e%2e",
        "/branding/0/..%2f..%2fstate.db",
        f"/branding/{'0' * 32}/{'0' * 32}.png",
        "/branding/%ff/%00.png",
    ],
)
async def test_what_is_no_image_is_not_found(browser, path):
    answer = await browser.get(path)
    assert answer.status_code == 404
    assert answer.text == "There is no such image."


async def test_a_store_that_does_not_answer_is_told_so(browser, upload, rooms):
    path = await upload()
    rooms.objects.is_silent = True
    assert (await browser.get(path)).status_code == 503


async def test_pages_have_the_colours_of_the_account_in_both_themes(browser, colour):
    await colour(Theme.LIGHT, primary="purple", canvas_background="#fff8e7")
    await colour(Theme.DARK, primary="gold", primary_font_color="white")
    style = re.search(r"<style[^>]*>(.*?)</style>", (await browser.get(RESEND)).text, re.DOTALL)[1]
    light, dark = re.findall(r":root \{ (--back[^}]*--on-error[^}]*)\}", style)
    assert "--button: #800080; --on-button: #ffffff;" in light
    assert "--back: #fff8e7;" in light
    assert f"--button: {parse_colour('gold').hex}; --on-button: #000000;" in dark  # white could not be read on gold
    assert style.index(light) < style.rindex("prefers-color-scheme: dark") < style.index(dark)


async def test_pages_show_the_logo_of_the_account_for_each_theme(browser, upload):
    light, dark = await upload(), await upload(picture(size=(50, 10)), theme=Theme.DARK)
    page = (await browser.get(RESEND)).text
    assert f'<source srcset="{dark}" media="(prefers-color-scheme: dark)">' in page
    assert f'<img class="logo" src="{light}" alt="Example">' in page
    assert "cloudstead" not in page


async def test_an_account_without_a_logo_is_named_beside_ours(browser):
    page = (await browser.get(RESEND)).text
    assert f'src="{default_image(Theme.LIGHT, "brand_logo_landscape").path}" alt="cloudstead"' in page
    assert "<strong>Example</strong>" in page


async def test_a_page_may_load_images_of_ours_and_nothing_else(browser):
    policy = (await browser.get(RESEND)).headers["content-security-policy"]
    assert "img-src 'self' data:;" in policy
    assert "default-src 'none'" in policy


async def test_a_link_tells_the_account_wherever_it_is_followed(tenant, browser, people, colour):
    await colour(Theme.LIGHT, primary="purple")
    people.recovery.ask_for_password(tenant.account, "ada")
    await people.settled()
    params = {"token": people.post.last_token()}
    for headers in ({"host": "elsewhere.example"}, {"host": "cloud.example"}):
        assert "#800080" in (await browser.get(SET, params=params, headers=headers)).text
        assert "#800080" in (await browser.post(SET, data={**params, "password": "x"}, headers=headers)).text
    assert "#800080" not in (await browser.get(SET, headers={"host": "elsewhere.example"})).text


async def test_an_account_shows_nothing_of_another_one(tenant, browser, colour, upload):
    await tenant.open_another_account("other")
    await colour(Theme.LIGHT, primary="purple")
    path = await upload()
    page = (await browser.get(RESEND, headers={"host": "other.cloud.example"})).text
    assert "#800080" not in page
    assert path not in page
    assert "Example" not in page


async def test_a_name_of_an_account_is_shown_and_not_run(tenant, browser, upload):
    from dataclasses import replace

    evil = replace(tenant.account, name='"><script>alert(1)</script>')
    await tenant.database.write(lambda unit: unit.accounts.replace(evil))
    assert "<script" not in (await browser.get(RESEND)).text
    await upload()
    assert "<script" not in (await browser.get(RESEND)).text
