"""The page at ``/trace``: one message, followed; under the same rules as the first page."""

from __future__ import annotations

from importlib import resources

import msgspec

from cloudstead.app.pages import fill_in


class TraceContext(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the page is told: a token that only reads, for those whom ``is_local`` admits, and a thing to begin with."""

    thing_name: str | None = None
    token: str | None = None


def render_trace(context: TraceContext, *, nonce: str) -> bytes:
    """Return the document. ``nonce`` is also given to ``page_headers``."""
    folder = resources.files("cloudstead.app.pages")
    parts = {
        "nonce": nonce,
        "style": folder.joinpath("style.css").read_text(encoding="utf-8"),
        "context": msgspec.json.encode(context).decode().replace("<", "\\u003c"),
        "script": folder.joinpath("trace.js").read_text(encoding="utf-8"),
    }
    return fill_in(folder.joinpath("trace.html").read_text(encoding="utf-8"), parts)
