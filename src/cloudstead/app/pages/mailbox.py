"""The mailbox: mails that were not sent, because no mail server is named. Plain HTML that needs no script.

What a mail says is text of somebody else's: it is shown escaped, and its HTML only inside a frame in which nothing may
run, load or send.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Final

from starlette.responses import HTMLResponse

from cloudstead.app.pages import new_nonce

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from cloudstead.delivery.mail_folder import FolderMail

MAILBOX_PATH: Final = "/mailbox"

_LINK: Final = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)]")
_HOW_TO: Final = (
    "<p>No mail server is named, so mails lie here instead of being sent. To send them, name one and start anew:</p>"
    "<pre>[mail]\nhost = &quot;smtp.example.com&quot;\nuser_name = &quot;cloud&quot;\npassword = &quot;...&quot;\n"
    "sender = &quot;no-reply@example.com&quot;</pre>"
)
_STYLE: Final = """
main { max-width: 60rem; margin: 1.5rem auto; }
h1 { margin-bottom: .75rem; }
table { width: 100%; border-collapse: collapse; } td, th { text-align: left; padding: .35rem .75rem;
  border-bottom: 1px solid var(--rule); white-space: normal; overflow-wrap: anywhere; vertical-align: top; }
a { color: var(--accent); } pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; }
pre.letter { border-top: 1px solid var(--rule); padding-top: .75rem; }
iframe { width: 100%; height: 27rem; border: 1px solid var(--rule); border-radius: .35rem; background: #fff; }
"""


def mail_list(mails: Sequence[FolderMail]) -> Response:
    """Show the last mails, newest first, and how to have them sent."""
    rows = "".join(
        f'<tr><td><a href="{MAILBOX_PATH}/{escape(mail.id)}">{escape(mail.subject) or "(no subject)"}</a></td>'
        f"<td>{escape(mail.to)}</td><td>{escape(mail.date)}</td></tr>"
        for mail in mails
    )
    table = f"<table><thead><tr><th>Subject<th>To<th>Date</thead><tbody>{rows}</tbody></table>"
    return _page("Mailbox", f"{table}<h2>Sending</h2>{_HOW_TO}" if mails else f"<p>There is no mail yet.</p>{_HOW_TO}")


def mail_page(mail: FolderMail) -> Response:
    """Show one mail: its text with links that can be followed and, in a frame, its HTML."""
    heads = "".join(
        f"<tr><th>{name}</th><td>{escape(value)}</td></tr>"
        for name, value in (("From", mail.sender), ("To", mail.to), ("Date", mail.date))
    )
    frame = ""
    if mail.html is not None:
        frame = (
            f'<h2>As HTML</h2><iframe sandbox="allow-popups allow-popups-to-escape-sandbox" title="The mail as HTML" '
            f'src="{MAILBOX_PATH}/{escape(mail.id)}/html"></iframe>'
        )
    return _page(
        mail.subject or "(no subject)",
        f'<table>{heads}</table><pre class="letter">{_with_links(mail.text)}</pre>{frame}'
        f'<p><a href="{MAILBOX_PATH}">All mails</a></p>',
    )


def mail_html(mail: FolderMail) -> Response:
    """Return the HTML of a mail as it is, in a document that may do nothing but be read."""
    headers = _headers("style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'self'; sandbox allow-popups")
    return HTMLResponse(f'<base target="_blank">{mail.html or ""}', headers=headers)


def switched_off(reason: str) -> Response:
    """Say why there is nothing to see."""
    return _page("Mailbox", f"<p>{escape(reason)}</p>", status=404)


def _with_links(text: str) -> str:
    made, end = [], 0
    for link in _LINK.finditer(text):
        address = escape(link[0])
        made.append(escape(text[end : link.start()]))
        made.append(f'<a href="{address}" target="_blank" rel="noopener noreferrer">{address}</a>')
        end = link.end()
    return "".join([*made, escape(text[end:])])


def _page(title: str, body: str, status: int = 200) -> Response:
    nonce = new_nonce()
    text = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<title>{escape(title)} - cloudstead</title><link rel="icon" href="data:,">'
        f'<style nonce="{nonce}">{_style()}{_STYLE}</style></head><body><header><strong>cloudstead</strong>'
        '<span class="grow"></span><a href="/">First page</a></header>'
        f'<main class="card"><h1>{escape(title)}</h1>{body}</main></body></html>\n'
    )
    policy = f"style-src 'nonce-{nonce}'; img-src data:; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    return HTMLResponse(text, status_code=status, headers=_headers(policy))


@cache
def _style() -> str:
    return resources.files("cloudstead.app.pages").joinpath("style.css").read_text(encoding="utf-8")


def _headers(policy: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": f"default-src 'none'; form-action 'none'; {policy}",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
