"""The face of sign-ins by way of identity providers: what browsers and providers are sent to.

A provider's answer comes as a form from another site, and browsers send no cookie of ours with such a form. So it is
checked and noted there, and the browser is sent on to fetch its session with the cookie that it got when it asked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, RedirectResponse, Response

from cloudstead.app.pages import single_sign_on as pages
from cloudstead.app.pages.branded import show
from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.branding.look import look_of, own_look
from cloudstead.core.errors import CloudsteadError
from cloudstead.core.identityproviders.errors import (
    NobodyVouchedFor,
    ProviderNotFound,
    ProviderNotUsable,
    VouchingRefused,
)
from cloudstead.core.identityproviders.model import ProviderId
from cloudstead.core.identityproviders.places import SAML2_PATH
from cloudstead.core.identityproviders.round_trip import LONGEST_SESSION_MS
from cloudstead.core.identityproviders.tickets import LIFE_MS
from cloudstead.core.people.sessions import Client, idle_minutes
from cloudstead.web.errors import MethodNotAllowed, RouteNotFound, WebError
from cloudstead.web.face import ErrorMap, Face
from cloudstead.web.forms import page_form
from cloudstead.web.routes import PathRoutes
from cloudstead.web.table import op

if TYPE_CHECKING:
    from starlette.types import Scope
    from structlog.typing import FilteringBoundLogger

    from cloudstead.app.pages.branded import Page
    from cloudstead.app.single_sign_on import SingleSignOn
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.identityproviders.round_trip import Arrived
    from cloudstead.core.unit import Database
    from cloudstead.web.call import Call

SESSION_COOKIE: Final = "cloudstead-signed-in"

_BODY_LIMIT: Final = 512 * 1024
_METADATA: Final = "application/samlmetadata+xml"  # saml-metadata-2.0, section 4.1.1
_ID: Final = re.compile(r"[0-9a-f]{32}")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}")
_SIGN_IN: Final = re.compile(rb"/people/sign-in/[^/]+/?")
_SAML2: Final = f"{SAML2_PATH}/".encode()
_AT_HOME: Final = "here"  # a proxy may change what we are called, and then nobody shall be sent in circles
_MARK: Final = re.compile(r"_([0-9a-f]{12})([0-9a-f]{16})[0-9a-f]*")


def single_sign_on_face(parts: SingleSignOn, database: Database, log: FilteringBoundLogger) -> Face:
    """Return the face; it is asked before the one of all other pages of people."""
    answers = _Answers(parts, database, log)
    one = f"{SAML2_PATH}/{{provider_id}}"
    rows = [
        op("GET", f"{pages.SIGN_IN_PATH}/{{name}}", name="begin_sign_in", run=answers.begin, is_open=True),
        op("POST", f"{one}/assertion", name="take_assertion", run=answers.take_assertion, is_open=True),
        op("GET", f"{one}/finish", name="finish_sign_in", run=answers.finish, is_open=True),
        op("GET", f"{one}/metadata", name="describe_ourselves", run=answers.describe, is_open=True),
        op("GET", f"{one}/logout", name="take_logout", run=answers.take_logout, is_open=True),
        op("POST", f"{one}/logout", name="take_logout_form", run=answers.take_logout_form, is_open=True),
        op("GET", pages.SIGN_OUT_PATH, name="show_sign_out", run=answers.show_sign_out, is_open=True),
        op("POST", pages.SIGN_OUT_PATH, name="sign_out", run=answers.sign_out, is_open=True),
    ]
    return Face(
        name="single-sign-on",
        matches=_is_ours,
        routes=PathRoutes(rows, ignore_last_slash=True),
        errors=_ERRORS,
        body_limit=_BODY_LIMIT,
        media_type="text/html",
    )


class _Answers:
    def __init__(self, parts: SingleSignOn, database: Database, log: FilteringBoundLogger) -> None:
        self._places = parts.places
        self._round_trip = parts.round_trip
        self._sign_out = parts.sign_out
        self._database = database
        self._log = log

    async def begin(self, call: Call[None]) -> Response:
        """Send the browser to a provider: the one that is named, or that of the account that is."""
        name = call.path["name"]
        if _ID.fullmatch(name) is None:
            account = await self._account(name)
            offered = () if account is None else await self._round_trip.offered(account)
            if account is None or not offered:
                raise ProviderNotFound
            if len(offered) > 1:
                return await self._show(pages.choice(offered), account)
            name = offered[0].id
        provider_id = ProviderId(name)
        if call.headers.get("host") != self._places.host and _AT_HOME not in call.query:
            # The provider will send the browser to our public address, where only a cookie of that address comes along.
            return _sent_to(f"{self._places.public_url}{pages.SIGN_IN_PATH}/{provider_id}?{_AT_HOME}", 302)
        begun = await self._round_trip.begin(provider_id)
        answer = _sent_to(begun.url, 302)
        self._set_cookie(
            answer, _cookie_of(begun.request_id), begun.proof, path=f"{SAML2_PATH}/{provider_id}/", life_ms=LIFE_MS
        )
        return answer

    async def take_assertion(self, call: Call[None]) -> Response:
        """Take what a provider answers, and send the browser on to fetch its session."""
        provider_id = _provider_id(call)
        response = (await page_form(call)).get("SAMLResponse", "")
        try:
            noted = await self._round_trip.answer(provider_id, response)
        except VouchingRefused as refused:
            self._note(provider_id, refused)
            raise
        answer = _sent_to(f"{SAML2_PATH}/{provider_id}/finish?request={noted.request_id}", 303)
        if noted.proof is not None:
            self._set_cookie(
                answer, _cookie_of(noted.request_id), noted.proof, path=f"{SAML2_PATH}/{provider_id}/", life_ms=LIFE_MS
            )
        return answer

    async def finish(self, call: Call[None]) -> Response:
        """Open the session, for the browser that asked for it."""
        provider_id, request_id = _provider_id(call), call.query.get("request", "")
        cookie = _cookie_of(request_id)
        proof = "" if cookie is None else _cookies(call).get(cookie, "")
        client = Client(call.peer_address, call.headers.get("user-agent", ""))
        try:
            arrived = await self._round_trip.finish(provider_id, request_id, proof=proof, client=client)
        except VouchingRefused as refused:
            self._note(provider_id, refused)
            raise
        answer = await self._welcome(call, arrived)
        self._set_cookie(answer, SESSION_COOKIE, arrived.proof, path=f"{SAML2_PATH}/", life_ms=LONGEST_SESSION_MS)
        self._set_cookie(answer, cookie, "", path=f"{SAML2_PATH}/{provider_id}/", life_ms=0)
        return answer

    async def describe(self, call: Call[None]) -> Response:
        """Return our metadata for a provider."""
        metadata = await self._round_trip.describe(_provider_id(call))
        return Response(metadata, media_type=_METADATA, headers={"x-content-type-options": "nosniff"})

    async def take_logout(self, call: Call[None]) -> Response:
        """Take a message of single logout by HTTP-Redirect."""
        provider_id = _provider_id(call)
        try:
            url = await self._sign_out.receive_query(provider_id, call.raw_query)
        except VouchingRefused as refused:
            self._note(provider_id, refused)
            raise
        return show(pages.signed_out(), own_look()) if url is None else _sent_to(url, 302)

    async def take_logout_form(self, call: Call[None]) -> Response:
        """Take a message of single logout by HTTP-POST."""
        provider_id, form = _provider_id(call), await page_form(call)
        message = form.get("SAMLRequest") or form.get("SAMLResponse", "")
        try:
            url = await self._sign_out.receive_form(provider_id, message, relay_state=form.get("RelayState", ""))
        except VouchingRefused as refused:
            self._note(provider_id, refused)
            raise
        return show(pages.signed_out(), own_look()) if url is None else _sent_to(url, 302)

    async def show_sign_out(self, call: Call[None]) -> Response:  # noqa: ARG002 - every handler is given the call
        """Ask whether to sign out."""
        return show(pages.sign_out_form(), own_look())

    async def sign_out(self, call: Call[None]) -> Response:
        """End the browser's session here, and send the browser on to the provider where that ends sessions too."""
        url = await self._sign_out.begin(_cookies(call).get(SESSION_COOKIE, ""))
        answer = show(pages.signed_out() if url is None else pages.on_the_way(url), own_look())
        if url is not None:
            # Not a redirect: the policy of the page that the form was on lets it go nowhere but to us.
            answer.headers["Refresh"] = f"0; url={url}"
        self._set_cookie(answer, SESSION_COOKIE, "", path=f"{SAML2_PATH}/", life_ms=0)
        return answer

    async def _welcome(self, call: Call[None], arrived: Arrived) -> Response:
        account_id, token = arrived.account.id, arrived.opened.token
        idle = await self._database.read(lambda unit: idle_minutes(unit, account_id))
        if "application/json" not in call.headers.get("accept", ""):
            return await self._show(
                pages.signed_in(arrived.person.user_name, token, idle_minutes=idle), arrived.account
            )
        told = {"token": token, "idle_timeout": idle, "account_id": account_id, "user_id": arrived.person.id}
        return JSONResponse(told, headers={"cache-control": "no-store"})

    async def _account(self, host: str) -> Account | None:
        if _HOST.fullmatch(host) is None:
            return None
        return await self._database.read(lambda unit: unit.accounts.by_host(host.lower()))

    async def _show(self, page: Page, account: Account) -> Response:
        return show(page, await self._database.read(lambda unit: look_of(unit, account.id)))

    def _set_cookie(self, answer: Response, name: str | None, value: str, *, path: str, life_ms: int) -> None:
        if name is not None:
            answer.set_cookie(
                name,
                value,
                max_age=life_ms // 1000,
                path=path,
                secure=self._places.is_secure,
                httponly=True,
                samesite="lax",
            )

    def _note(self, provider_id: ProviderId, refused: VouchingRefused) -> None:
        self._log.warning("An identity provider was not believed.", provider_id=provider_id, reason=refused.reason)


def _is_ours(scope: Scope) -> bool:
    path: bytes = scope["raw_path"]
    return path.startswith(_SAML2) or _SIGN_IN.fullmatch(path) is not None


def _cookie_of(request_id: str) -> str | None:
    """Return the name of the cookie of a request: several may be under way in one browser."""
    match = _MARK.fullmatch(request_id)
    return None if match is None else f"cloudstead-{match[2]}"


def _provider_id(call: Call[None]) -> ProviderId:
    text = call.path["provider_id"]
    if _ID.fullmatch(text) is None:
        raise ProviderNotFound
    return ProviderId(text)


def _cookies(call: Call[None]) -> dict[str, str]:
    return cookie_parser(call.headers.get("cookie", ""))


def _sent_to(url: str, status: int) -> Response:
    return RedirectResponse(url, status, headers={"cache-control": "no-store", "referrer-policy": "no-referrer"})


def _told(title: str, text: str, status: int) -> Response:
    return show(pages.trouble(title, text, status), own_look())


def _refused(error: CloudsteadError, call: Call[Any]) -> Response:
    del call
    return _told("You could not be signed in", str(error), 403)


def _missing(error: Exception, call: Call[Any]) -> Response:
    del error, call
    return _told("There is no such page", "The address is none of ours.", 404)


def _wrong_method(error: MethodNotAllowed, call: Call[Any]) -> Response:
    del error, call
    return _told("There is no such page", "The address is none of ours.", 405)


def _bad(error: Exception, call: Call[Any]) -> Response:
    del call
    return _told("This did not work", str(error), 400)


def _unexpected(call: Call[Any]) -> Response:
    text = f"Something went wrong here; the log has the details under {call.request_id}."
    return _told("Something went wrong", text, 500)


_ERRORS: Final = ErrorMap(
    {
        VouchingRefused: _refused,
        NobodyVouchedFor: _refused,
        ProviderNotUsable: _refused,
        AccountNotUsable: _refused,
        ProviderNotFound: _missing,
        RouteNotFound: _missing,
        MethodNotAllowed: _wrong_method,
        WebError: _bad,
        CloudsteadError: _bad,
    },
    unexpected=_unexpected,
)
