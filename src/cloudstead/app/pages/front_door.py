"""The pages by which people come in: sign-in with its steps, invitations, sessions. Plain HTML that needs no script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

import segno

from cloudstead.app.pages.branded import Page
from cloudstead.app.pages.people import RESEND_PATH, rules
from cloudstead.app.pages.single_sign_on import links
from cloudstead.core.invitations.registry import ACCEPT_PATH
from cloudstead.core.people.front_door import Step
from cloudstead.core.people.profile import MAX_USER_NAME_CHARS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.identityproviders.model import IdentityProvider
    from cloudstead.core.invitations.accepting import OpenInvitation
    from cloudstead.core.people.front_door import Due, Entered
    from cloudstead.core.people.second_factor import Enrolment
    from cloudstead.core.people.sessions import LoginSession

SIGN_IN_PATH: Final = "/people/sign-in"
CODE_PATH: Final = "/people/code"
SET_UP_PATH: Final = "/people/second-factor"
NEW_PASSWORD_PATH: Final = "/people/new-password"  # noqa: S105 - a path, not a password
SESSIONS_PATH: Final = "/people/sessions"
SIGN_OUT_PATH: Final = "/people/sign-out"

_PATH_OF: Final = {Step.CODE: CODE_PATH, Step.SET_UP: SET_UP_PATH, Step.PASSWORD: NEW_PASSWORD_PATH}


def sign_in_form(
    providers: Sequence[IdentityProvider], user_name: str = "", *, fault: str | None = None, status: int = 200
) -> Page:
    """Ask for user name and password, or offer the account's identity providers."""
    fields = (
        f"{_told(fault)}"
        f'<label>User name <input name="userName" value="{escape(user_name)}" autocomplete="username" required '
        f'maxlength="{MAX_USER_NAME_CHARS}"></label>'
        '<label>Password <input name="password" type="password" autocomplete="current-password" required '
        'maxlength="1024"></label>'
    )
    forgotten = f'<p><a href="{RESEND_PATH}">I have forgotten my password</a></p>'
    return Page("Sign in", _form(SIGN_IN_PATH, fields, "Sign in") + links(providers) + forgotten, status=status)


def due(step: Due, *, fault: str | None = None) -> Page:
    """Ask for what is due next."""
    if step.step is Step.PASSWORD:
        return _new_password(step, fault)
    status = 422 if fault else 200
    fields = f"{_hidden('ticket', step.ticket)}{_told(fault)}{_code_field(step.step)}"
    form = _form(_PATH_OF[step.step], fields, "Go on")
    if step.step is Step.SET_UP and step.enrolment is not None:
        return Page("Set up your second factor", _how_to_set_up(step.enrolment) + form, status=status)
    return Page("Enter your code", "<p>Your authenticator shows six digits.</p>" + form, status=status)


def entered(done: Entered, *, idle_minutes: int) -> Page:
    """Tell that somebody is in, and show what is shown once."""
    codes = ""
    if done.scratch_codes:
        items = "".join(f"<li><code>{escape(code)}</code></li>" for code in done.scratch_codes)
        codes = (
            "<h2>Your scratch codes</h2><p>Each lets you in once when your authenticator is not at hand. They are "
            f'shown here and never again: keep them where nobody else looks.</p><ul class="codes">{items}</ul>'
        )
    token = done.session.token
    return Page(
        "You are signed in",
        f'<p role="status">Welcome, <strong>{escape(done.person.user_name)}</strong>.</p>{codes}'
        "<h2>Your login token</h2><p>Programs send it as <code>Authorization: Bearer</code>. It ends after "
        f'{idle_minutes} minutes without use, and when you sign out. It opens <a href="/docs/account-management">'
        'account management</a>; your things are on <a href="/">the first page</a>, which asks once more.</p>'
        f'<p><label>Login token <input name="token" value="{escape(token)}" readonly></label></p>'
        f"{_form(SESSIONS_PATH, _hidden('session', token), 'Show where I am signed in')}"
        f"{_form(SIGN_OUT_PATH, _hidden('session', token), 'Sign out')}",
    )


def sessions(token: str, opened: Sequence[LoginSession], current_id: str, when: Sequence[str]) -> Page:
    """List where somebody is signed in; each can be ended."""
    rows = "".join(
        f"<li><p>{escape(each.user_agent or 'An unknown program')}<br>from "
        f"{escape(each.address or 'an unknown address')}, since {escape(since)}"
        f"{' (this one)' if each.id == current_id else ''}</p>"
        f"{_form(SESSIONS_PATH, _hidden('session', token) + _hidden('end', each.id), 'End it')}</li>"
        for each, since in zip(opened, when, strict=True)
    )
    return Page("Where you are signed in", f"<ul>{rows}</ul>")


def signed_out() -> Page:
    """Tell that the session is over."""
    return Page("You are signed out", f'<p role="status">See you.</p><p><a href="{SIGN_IN_PATH}">Sign in again</a></p>')


def begin_again(text: str) -> Page:
    """Tell that a step came too late."""
    return Page(
        "Please begin again", f'<p role="alert">{escape(text)}</p><p><a href="{SIGN_IN_PATH}">Sign in</a></p>', 410
    )


def accept_form(
    token: str, opened: OpenInvitation, *, fault: str | None = None, values: tuple[str, str] = ("", "")
) -> Page:
    """Ask whoever was invited for a name and a password, or for the password held elsewhere."""
    status = 422 if fault else 200
    greeting = (
        f"<p>You are invited to <strong>{escape(opened.account_name)}</strong> as "
        f"<strong>{escape(opened.email)}</strong>.</p>"
    )
    if opened.user_name is not None:
        fields = (
            f"{_hidden('token', token)}{_told(fault)}"
            f'<label>User name <input name="userName" value="{escape(opened.user_name)}" autocomplete="username" '
            'readonly></label><label>Your password <input name="password" type="password" '
            'autocomplete="current-password" required maxlength="1024"></label>'
        )
        known = "<p>You have a user name and a password already: they are good there as well.</p>"
        return Page("Your invitation", greeting + known + _form(ACCEPT_PATH, fields, "Come in"), status=status)
    user_name, full_name = values
    password = (
        f'type="password" autocomplete="new-password" required minlength="{opened.shortest_password}" maxlength="1024"'
    )
    fields = (
        f"{_hidden('token', token)}{_told(fault)}"
        f'<label>User name <input name="userName" value="{escape(user_name)}" autocomplete="username" required '
        'minlength="4" maxlength="30" aria-describedby="names"></label>'
        '<p id="names" class="quiet">4 to 30 letters, digits or characters of - , . _ @ + =</p>'
        f'<label>Your name <input name="fullName" value="{escape(full_name)}" autocomplete="name" maxlength="100">'
        "</label>"
        f'<label>Password <input name="password" {password} aria-describedby="rules"></label>'
        f'<p id="rules" class="quiet">{rules(opened.shortest_password)}</p>'
        f'<label>The same again <input name="again" {password} aria-describedby="rules"></label>'
    )
    return Page("Your invitation", greeting + _form(ACCEPT_PATH, fields, "Come in"), status=status)


def accepted(user_name: str) -> Page:
    """Tell that somebody has come in."""
    return Page(
        "You are in",
        f'<p role="status">Welcome, <strong>{escape(user_name)}</strong>.</p>'
        f'<p>You can <a href="{SIGN_IN_PATH}">sign in</a> now.</p>',
    )


def invitation_over() -> Page:
    """Tell that there is no such invitation (any more)."""
    return Page(
        "This invitation does not work",
        '<p role="alert">It was accepted already, has run out, was taken back, or a newer one was sent to you.</p>'
        f'<p>If you are in already, <a href="{SIGN_IN_PATH}">sign in</a>.</p>',
        status=404,
    )


def no_account() -> Page:
    """Tell that the address belongs to nobody's account."""
    return Page("Nobody is at home here", '<p role="alert">No account answers to this host name.</p>', status=404)


def _new_password(step: Due, fault: str | None) -> Page:
    field = (
        f'type="password" autocomplete="new-password" required minlength="{step.shortest_password}" maxlength="1024"'
    )
    fields = (
        f"{_hidden('ticket', step.ticket)}{_told(fault)}"
        f'<label>User name <input name="userName" value="{escape(step.user_name)}" autocomplete="username" readonly>'
        f'</label><label>New password <input name="password" {field} aria-describedby="rules"></label>'
        f'<p id="rules" class="quiet">{rules(step.shortest_password)}</p>'
        f'<label>The same again <input name="again" {field} aria-describedby="rules"></label>'
    )
    told = "<p>The password that you were given is good for once. Choose your own now.</p>"
    return Page("Choose a password", told + _form(NEW_PASSWORD_PATH, fields, "Go on"), status=422 if fault else 200)


def _how_to_set_up(enrolment: Enrolment) -> str:
    # Error correction M: read from a screen; light modules are drawn, for the page may be dark.
    drawing = segno.make(enrolment.uri, error="m", micro=False).svg_inline(scale=4, border=4, light="#fff", dark="#000")
    secret = " ".join(enrolment.secret[start : start + 4] for start in range(0, len(enrolment.secret), 4))
    return (
        "<p>This account asks for a second factor. Read this with an authenticator app, or type the secret into it; "
        'then enter the six digits that it shows.</p><div class="qr" role="img" aria-label="QR code of the secret">'
        f"{drawing}</div><p>Secret: <code>{escape(secret)}</code></p>"
    )


def _code_field(step: Step) -> str:
    limits = 'pattern="[0-9 ]*" inputmode="numeric" maxlength="16"' if step is Step.SET_UP else 'maxlength="64"'
    label = "Code" if step is Step.SET_UP else "Code, or a scratch code"
    return f'<label>{label} <input name="code" autocomplete="one-time-code" required {limits}></label>'


def _told(fault: str | None) -> str:
    return f'<p id="fault" class="warn" role="alert">{escape(fault)}</p>' if fault else ""


def _form(path: str, fields: str, submit: str) -> str:
    return f'<form method="post" action="{path}">{fields}<p><button type="submit">{submit}</button></p></form>'


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'
