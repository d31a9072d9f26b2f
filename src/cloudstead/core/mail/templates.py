"""The letters that people need, as text and as simple HTML: no tracking, one link."""

from __future__ import annotations

import re
from html import escape
from typing import Final

from cloudstead.core.mail.dress import undressed
from cloudstead.core.mail.model import Letter
from cloudstead.core.texts import CONTROL

_NO_NAME: Final = re.compile(r"[/:.@\\?&=<>]")
_LONGEST_NAME: Final = 64


def confirm_sign_up(*, to: str, account_name: str, name: str, link: str, valid_minutes: int) -> Letter:
    """Ask whether the address is that of whoever signed up. ``name`` is how to address the person."""
    account = _line(account_name)
    return _letter(
        to,
        f"Confirm your address for {account}",
        [_hello(name), f"you signed up for {account}. Please confirm that this is your address:"],
        link,
        [_until(valid_minutes), "If you did not sign up, do nothing: without your answer nothing happens."],
    )


def set_password(*, to: str, account_name: str, name: str, link: str, valid_minutes: int) -> Letter:
    """Let somebody who forgot the password set a new one."""
    account = _line(account_name)
    return _letter(
        to,
        f"Set a new password for {account}",
        [_hello(name), f"somebody, hopefully you, asked for a new password for {account}. Set it here:"],
        link,
        [_until(valid_minutes), "If it was not you, do nothing: your password stays as it is."],
    )


def reset_password(*, to: str, account_name: str, name: str, link: str, valid_minutes: int) -> Letter:
    """Let somebody in again whose password was reset by an administrator."""
    account = _line(account_name)
    return _letter(
        to,
        f"Your password for {account} was reset",
        [
            _hello(name),
            f"an administrator has reset your password for {account}. You cannot sign in until you set a new one:",
        ],
        link,
        [_until(valid_minutes), "If it has run out, ask for a new one under that link."],
    )


def password_changed(*, to: str, account_name: str, name: str) -> Letter:
    """Tell that the password is another one now."""
    account = _line(account_name)
    return _letter(
        to,
        f"Your password for {account} was changed",
        [_hello(name), f"your password for {account} was changed."],
        None,
        ["If it was not you, ask an administrator at once to lock you out and to set a new password."],
    )


def invitation(
    *,
    to: str,
    account_name: str,
    name: str,
    user_name: str,
    link: str,
    valid_minutes: int,
    invited_by: str | None = None,
) -> Letter:
    """Invite somebody who was made a user, to set a password and come in."""
    account = _line(account_name)
    who = f"{_line(invited_by)} has invited you" if invited_by else "you have been invited"
    return _letter(
        to,
        f"Your invitation to {account}",
        [
            _hello(name),
            f"{who} to {account}. Your user name is {_line(user_name)}. Set a password to come in:",
        ],
        link,
        [_until(valid_minutes)],
    )


def join(*, to: str, account_name: str, link: str, valid_minutes: int) -> Letter:
    """Ask somebody into an account, who may or may not be known here."""
    account = _line(account_name)
    return _letter(
        to,
        f"Your invitation to {account}",
        ["Hello,", f"you have been invited to {account}. Follow the link to come in:"],
        link,
        [_until(valid_minutes), "If you do not want to, do nothing: without your answer nothing happens."],
    )


def administer(*, to: str, account_name: str, name: str, user_name: str) -> Letter:
    """Tell somebody who is known here already about the new account that was put into their hands."""
    account = _line(account_name)
    return _letter(
        to,
        f"You administer {account}",
        [
            _hello(name),
            f"a new account was opened, and you are its administrator: {account}.",
            f"Your user name is still {_line(user_name)}, and you sign in as before. There is nothing to set up.",
        ],
        None,
        ["If you do not know of this, ask whoever looks after your other account."],
    )


def notice(*, to: str, account_name: str, subject: str, message: str) -> Letter:
    """Tell those who look after an account what happened to it."""
    return _letter(to, f"{_line(subject)} ({_line(account_name)})", ["Hello,", _line(message)], None, [])


def _letter(to: str, subject: str, before: list[str], link: str | None, after: list[str]) -> Letter:
    if link is not None and not link.startswith(("https://", "http://")):
        raise ValueError("a link in a letter leads to a web page")
    lines = [*before, *([] if link is None else [link]), *after]
    anchor = "" if link is None else f'<p><a href="{escape(link)}">{escape(link)}</a></p>'
    html = undressed(f"{_paragraphs(before)}{anchor}{_paragraphs(after)}")
    return Letter(to=to, subject=_line(subject)[:200], text="\n\n".join(lines) + "\n", html=html)


def _paragraphs(lines: list[str]) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def _until(valid_minutes: int) -> str:
    for minutes, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        count, rest = divmod(valid_minutes, minutes)
        if not rest and count > (unit == "day"):  # "24 hours" is less easily misread than "1 day"
            break
    return f"The link works once, within {count} {unit}{'' if count == 1 else 's'}."


def _hello(name: str) -> str:
    """Greet by a name that looks like one: whoever signs up with somebody else's address writes that line to them."""
    shown = _line(name)
    return f"Hello {shown}," if len(shown) <= _LONGEST_NAME and not _NO_NAME.search(shown) else "Hello,"


def _line(text: str) -> str:
    """Keep a name on one line: it stands in the subject, where a line break would begin a header of its own."""
    return " ".join(CONTROL.sub(" ", text).split())
