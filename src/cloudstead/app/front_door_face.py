"""The face of the pages by which people come in: sign-in and its steps, sessions, invitations.

A form that somebody else's site sends can do nothing here: no cookie says who asks, every form carries its own proof.
Programs may ask for JSON by ``Accept``; they send the same forms.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse, RedirectResponse

from cloudstead.app.pages import front_door as pages
from cloudstead.app.pages.branded import Page, show
from cloudstead.app.pages.people import trouble
from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.branding.look import look_of, own_look
from cloudstead.core.credentials.errors import CredentialRefused
from cloudstead.core.errors import CloudsteadError, InvalidField
from cloudstead.core.identityproviders.round_trip import offered
from cloudstead.core.invitations.errors import InvitationNotFound
from cloudstead.core.invitations.registry import ACCEPT_PATH
from cloudstead.core.people.doors import account_behind
from cloudstead.core.people.errors import (
    CodeRefused,
    LoginLocked,
    LoginRefused,
    SecondFactorMissing,
    TicketOver,
    UserNameTaken,
)
from cloudstead.core.people.front_door import Entered
from cloudstead.core.people.sessions import Client, SessionId, idle_minutes, recognise
from cloudstead.web.errors import MethodNotAllowed, RouteNotFound, WebError
from cloudstead.web.face import ErrorMap, Face
from cloudstead.web.forms import page_form
from cloudstead.web.routes import PathRoutes
from cloudstead.web.table import op

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from starlette.responses import Response
    from starlette.types import Scope

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.branding.look import Look
    from cloudstead.core.clock import Clock
    from cloudstead.core.identityproviders.model import IdentityProvider
    from cloudstead.core.invitations.accepting import Accepting
    from cloudstead.core.people.front_door import Due, FrontDoor
    from cloudstead.core.people.sessions import LoginSession, Sessions
    from cloudstead.core.unit import Database, Unit
    from cloudstead.web.call import Call

_BODY_LIMIT: Final = 16 * 1024
_UNKEPT: Final = {"Cache-Control": "no-store"}
_NOT_THE_SAME: Final = "The two passwords are not the same. Type both again."
# Addresses that people type, keep or come back to, where a page is only to be had by a form with a proof in it.
_TO_THE_DOOR: Final = {
    "/people": "begin",
    pages.CODE_PATH: "begin_before_code",
    pages.SET_UP_PATH: "begin_before_second_factor",
    pages.NEW_PASSWORD_PATH: "begin_before_new_password",
    pages.SESSIONS_PATH: "begin_before_sessions",
    pages.SIGN_OUT_PATH: "begin_before_sign_out",
}
_PATHS: Final = (pages.SIGN_IN_PATH, ACCEPT_PATH, *_TO_THE_DOOR)


def front_door_face(
    door: FrontDoor, accepting: Accepting, sessions: Sessions, database: Database, clock: Clock
) -> Face:
    """Return the face; it is asked before the one of all other pages of people."""
    answers = _Answers(door, accepting, sessions, database, clock)
    shown = answers.in_look
    posts = {
        pages.SIGN_IN_PATH: ("sign_in", answers.sign_in),
        pages.CODE_PATH: ("enter_code", answers.enter_code),
        pages.SET_UP_PATH: ("set_up_second_factor", answers.set_up),
        pages.NEW_PASSWORD_PATH: ("choose_password", answers.choose_password),
        pages.SESSIONS_PATH: ("list_sessions", answers.list_sessions),
        pages.SIGN_OUT_PATH: ("sign_out", answers.sign_out),
        ACCEPT_PATH: ("accept_invitation", answers.accept),
    }
    rows = [
        op("GET", pages.SIGN_IN_PATH, name="show_sign_in", run=shown(answers.show_sign_in), is_open=True),
        op("GET", ACCEPT_PATH, name="show_invitation", run=shown(answers.show_invitation), is_open=True),
        *(op("GET", path, name=name, run=answers.to_the_door, is_open=True) for path, name in _TO_THE_DOOR.items()),
        *(op("POST", path, name=name, run=shown(run), is_open=True) for path, (name, run) in posts.items()),
    ]
    own = {path.encode() for path in _PATHS}

    def matches(scope: Scope) -> bool:
        return scope["raw_path"].removesuffix(b"/") in own

    return Face(
        name="front-door",
        matches=matches,
        routes=PathRoutes(rows, ignore_last_slash=True),
        errors=_ERRORS,
        body_limit=_BODY_LIMIT,
        media_type="text/html",
    )


class _Answers:
    def __init__(
        self, door: FrontDoor, accepting: Accepting, sessions: Sessions, database: Database, clock: Clock
    ) -> None:
        self._door = door
        self._accepting = accepting
        self._sessions = sessions
        self._database = database
        self._clock = clock

    def in_look(
        self, handler: Callable[[Call[None]], Awaitable[Page | Response]]
    ) -> Callable[[Call[None]], Awaitable[Response]]:
        """Return the handler with its page shown as its account looks."""

        @wraps(handler)
        async def answer(call: Call[None]) -> Response:
            page = await handler(call)
            return show(page, await self._look(call)) if isinstance(page, Page) else page

        return answer

    async def _look(self, call: Call[None]) -> Look:
        token = call.query.get("token") or (await page_form(call)).get("token", "")
        invited = await self._accepting.look(token)

        def find(unit: Unit) -> Look:
            if invited is not None:
                return look_of(unit, invited.account_id)
            account = unit.accounts.by_host(call.host)
            return own_look() if account is None else look_of(unit, account.id)

        return await self._database.read(find)

    async def show_sign_in(self, call: Call[None]) -> Page:
        """Show the form."""
        account = await self._account(call)
        return pages.no_account() if account is None else pages.sign_in_form(await self._providers(account))

    async def sign_in(self, call: Call[None]) -> Page | Response:
        """Check user name and password."""
        form = await page_form(call)
        user_name = form.get("userName", "").strip()
        account = await self._database.read(lambda unit: account_behind(unit, call.host, user_name))
        if account is None:
            return pages.no_account()
        try:
            came = await self._door.begin(account, user_name, password=form.get("password", ""), client=_client(call))
        except (LoginRefused, LoginLocked, AccountNotUsable) as refused:
            if _wants_json(call):
                return _refused_as_json(refused)
            at_the_door = await self._account(call)
            providers = () if at_the_door is None else await self._providers(at_the_door)
            return pages.sign_in_form(providers, user_name, fault=str(refused), status=_status_of(refused))
        return await self._came(call, came)

    async def to_the_door(self, call: Call[None]) -> Response:  # noqa: ARG002 - every handler is given the call
        """Lead whoever has no form in hand to the sign-in."""
        return RedirectResponse(pages.SIGN_IN_PATH, 303)

    async def enter_code(self, call: Call[None]) -> Page | Response:
        """Check the code of a second factor."""
        form = await page_form(call)
        return await self._step(call, self._door.enter_code(*_coded(form), client=_client(call)))

    async def set_up(self, call: Call[None]) -> Page | Response:
        """Switch a second factor on with its first code."""
        form = await page_form(call)
        return await self._step(call, self._door.set_up(*_coded(form), client=_client(call)))

    async def choose_password(self, call: Call[None]) -> Page | Response:
        """Change a password that was given for one time."""
        form = await page_form(call)
        ticket, password = form.get("ticket", ""), form.get("password", "")
        if password != form.get("again", password if _wants_json(call) else ""):
            return await self._again(call, ticket, _NOT_THE_SAME)
        return await self._step(call, self._door.set_password(ticket, password, client=_client(call)))

    async def list_sessions(self, call: Call[None]) -> Page | Response:
        """List where somebody is signed in, or end one of the sessions."""
        form = await page_form(call)
        token, ended = form.get("session", ""), form.get("end", "")
        now_ms = self._clock.millis()

        def write(unit: Unit) -> tuple[LoginSession, list[LoginSession]]:
            current = recognise(unit, token, now_ms=now_ms)
            person = unit.people.get(current.person_id)
            if person is None or person.credential_epoch != current.credential_epoch:
                raise TicketOver
            if ended:
                self._sessions.end(unit, current.account_id, person.id, SessionId(ended))
            return current, self._sessions.opened(unit, current.account_id, person)

        try:
            current, opened = await self._database.write(write)
        except (CredentialRefused, TicketOver):
            return pages.begin_again("You are not signed in any more.")
        if ended == current.id:
            return pages.signed_out()
        when = [f"{datetime.fromtimestamp(each.created_at_ms // 1000, UTC):%Y-%m-%d %H:%M} UTC" for each in opened]
        return pages.sessions(token, opened, current.id, when)

    async def sign_out(self, call: Call[None]) -> Page:
        """End a session."""
        form = await page_form(call)
        try:
            await self._door.sign_out(form.get("session", ""))
        except CredentialRefused:
            return pages.begin_again("You are not signed in any more.")
        return pages.signed_out()

    async def show_invitation(self, call: Call[None]) -> Page:
        """Show what an invitation is for, without using it."""
        token = call.query.get("token", "")
        opened = await self._accepting.look(token)
        return pages.invitation_over() if opened is None else pages.accept_form(token, opened)

    async def accept(self, call: Call[None]) -> Page:
        """Come in by an invitation."""
        form = await page_form(call)
        token, password = form.get("token", ""), form.get("password", "")
        opened = await self._accepting.look(token)
        if opened is None:
            return pages.invitation_over()
        values = (form.get("userName", "").strip(), form.get("fullName", "").strip())
        try:
            if opened.user_name is not None:
                person = await self._accepting.accept_as_known(
                    token, password=password, source_address=call.peer_address
                )
                return pages.accepted(person.user_name)
            if password != form.get("again", ""):
                return pages.accept_form(token, opened, fault=_NOT_THE_SAME, values=values)
            person = await self._accepting.accept(
                token,
                user_name=values[0],
                full_name=values[1],
                password=password,
                source_address=call.peer_address,
            )
        except InvitationNotFound:
            return pages.invitation_over()
        except InvalidField as fault:
            told = f"{_SPOKEN.get(fault.field, fault.field)} {fault.reason}."
            return pages.accept_form(token, opened, fault=told, values=values)
        except (UserNameTaken, LoginRefused, LoginLocked) as fault:
            return pages.accept_form(token, opened, fault=str(fault), values=values)
        return pages.accepted(person.user_name)

    async def _step(self, call: Call[None], step: Awaitable[Due | Entered]) -> Page | Response:
        form = await page_form(call)
        try:
            return await self._came(call, await step)
        except (TicketOver, SecondFactorMissing, AccountNotUsable) as over:
            return _refused_as_json(over) if _wants_json(call) else pages.begin_again(str(over))
        except (CodeRefused, LoginLocked) as refused:
            if _wants_json(call):
                return _refused_as_json(refused)
            return await self._again(call, form.get("ticket", ""), str(refused))
        except InvalidField as invalid:
            return await self._again(call, form.get("ticket", ""), f"The password {invalid.reason}.")

    async def _again(self, call: Call[None], ticket: str, fault: str) -> Page | Response:
        if _wants_json(call):
            return JSONResponse({"error": fault}, 422)
        try:
            return pages.due(await self._door.show_again(ticket), fault=fault)
        except (TicketOver, SecondFactorMissing, AccountNotUsable) as over:
            return pages.begin_again(str(over))

    async def _came(self, call: Call[None], came: Due | Entered) -> Page | Response:
        if not isinstance(came, Entered):
            if not _wants_json(call):
                return pages.due(came)
            secret = {"secret": came.enrolment.secret} if came.enrolment else {}
            return JSONResponse({"due": came.step.value, "ticket": came.ticket, **secret}, headers=_UNKEPT)
        idle = await self._database.read(lambda unit: idle_minutes(unit, came.session.session.account_id))
        if not _wants_json(call):
            return pages.entered(came, idle_minutes=idle)
        codes = list(came.scratch_codes)
        body: dict[str, Any] = {"token": came.session.token, "idle_timeout": idle, "scratch_codes": codes}
        return JSONResponse(body, headers=_UNKEPT)

    async def _providers(self, account: Account) -> Sequence[IdentityProvider]:
        return await self._database.read(lambda unit: offered(unit, account))

    async def _account(self, call: Call[None]) -> Account | None:
        return await self._database.read(lambda unit: unit.accounts.by_host(call.host))


_SPOKEN: Final = {"username": "The user name", "full_name": "Your name", "password": "The password"}


def _client(call: Call[None]) -> Client:
    return Client(call.peer_address, call.headers.get("user-agent", ""))


def _coded(form: dict[str, str]) -> tuple[str, str]:
    return form.get("ticket", ""), form.get("code", "")


def _wants_json(call: Call[None]) -> bool:
    return "application/json" in call.headers.get("accept", "")


def _status_of(error: CloudsteadError) -> int:
    return {LoginLocked: 429, AccountNotUsable: 403, TicketOver: 410}.get(type(error), 401)


def _refused_as_json(error: CloudsteadError) -> Response:
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, LoginLocked) else None
    return JSONResponse({"error": str(error)}, _status_of(error), headers)


def _worded(title: str, status: int) -> Callable[[Any, Call[Any]], Response]:
    return lambda error, _: show(trouble(title, str(error), status), own_look())


_ERRORS: Final = ErrorMap(
    {
        RouteNotFound: _worded("There is no such page", 404),
        MethodNotAllowed: _worded("There is no such page", 405),
        WebError: _worded("This did not work", 400),
        CloudsteadError: _worded("This did not work", 400),
    },
    unexpected=lambda call: show(
        trouble("Something went wrong", f"The log has the details under {call.request_id}.", 500), own_look()
    ),
)
