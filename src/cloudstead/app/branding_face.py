"""The face of images that accounts are branded with: for everybody, because they are seen before anybody signs in.

An address stands for one content for ever, so everybody may keep it; another image has another address.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import PlainTextResponse, Response

from cloudstead.core.branding.images import PATH
from cloudstead.core.branding.model import DEFAULTS_SINCE_MS
from cloudstead.core.files.errors import ObjectsUnavailable
from cloudstead.web.content import Content, PreconditionFailed, RangeNotSatisfiable, content_response
from cloudstead.web.errors import MethodNotAllowed, RouteNotFound, WebError
from cloudstead.web.face import ErrorMap, Face, below
from cloudstead.web.routes import PathRoutes
from cloudstead.web.table import op

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from cloudstead.core.branding.images import BrandImages, Served
    from cloudstead.web.call import Call

_KEPT: Final = {"cache-control": "public, max-age=31536000, immutable", "content-disposition": "inline"}


def branding_face(images: BrandImages) -> Face:
    """Return the face of everything below ``/branding/``."""
    answers = _Answers(images)
    rows = [
        op("GET", f"{PATH}{{account}}/{{name}}", name="fetch_image", run=answers.fetch, is_open=True),
        op(
            "GET",
            f"{PATH}defaults/{{theme}}/{{slot}}/{{name}}",
            name="fetch_default_image",
            run=answers.fetch_default,
            is_open=True,
        ),
    ]
    return Face(name="branding", matches=below(PATH), routes=PathRoutes(rows), errors=_ERRORS, media_type="text/plain")


class _Answers:
    def __init__(self, images: BrandImages) -> None:
        self._images = images

    async def fetch(self, call: Call[None]) -> Response:
        """Fetch an image that an account has uploaded."""
        return await _sent(call, await self._images.serve(call.path["account"], call.path["name"]))

    async def fetch_default(self, call: Call[None]) -> Response:
        """Fetch an image of our own."""
        return await _sent(call, self._images.serve_default(call.path["theme"], call.path["slot"], call.path["name"]))


async def _sent(call: Call[None], served: Served | None) -> Response:
    if served is None:
        raise RouteNotFound(call.raw_path)
    name = call.path["name"]

    async def read(start: int, end: int) -> AsyncIterator[bytes]:
        yield served.content[start:end]

    content = Content(
        name=name,
        size=len(served.content),
        etag=name.partition(".")[0],
        # A new content has a new address: any time that never changes is true.
        modified_at=datetime.fromtimestamp(DEFAULTS_SINCE_MS / 1000, UTC),
        media_type=served.media_type,
        read=read,
    )
    return await content_response(content, call.headers, method=call.method, extra=_KEPT)


def _refused(status: int) -> Callable[[Any, Call[Any]], Response]:
    return lambda error, _: PlainTextResponse(str(error), status, {"x-content-type-options": "nosniff"})


_ERRORS: Final = ErrorMap(
    {
        RouteNotFound: lambda *_: PlainTextResponse("There is no such image.", 404),
        MethodNotAllowed: _refused(405),
        PreconditionFailed: _refused(412),
        RangeNotSatisfiable: _refused(416),
        WebError: _refused(400),
        ObjectsUnavailable: _refused(503),
    },
    unexpected=lambda _: PlainTextResponse("Something went wrong here; the log has the details.", status_code=500),
)
