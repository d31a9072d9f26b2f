"""The pages around a sign-in by way of an identity provider."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from cloudstead.app.pages.branded import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.identityproviders.model import IdentityProvider

SIGN_IN_PATH: Final = "/people/sign-in"
SIGN_OUT_PATH: Final = "/people/saml2/sign-out"


def choice(providers: Sequence[IdentityProvider]) -> Page:
    """Let somebody choose among the providers of an account."""
    return Page("Sign in", f"<p>Who knows you?</p>{links(providers)}")


def links(providers: Sequence[IdentityProvider]) -> str:
    """Return a link to each provider, as HTML."""
    places = [(f"{SIGN_IN_PATH}/{each.id}", escape(each.name)) for each in providers]
    return "".join(f'<p><a href="{place}">Sign in with {name}</a></p>' for place, name in places)


def signed_in(user_name: str, token: str, *, idle_minutes: int) -> Page:
    """Show the session's token, once."""
    return Page(
        "You are signed in",
        f'<p role="status">Welcome, <strong>{escape(user_name)}</strong>.</p>'
        "<h2>Your login token</h2><p>Programs send it as <code>Authorization: Bearer</code>. It ends after "
        f"{idle_minutes} minutes without use, and when you sign out.</p>"
        f'<p><label>Login token <input name="token" value="{escape(token)}" readonly></label></p>'
        f"{_sign_out_form()}",
    )


def sign_out_form() -> Page:
    """Ask before signing out: following a link changes nothing."""
    return Page("Sign out", f"<p>This ends your session here and at your identity provider.</p>{_sign_out_form()}")


def signed_out() -> Page:
    """Tell that the session is over."""
    return Page("You are signed out", '<p role="status">Your session here has ended.</p>')


def on_the_way(url: str) -> Page:
    """Tell that the provider comes next; the browser goes there by itself."""
    return Page(
        "You are signed out here",
        '<p role="status">Your identity provider ends your session there next.</p>'
        f'<p><a href="{escape(url)}">Go on</a></p>',
    )


def trouble(title: str, text: str, status: int) -> Page:
    """Tell what went wrong."""
    return Page(title, f'<p role="alert">{escape(text)}</p>', status)


def _sign_out_form() -> str:
    return f'<form method="post" action="{SIGN_OUT_PATH}"><p><button type="submit">Sign out</button></p></form>'
