"""Mails in the look of an account: its colours in both themes, and its logo where it has one of its own.

The text of a mail stays as it is. A logo is fetched from us by mail programs that show pictures; its address is the
same for every reader, so that it tells nobody who has read what.
"""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Final

from cloudstead.core.branding.look import look_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.branding.look import Look, Shades
    from cloudstead.core.ids import AccountId
    from cloudstead.core.mail.model import Letter
    from cloudstead.core.unit import Unit

    Dress = Callable[[Unit, AccountId, Letter], Letter]

_OPENING: Final = '<!doctype html><html lang="en"><body style="font:16px/1.5 sans-serif;max-width:34em">'
_CLOSING: Final = "</body></html>"
_LINK: Final = "<a href="


def undressed(content: str) -> str:
    """Return HTML that our own templates have written as a whole document, in no look."""
    return f"{_OPENING}{content}{_CLOSING}"


def dressing(public_url: str) -> Dress:
    """Return what dresses the letters of our templates, and leaves any other as it is.

    ``public_url`` is where images are fetched, without a slash at its end.
    """

    def dress(unit: Unit, account_id: AccountId, letter: Letter) -> Letter:
        if not (letter.html or "").startswith(_OPENING):
            return letter
        return dressed(letter, look_of(unit, account_id), public_url)

    return dress


def dressed(letter: Letter, look: Look, public_url: str) -> Letter:
    """Return one of our own letters in that look."""
    content = (letter.html or "").removeprefix(_OPENING).removesuffix(_CLOSING)
    light, dark = look.light.shades, look.dark.shades
    # What people's names bring is escaped, so every link in there is ours.
    linked = content.replace(_LINK, f'<a style="color:{light.link.hex}" href=')
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
        '<meta name="supported-color-schemes" content="light dark">'
        f"<style>@media (prefers-color-scheme:dark){{{_dark(dark)}}}</style></head>"
        f'<body class="canvas" style="margin:0;padding:24px 12px;background:{light.canvas.hex};'
        f'color:{light.canvas_text.hex};font:16px/1.5 sans-serif">'
        f'<div style="max-width:34em;margin:auto">{_head(look, public_url)}'
        f'<div class="sheet" style="padding:8px 24px;border-radius:8px;background:{light.workspace.hex};'
        f'color:{light.text.hex};overflow-wrap:anywhere">{linked}</div></div></body></html>'
    )
    return replace(letter, html=html)


def _head(look: Look, public_url: str) -> str:
    name = escape(look.name)
    if look.light.mail_logo is None or look.dark.mail_logo is None:
        return f'<p style="margin:0 0 16px;font-weight:bold">{name}</p>'
    light, dark = (escape(public_url + path) for path in (look.light.mail_logo, look.dark.mail_logo))
    style = "display:block;max-width:240px;max-height:60px;margin:0 0 16px;border:0"
    return (
        f'<picture><source srcset="{dark}" media="(prefers-color-scheme:dark)">'
        f'<img src="{light}" alt="{name}" style="{style}"></picture>'
    )


def _dark(shades: Shades) -> str:
    """Return the rules of the dark theme; they win over the light one, which stands at the elements themselves."""
    return (
        f".canvas{{background:{shades.canvas.hex}!important;color:{shades.canvas_text.hex}!important}}"
        f".sheet{{background:{shades.workspace.hex}!important;color:{shades.text.hex}!important}}"
        f".sheet a{{color:{shades.link.hex}!important}}"
    )
