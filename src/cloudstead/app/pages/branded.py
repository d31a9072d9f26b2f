"""A page in the look of an account: its colours in both themes, its logo, and nothing that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

from cloudstead.app.pages import new_nonce

if TYPE_CHECKING:
    from starlette.responses import Response

    from cloudstead.core.branding.look import Look, Shades


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says. ``title`` is text, ``body`` is HTML, in whatever look it will be shown."""

    title: str
    body: str
    status: int = 200


def show(page: Page, look: Look) -> Response:
    """Return a page as an answer, with headers that leak no token and let nothing run."""
    nonce = new_nonce()
    owner = look.name or "cloudstead"
    text = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<title>{escape(page.title)} - {escape(owner)}</title><link rel="icon" href="data:,">'
        f'<style nonce="{nonce}">{_style()}{_colours(look)}</style></head>'
        f'<body class="branded"><header>{_logo(look)}</header>'
        f'<main class="card narrow"><h1>{escape(page.title)}</h1>{page.body}</main></body></html>\n'
    )
    return HTMLResponse(text, status_code=page.status, headers=_headers(nonce))


def _logo(look: Look) -> str:
    """Return the logo of the account; beside one that is ours stands its name."""
    light, dark = look.light.page_logo, look.dark.page_logo
    name = f"<strong>{escape(look.name)}</strong>" if look.name and not look.has_own_logo else ""
    alternative = escape(look.name) if look.has_own_logo else "cloudstead"
    return (
        f'<picture><source srcset="{escape(dark)}" media="(prefers-color-scheme: dark)">'
        f'<img class="logo" src="{escape(light)}" alt="{alternative}"></picture>{name}'
    )


def _colours(look: Look) -> str:
    """Return both themes as a style sheet; colours are written by us, whatever was typed."""
    return (
        f"\n:root {{ {_variables(look.light.shades)} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {_variables(look.dark.shades)} }} }}\n"
    )


def _variables(shades: Shades) -> str:
    values = {
        "back": shades.canvas,
        "on-back": shades.canvas_text,
        "card": shades.workspace,
        "ink": shades.text,
        "quiet": shades.quiet,
        "rule": shades.rule,
        "edge": shades.edge,
        "accent": shades.link,
        "button": shades.button,
        "on-button": shades.button_text,
        "button-edge": shades.button_edge,
        "error": shades.error,
        "on-error": shades.error_text,
    }
    return " ".join(f"--{name}: {colour.hex};" for name, colour in values.items())


@cache
def _style() -> str:
    folder = resources.files("cloudstead.app.pages")
    return "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in ("style.css", "branded.css"))


def _headers(nonce: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'nonce-{nonce}'; img-src 'self' data:; base-uri 'none'; "
            "form-action 'self'; frame-ancestors 'none'"
        ),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
