"""The plain page at ``/``: one self-contained document with the live view of a thing.

``index.html``  the skeleton, with ``%name%`` where the parts go
``style.css``   light and dark
``mqtt.js``     MQTT over WebSocket, as much as the page needs
``changes.js``  who changed what: the history of a shadow, kept up with what is heard
``page.js``     sign-in, shadow, figures, observations

and at ``/trace``, one message, followed:

``trace.html``  its skeleton
``trace.js``    asks, and shows the steps

The parts are put into one response, so that the page works without a network, a build or a second request. The content
security policy allows exactly these scripts and styles and connections to where the page came from.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from importlib import resources
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACE = re.compile(r"%(nonce|style|context|mqtt|changes|script)%")


class PageContext(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the page is told: addresses for the commands that it shows, and in ``demo`` what to show first.

    ``token`` is given only to requests that ``is_local`` admits, and must not allow more than reading. ``opening`` is
    the command that opens the first account, as long as there is none. ``has_mailbox`` says that whoever asks may
    look at mails that were not sent.
    """

    http: str | None
    https: str | None
    mqtts: str | None
    ca_file: str
    manifest_url: str
    region: str
    hostname: str
    user_name: str | None = None
    thing_name: str | None = None
    token: str | None = None
    opening: str | None = None
    has_mailbox: bool = False


def new_nonce() -> str:
    """Return a fresh nonce for one response."""
    return secrets.token_urlsafe(16)


def render_page(context: PageContext, *, nonce: str) -> bytes:
    """Return the document. ``nonce`` is also given to ``page_headers``."""
    folder = resources.files(__name__)
    parts: Mapping[str, str] = {
        "nonce": nonce,
        "style": folder.joinpath("style.css").read_text(encoding="utf-8"),
        # "<" could end the script element that the JSON stands in.
        "context": msgspec.json.encode(context).decode().replace("<", "\\u003c"),
        "mqtt": folder.joinpath("mqtt.js").read_text(encoding="utf-8"),
        "changes": folder.joinpath("changes.js").read_text(encoding="utf-8"),
        "script": folder.joinpath("page.js").read_text(encoding="utf-8"),
    }
    skeleton = folder.joinpath("index.html").read_text(encoding="utf-8")
    return fill_in(skeleton, parts)


def fill_in(skeleton: str, parts: Mapping[str, str]) -> bytes:
    """Put parts into their places, in one pass: what a part holds is never taken for a place."""
    return _PLACE.sub(lambda place: parts[place[1]], skeleton).encode()


def page_headers(nonce: str) -> list[tuple[str, str]]:
    """Return the headers of the response."""
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", policy),
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
    ]


def is_local(peer: str | None, host_header: str | None) -> bool:
    """Tell whether a request came from this machine and was meant for this machine.

    Both are asked for: a proxy on this machine has a local peer but a public ``Host``, and a page of somebody else's
    that lets its own name point here (DNS rebinding) has that name in ``Host``.
    """
    if peer is None or host_header is None:
        return False
    host = re.sub(r":[0-9]+\Z", "", host_header).lower().removeprefix("[").removesuffix("]")
    return _is_loopback(peer) and (host == "localhost" or _is_loopback(host))


def _is_loopback(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
