"""The pages where the links of mails land: plain HTML that needs no script, in the look of the account.

A token stands in the address of a page once, when the link is followed; from there on it travels in forms.
"""

from __future__ import annotations

from html import escape
from typing import Final

from cloudstead.app.pages.branded import Page
from cloudstead.core.people.mails import CONFIRM_PATH, SET_PASSWORD_PATH
from cloudstead.core.people.profile import MAX_USER_NAME_CHARS

RESEND_PATH: Final = "/people/resend"

_NEW_LINK: Final = "Send me a new link"


def confirm_form(token: str, user_name: str) -> Page:
    """Ask whoever followed the link to confirm: following it changes nothing, for mail scanners do that too."""
    return Page(
        "Confirm your address",
        f"<p>Are you <strong>{escape(user_name)}</strong>, and is this your mail address? One click, and we know.</p>"
        f"{_form(CONFIRM_PATH, _token(token), 'Confirm my address')}",
    )


def confirmed(*, has_place: bool) -> Page:
    """Tell that the address is confirmed, and what comes next."""
    then = (
        '<p>You can <a href="/">sign in</a> now.</p>'
        if has_place
        else "<p>An administrator has to give you a role and a domain next. After that you can sign in "
        '<a href="/">here</a> with your user name and your password.</p>'
    )
    return Page("Your address is confirmed", f'<p role="status">Thank you.</p>{then}')


def password_form(token: str, user_name: str, *, shortest: int, fault: str | None = None) -> Page:
    """Ask for a new password, its rules told beforehand; with ``fault``, say what was wrong with the last one."""
    marks = ' aria-invalid="true" aria-errormessage="fault"' if fault else ""
    told = f'<p id="fault" class="warn" role="alert">{escape(fault)}</p>' if fault else ""
    field = (
        f'type="password" autocomplete="new-password" required minlength="{shortest}" '
        f'maxlength="1024" aria-describedby="rules"{marks}'
    )
    fields = (
        f"{_token(token)}{told}"
        f'<label>User name <input name="userName" value="{escape(user_name)}" autocomplete="username" readonly></label>'
        f'<label>New password <input name="password" {field}></label>'
        f'<p id="rules" class="quiet">{rules(shortest)}</p>'
        f'<label>The same again <input name="again" {field}></label>'
    )
    return Page(
        "Set a new password", _form(SET_PASSWORD_PATH, fields, "Set the password"), status=422 if fault else 200
    )


def password_set(*, has_place: bool) -> Page:
    """Tell that the password is set, and where it is good for."""
    then = (
        '<p>You can <a href="/">sign in</a> with it now.</p>'
        if has_place
        else '<p>Once an administrator has given you a role and a domain, you can sign in <a href="/">here</a>.</p>'
    )
    return Page(
        "Your password is set",
        f'<p role="status">Whoever was signed in with the old one, you included, no longer is.</p>{then}',
    )


def already_confirmed() -> Page:
    """Tell whoever follows a confirmation link twice that all is well."""
    return Page(
        "Your address is confirmed already",
        '<p role="status">There is nothing more to do here.</p><p>Sign in <a href="/">here</a>.</p>',
    )


def link_over(token: str, state: str) -> Page:
    """Tell what happened to a link, and offer another one."""
    reason = {
        "used": "This link was used already. Each link works once.",
        "expired": "This link has run out.",
        "replaced": "A newer link was sent to you, or your password was changed since: this one is not good any more.",
    }[state]
    return Page(
        "This link does not work any more",
        f'<p role="alert">{reason}</p>{_form(RESEND_PATH, _token(token), _NEW_LINK)}'
        '<p>If all is done already, sign in <a href="/">here</a>.</p>',
        status=410,
    )


def link_unknown() -> Page:
    """Tell that the link is none of ours, and let its owner ask by user name."""
    return Page(
        "This link does not work",
        '<p role="alert">Perhaps the mail program broke it in two: copy all of it from the mail into the address bar. '
        f"Or have another one sent.</p>{_ask_by_name()}",
        status=404,
    )


def resend_form() -> Page:
    """Let anybody ask for the link that helps on."""
    return Page(
        "Get a new link",
        "<p>For confirming your address after signing up, or for setting a new password.</p>" + _ask_by_name(),
    )


def asked_for_link() -> Page:
    """Tell that a mail may be on its way, and not to whom: whoever asked need not be who is meant."""
    return Page(
        "Look into your mailbox",
        '<p role="status">If there is such a user, a mail with a new link is on its way. It takes a minute or two; '
        "look among the unwanted mails as well. Older links of the same kind do not work any more.</p>"
        "<p>After several mails in a short time we send no more for a while; the last link then stays good.</p>",
    )


def trouble(title: str, text: str, status: int) -> Page:
    """Tell of a request that went wrong."""
    return Page(title, f'<p role="alert">{escape(text)}</p><p><a href="{RESEND_PATH}">Get a new link</a></p>', status)


def rules(shortest: int) -> str:
    """Tell what a password has to be."""
    return (
        f"At least {shortest} characters; blanks and every kind of letter are fine. A few words in a row are easier to "
        "remember than a short riddle."
    )


def _ask_by_name() -> str:
    field = (
        f'<label>User name <input name="userName" autocomplete="username" required maxlength="{MAX_USER_NAME_CHARS}">'
        "</label>"
    )
    return _form(RESEND_PATH, field, _NEW_LINK)


def _form(path: str, fields: str, submit: str) -> str:
    return f'<form method="post" action="{path}">{fields}<p><button type="submit">{submit}</button></p></form>'


def _token(token: str) -> str:
    return f'<input type="hidden" name="token" value="{escape(token)}">'
