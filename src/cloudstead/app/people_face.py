"""The face of people's own pages: reading one changes nothing, only a form that is sent uses a link up.

What keeps other sites from sending these forms is that they do not know the token inside.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from cloudstead.app.pages import people as pages
from cloudstead.app.pages.branded import show
from cloudstead.core.branding.look import look_of, own_look
from cloudstead.core.errors import CloudsteadError, InvalidField
from cloudstead.core.people.doors import account_behind
from cloudstead.core.people.errors import LinkNotUsable
from cloudstead.core.people.links import LinkState, Purpose
from cloudstead.core.people.mails import CONFIRM_PATH, SET_PASSWORD_PATH
from cloudstead.core.people.recovery import PASSWORD_PURPOSES
from cloudstead.web.errors import MethodNotAllowed, RouteNotFound, WebError
from cloudstead.web.face import ErrorMap, Face, below
from cloudstead.web.forms import page_form
from cloudstead.web.routes import PathRoutes
from cloudstead.web.table import op

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response

    from cloudstead.app.pages.branded import Page
    from cloudstead.core.branding.look import Look
    from cloudstead.core.people.recovery import OpenedLink, Recovery
    from cloudstead.core.unit import Database, Unit
    from cloudstead.web.call import Call

_BODY_LIMIT: Final = 16 * 1024


def people_face(recovery: Recovery, database: Database) -> Face:
    """Return the face of everything below ``/people/``; whoever asks by user name is asked of by the host's account."""
    answers = _Answers(recovery, database)
    shown = answers.in_look
    rows = [
        op("GET", CONFIRM_PATH, name="show_confirmation", run=shown(answers.show_confirmation), is_open=True),
        op("POST", CONFIRM_PATH, name="confirm", run=shown(answers.confirm), is_open=True),
        op("GET", SET_PASSWORD_PATH, name="show_password_form", run=shown(answers.show_password_form), is_open=True),
        op("POST", SET_PASSWORD_PATH, name="set_password", run=shown(answers.set_password), is_open=True),
        op("GET", pages.RESEND_PATH, name="show_resend_form", run=shown(answers.show_resend_form), is_open=True),
        op("POST", pages.RESEND_PATH, name="resend", run=shown(answers.resend), is_open=True),
    ]
    return Face(
        name="people",
        matches=below("/people/"),
        routes=PathRoutes(rows, ignore_last_slash=True),
        errors=_ERRORS,
        body_limit=_BODY_LIMIT,
        media_type="text/html",
    )


class _Answers:
    def __init__(self, recovery: Recovery, database: Database) -> None:
        self._recovery = recovery
        self._database = database

    def in_look(self, handler: Callable[[Call[None]], Awaitable[Page]]) -> Callable[[Call[None]], Awaitable[Response]]:
        """Return the handler with its page shown as its account looks: that of the link, else that of the host."""

        @wraps(handler)
        async def answer(call: Call[None]) -> Response:
            return show(await handler(call), await self._look(call))

        return answer

    async def _look(self, call: Call[None]) -> Look:
        token = call.query.get("token") or (await page_form(call)).get("token", "")
        opened = await self._recovery.look(token)

        def find(unit: Unit) -> Look:
            if opened is not None:
                return look_of(unit, opened.account_id)
            account = unit.accounts.by_host(call.host)
            return own_look() if account is None else look_of(unit, account.id)

        return await self._database.read(find)

    async def show_confirmation(self, call: Call[None]) -> Page:
        """Show what a confirmation link is for, without using it."""
        token = call.query.get("token", "")
        opened = await self._recovery.look(token)
        if opened is None or opened.purpose is not Purpose.CONFIRM:
            return pages.link_unknown()
        if opened.state is LinkState.FRESH:
            return pages.confirm_form(token, opened.user_name)
        return pages.already_confirmed() if opened.is_confirmed else pages.link_over(token, opened.state.value)

    async def confirm(self, call: Call[None]) -> Page:
        """Use a confirmation link."""
        token = (await page_form(call)).get("token", "")
        try:
            member = await self._recovery.confirm(token, source_address=call.peer_address)
        except LinkNotUsable as fault:
            opened = await self._recovery.look(token)
            if opened is not None and opened.purpose is Purpose.CONFIRM and opened.is_confirmed:
                return pages.already_confirmed()
            return pages.link_unknown() if fault.state is None else pages.link_over(token, fault.state)
        return pages.confirmed(has_place=bool(member.grants))

    async def show_password_form(self, call: Call[None]) -> Page:
        """Show the form of a new password, without using the link."""
        token = call.query.get("token", "")
        return _password_page(token, await self._recovery.look(token))

    async def set_password(self, call: Call[None]) -> Page:
        """Use a link to set a password."""
        form = await page_form(call)
        token, password = form.get("token", ""), form.get("password", "")
        opened = await self._recovery.look(token)
        if opened is None or opened.purpose not in PASSWORD_PURPOSES or opened.state is not LinkState.FRESH:
            return _password_page(token, opened)
        if password != form.get("again", ""):
            fault = "The two passwords are not the same. Type both again."
            return pages.password_form(token, opened.user_name, shortest=opened.shortest_password, fault=fault)
        try:
            member = await self._recovery.set_password(token, password, source_address=call.peer_address)
        except InvalidField as invalid:
            return pages.password_form(
                token, opened.user_name, shortest=opened.shortest_password, fault=f"The password {invalid.reason}."
            )
        except LinkNotUsable:
            return _password_page(token, await self._recovery.look(token))
        return pages.password_set(has_place=bool(member.grants))

    async def show_resend_form(self, call: Call[None]) -> Page:  # noqa: ARG002 - every handler is given the call
        """Show the form that asks for a new link."""
        return pages.resend_form()

    async def resend(self, call: Call[None]) -> Page:
        """Mail a new link, to the owner of another one or to a user by name."""
        form = await page_form(call)
        token, user_name = form.get("token", ""), form.get("userName", "").strip()
        if token:
            is_ours = await self._recovery.ask_with(token, source_address=call.peer_address)
            return pages.asked_for_link() if is_ours else pages.link_unknown()
        if not user_name:
            return pages.resend_form()
        account = await self._database.read(lambda unit: account_behind(unit, call.host, user_name))
        if account is not None:
            self._recovery.ask_again(account, user_name, source_address=call.peer_address)
        return pages.asked_for_link()


def _password_page(token: str, opened: OpenedLink | None) -> Page:
    if opened is None or opened.purpose not in PASSWORD_PURPOSES:
        return pages.link_unknown()
    if opened.state is not LinkState.FRESH:
        return pages.link_over(token, opened.state.value)
    return pages.password_form(token, opened.user_name, shortest=opened.shortest_password)


def _refused(error: WebError, call: Call[Any]) -> Response:
    del call
    return show(pages.trouble("This did not work", str(error), 400), own_look())


def _not_there(error: WebError, call: Call[Any]) -> Response:
    del call
    status = 405 if isinstance(error, MethodNotAllowed) else 404
    return show(pages.trouble("There is no such page", "The address is none of ours.", status), own_look())


def _not_possible(error: CloudsteadError, call: Call[Any]) -> Response:
    del call
    return show(pages.trouble("This did not work", str(error), 400), own_look())


def _unexpected(call: Call[Any]) -> Response:
    text = f"Something went wrong here; the log has the details under {call.request_id}."
    return show(pages.trouble("Something went wrong", text, 500), own_look())


_ERRORS: Final = ErrorMap(
    {RouteNotFound: _not_there, MethodNotAllowed: _not_there, WebError: _refused, CloudsteadError: _not_possible},
    unexpected=_unexpected,
)
