"""The face of the mailbox, for whoever sits at this machine: its mails hold links that open accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.responses import PlainTextResponse, Response

from cloudstead.app.pages import is_local
from cloudstead.app.pages import mailbox as pages
from cloudstead.web.errors import MethodNotAllowed, RouteNotFound, WebError
from cloudstead.web.face import ErrorMap, Face, below
from cloudstead.web.routes import PathRoutes
from cloudstead.web.table import op

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudstead.delivery.mail_folder import MailFolder
    from cloudstead.web.call import Call

_SENT: Final = "Mails go to the mail server that the settings name; nothing is kept here."
_NOT_SHOWN: Final = "The mailbox is not shown. Set mail.show_folder to see it from this machine, or read the files."


def mailbox_face(folder: MailFolder | None, *, is_shown: bool, proxies_say: Sequence[str]) -> Face:
    """Return the face of ``/mailbox``. Requests with one of the headers ``proxies_say`` come from elsewhere."""
    answers = _Answers(folder, is_shown=is_shown, proxies_say=proxies_say)
    rows = [
        op("GET", pages.MAILBOX_PATH, name="list_mails", run=answers.list_mails, is_open=True),
        op("GET", f"{pages.MAILBOX_PATH}/{{id}}", name="show_mail", run=answers.show_mail, is_open=True),
        op("GET", f"{pages.MAILBOX_PATH}/{{id}}/html", name="show_mail_html", run=answers.show_html, is_open=True),
    ]
    return Face(
        name="mailbox",
        matches=below(pages.MAILBOX_PATH),
        routes=PathRoutes(rows, ignore_last_slash=True),
        errors=_ERRORS,
        media_type="text/html",
    )


class _Answers:
    def __init__(self, folder: MailFolder | None, *, is_shown: bool, proxies_say: Sequence[str]) -> None:
        self._folder = folder
        self._is_shown = is_shown
        self._proxies_say = tuple(proxies_say)

    async def list_mails(self, call: Call[None]) -> Response:
        """Show the last mails."""
        folder = self._open(call)
        return folder if isinstance(folder, Response) else pages.mail_list(await folder.newest())

    async def show_mail(self, call: Call[None]) -> Response:
        """Show one mail."""
        folder = self._open(call)
        if isinstance(folder, Response):
            return folder
        mail = await folder.get(call.path["id"])
        return pages.switched_off("There is no such mail.") if mail is None else pages.mail_page(mail)

    async def show_html(self, call: Call[None]) -> Response:
        """Show the HTML of one mail, for the frame in its page."""
        folder = self._open(call)
        if isinstance(folder, Response):
            return folder
        mail = await folder.get(call.path["id"])
        return pages.switched_off("There is no such mail.") if mail is None else pages.mail_html(mail)

    def _open(self, call: Call[None]) -> MailFolder | Response:
        """Return the folder to whoever may look into it; anybody else learns nothing."""
        is_near = is_local(call.peer_address, call.headers.get("host"))
        if not is_near or any(name in call.headers for name in self._proxies_say):
            raise RouteNotFound(pages.MAILBOX_PATH)
        if self._folder is None:
            return pages.switched_off(_SENT)
        return self._folder if self._is_shown else pages.switched_off(_NOT_SHOWN)


def _refused(status: int) -> Callable[[Any, Call[Any]], Response]:
    return lambda error, _: PlainTextResponse(str(error), status_code=status)


_ERRORS: Final = ErrorMap(
    {RouteNotFound: _refused(404), MethodNotAllowed: _refused(405), WebError: _refused(400)},
    unexpected=lambda _: PlainTextResponse("Something went wrong here; the log has the details.", status_code=500),
)
