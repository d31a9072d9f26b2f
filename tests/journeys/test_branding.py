"""An account gives itself a look, and people see it: in a real browser, in both themes, and in their mails."""

from __future__ import annotations

import email
import io
import json
import time
import urllib.request
from email.policy import SMTPUTF8
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from cloudstead.core.branding.contrast import TEXT, contrast
from cloudstead.core.branding.css import Rgb
from factories.chromium import chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from factories.chromium import Browser
    from factories.demo import Demo

RESEND = "/people/resend"
_ARRIVES_WITHIN_S = 30
_COLOURS = """(() => {
    const style = (name) => getComputedStyle(document.querySelector(name));
    const pair = (text, ground) => [style(text).color, style(ground).backgroundColor];
    return {
        button: pair("button", "button"), title: pair("h1", "main"), text: pair("main p", "main"),
        page: pair("body", "body"),
    };
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


def ask(demo: Demo, method: str, path: str, body: bytes | None = None) -> Any:
    headers = {"Authorization": f"Bearer {demo.ready['api_key']}", "Content-Type": "application/octet-stream"}
    request = urllib.request.Request(f"{demo.url()}/v3/{path}", body, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        content = answer.read()
    return json.loads(content) if content else None


def logo() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (240, 60), (122, 31, 162)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def look(demo: Demo) -> Iterator[str]:
    """Give the account a look, part of it unreadable, and return where its logo is."""
    light = [{"reference": "primary", "color": "#7a1fa2"}, {"reference": "primary_font_color", "color": "#7a1fa3"}]
    dark = [{"reference": "workspace_background", "color": "#2a1b45"}, {"reference": "primary", "color": "gold"}]
    ask(demo, "PUT", "branding-colors/light", json.dumps(light).encode())
    ask(demo, "PUT", "branding-colors/dark", json.dumps(dark).encode())
    made = ask(demo, "POST", "branding-images/light/brand_logo_landscape/upload", logo())
    ask(demo, "POST", "branding-images/light/brand_logo_email/upload", logo())
    yield made["static_uri"]
    for theme, colours in (("light", light), ("dark", dark)):
        for colour in colours:
            ask(demo, "DELETE", f"branding-colors/{theme}/{colour['reference']}")
    for slot in ("brand_logo_landscape", "brand_logo_email"):
        ask(demo, "POST", f"branding-images/light/{slot}/clear", b"")


def show(browser: Browser, demo: Demo, theme: str, *, width: int) -> None:
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=700, deviceScaleFactor=1, mobile=False)
    browser.open(f"http://{demo.administrator.hostname}:{demo.web()[1]}{RESEND}")


def colours(browser: Browser) -> dict[str, tuple[Rgb, Rgb]]:
    def read(text: str) -> Rgb:
        return Rgb(*(int(part) for part in text.removeprefix("rgb(").removesuffix(")").split(",")))

    return {name: (read(text), read(ground)) for name, (text, ground) in browser.evaluate(_COLOURS).items()}


@pytest.mark.usefixtures("look")
@pytest.mark.parametrize("width", [1000, 320])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_people_see_the_colours_of_the_account_and_can_read_everything(
    browser: Browser, demo: Demo, theme: str, width: int
) -> None:
    show(browser, demo, theme, width=width)
    seen = colours(browser)

    for text, ground in seen.values():
        assert contrast(text, ground) >= TEXT
    if theme == "light":
        assert seen["button"] == (Rgb(255, 255, 255), Rgb(0x7A, 0x1F, 0xA2))
    else:
        assert seen["button"][1] == Rgb(255, 215, 0)
        assert seen["title"][1] == Rgb(0x2A, 0x1B, 0x45)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_people_see_the_logo_of_the_account(browser: Browser, demo: Demo, look: str, theme: str) -> None:
    browser.told.clear()
    show(browser, demo, theme, width=1000)

    image = browser.evaluate("(({currentSrc, naturalWidth}) => [currentSrc, naturalWidth])(document.images[0])")
    assert image[0].endswith(look.partition("/branding/")[2])
    assert image[1] == 240
    assert browser.told == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_without_a_look_of_its_own_an_account_has_ours(browser: Browser, demo: Demo, theme: str) -> None:
    browser.told.clear()
    show(browser, demo, theme, width=1000)

    for text, ground in colours(browser).values():
        assert contrast(text, ground) >= TEXT
    assert browser.evaluate("document.images[0].naturalWidth") == 480
    assert browser.told == []


def test_a_mail_has_the_look_of_the_account_and_its_logo_can_be_fetched(demo: Demo, look: str) -> None:
    assert look
    name = demo.new_name("reader")
    attributes = {
        "userName": name,
        "password": "by the sea",
        "firstName": "R",
        "lastName": "R",
        "email": f"{name}@mails.example",
        "roleName": "Read",
        "domainName": "root",
    }
    function = f"{demo.url()}/functions/"
    headers = {"Authorization": f"Bearer {demo.ready['api_key']}"}
    for called, payload in (
        ("UserLambda", {"action": "CREATE", "attributes": attributes}),
        ("UserLambda", {"action": "RESET_PASSWORD", "attributes": {"userName": name}}),
    ):
        body = json.dumps(payload).encode()
        request = urllib.request.Request(function + called, body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert b"errorMessage" not in answer.read()
    html = mailed_html(demo, f"{name}@mails.example")

    assert "#7a1fa2" in html
    assert "@media (prefers-color-scheme:dark){.canvas{" in html
    address = html.partition('<img src="')[2].partition('"')[0]
    assert address.startswith(demo.url("http"))
    with urllib.request.urlopen(demo.url() + urlsplit(address).path, timeout=30) as answer:
        assert answer.read() == logo()


def mailed_html(demo: Demo, to: str) -> str:
    """Return the HTML of the newest mail to an address, once it is there."""
    folder = Path(demo.ca_file).parent / "mails"
    deadline = time.monotonic() + _ARRIVES_WITHIN_S
    while time.monotonic() < deadline:
        for path in sorted(folder.glob("*.eml"), reverse=True):
            message = email.message_from_bytes(path.read_bytes(), policy=SMTPUTF8)
            if to in str(message["To"]):
                part = message.get_body(("html",))
                assert part is not None
                return str(part.get_content())
        urllib.request.urlopen(f"{demo.url()}/healthz", timeout=30).close()
    raise AssertionError(f"no mail to {to} arrived")
