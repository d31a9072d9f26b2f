"""The page for somebody with a browser who came to an address of nobody: what there is instead."""

from __future__ import annotations

from html import escape
from typing import Final

from cloudstead.app.pages.branded import Page
from cloudstead.app.pages.front_door import SIGN_IN_PATH

_SHOWN_CHARS: Final = 100


def nothing_here(path: str) -> Page:
    """Tell that nothing is served at a path, and where people mostly want to go."""
    shown = path if len(path) <= _SHOWN_CHARS else f"{path[:_SHOWN_CHARS]}..."
    return Page(
        "There is nothing here",
        f'<p role="alert">Nothing is served at <code>{escape(shown)}</code>. What there is:</p>'
        '<ul><li><a href="/">The first page</a>, with the things of your account</li>'
        f'<li><a href="{SIGN_IN_PATH}">Sign in</a> for a login token, or to set a second factor up</li>'
        '<li><a href="/docs">The interfaces</a>, with every operation</li></ul>',
        status=404,
    )
