"""Mails in the look of their account."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from cloudstead.core.branding.model import Theme
from cloudstead.core.mail import templates
from cloudstead.core.mail.dress import dressing
from cloudstead.core.mail.letters import Letters
from cloudstead.core.mail.model import Letter
from factories.branding import branding_rooms
from factories.files import picture
from factories.tenants import tenant

__all__ = ["tenant"]

URL = "https://cloud.example"
LETTER = templates.password_changed(to="ada@cloud.example", account_name="Example", name="Ada")


class Seen(HTMLParser):
    """The elements of a mail, each with its attributes."""

    def __init__(self, html):
        super().__init__()
        self.elements = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def thread():
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield executor


@pytest.fixture
def rooms(tenant, thread):
    return branding_rooms(tenant, thread)


@pytest.fixture
def dress(tenant):
    async def dress(letter=LETTER):
        return await tenant.database.read(lambda unit: dressing(URL)(unit, tenant.account.id, letter))

    return dress


@pytest.fixture
def upload(tenant, rooms):
    async def upload(theme, content):
        made = await rooms.images.put(lambda unit: tenant.caller, theme, "brand_logo_email", content)
        return URL + made.path

    return upload


async def test_a_mail_of_an_account_that_set_nothing_names_it_and_fetches_nothing(dress):
    seen = Seen((await dress()).html)
    assert "Example" in (await dress()).html
    assert not seen.of("img")
    assert not seen.of("source")


async def test_a_mail_has_the_colours_of_its_account_in_both_themes(tenant, rooms, dress):
    def write(unit):
        rooms.colours.put_many(unit, tenant.caller, Theme.LIGHT, [("canvas_background", "#fff8e7")])
        rooms.colours.put_many(unit, tenant.caller, Theme.DARK, [("canvas_background", "navy")])

    await tenant.database.write(write)
    html = (await dress()).html
    assert "background:#fff8e7" in Seen(html).of("body")[0]["style"]
    assert "@media (prefers-color-scheme:dark){.canvas{background:#000080!important" in html


async def test_a_mail_has_the_logo_of_its_account_for_each_theme(dress, upload):
    light = await upload(Theme.LIGHT, picture())
    seen = Seen((await dress()).html)
    assert [each["src"] for each in seen.of("img")] == [each["srcset"] for each in seen.of("source")] == [light]
    assert seen.of("img")[0]["alt"] == "Example"
    dark = await upload(Theme.DARK, picture(size=(9, 9)))
    seen = Seen((await dress()).html)
    assert (seen.of("img")[0]["src"], seen.of("source")[0]["srcset"]) == (light, dark)


async def test_what_a_mail_says_stays_as_it_was(dress):
    link, name = f"{URL}/people/set-password?token=x", '"><a href="https://evil.example">'
    letter = templates._letter("ada@cloud.example", "Hello", [f"Hello {name},"], link, [f"Yours, {name}"])
    shown = await dress(letter)
    assert (shown.to, shown.subject, shown.text) == (letter.to, letter.subject, letter.text)
    assert [each["href"] for each in Seen(shown.html).of("a")] == [link]


async def test_a_name_of_an_account_is_shown_and_not_run(tenant, dress, upload):
    evil = replace(tenant.account, name='"><script>alert(1)</script>')
    await tenant.database.write(lambda unit: unit.accounts.replace(evil))
    assert "<script" not in (await dress()).html
    await upload(Theme.LIGHT, picture())
    assert "<script" not in (await dress()).html


@pytest.mark.parametrize("html", [None, "<p>Hello</p>"])
async def test_a_letter_that_somebody_else_wrote_stays_as_it_is(dress, html):
    letter = Letter(to="ada@cloud.example", subject="Hello", text="Hello", html=html)
    assert await dress(letter) == letter


async def test_letters_are_dressed_on_their_way(tenant):
    letters = Letters(tenant.sealer, clock=tenant.clock, ids=tenant.ids, dress=dressing(URL))

    def send(unit):
        job_id = letters.send(unit, tenant.account.id, LETTER)
        return letters.open(unit.jobs.get(tenant.account.id, job_id))

    sent = await tenant.database.write(send)
    assert 'class="canvas"' in sent.html
    assert sent.text == LETTER.text
