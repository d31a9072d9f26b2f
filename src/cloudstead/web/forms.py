"""Forms, read from a body that is whole and bounded already: those of pages, and those with files (RFC 7578)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from cloudstead.web.errors import WebError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

    from cloudstead.web.call import Call

MAX_PARTS: Final = 20

_MOST_FIELDS: Final = 10  # of a page
_MEDIA_TYPE: Final = b"multipart/form-data"


class BodyNotForm(WebError):
    """The body is no form, or not a whole one."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The body is not a valid form: {reason}.")
        self.reason = reason


async def page_form(call: Call[Any]) -> dict[str, str]:
    """Return the fields of a page's form (URL Standard, application/x-www-form-urlencoded); what is none has none."""
    body = await call.body()
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}


class Part(NamedTuple):
    """One field. ``file_name`` is what the client calls a file, ``None`` for a field that holds none."""

    name: str
    file_name: str | None
    content: bytes


@dataclass(slots=True)
class _Reading:
    """What has been read so far, as the parser tells it piece by piece."""

    parts: list[Part] = field(default_factory=list)
    header: bytearray = field(default_factory=bytearray)
    value: bytearray = field(default_factory=bytearray)
    disposition: bytes = b""
    content: bytearray = field(default_factory=bytearray)
    is_whole: bool = False

    def on_part_begin(self) -> None:
        if len(self.parts) == MAX_PARTS:
            raise BodyNotForm(f"it has more than {MAX_PARTS} fields")
        self.disposition = b""
        self.content = bytearray()

    def on_header_begin(self) -> None:
        self.header, self.value = bytearray(), bytearray()

    def on_header_field(self, piece: bytes, start: int, end: int) -> None:
        self.header += piece[start:end]

    def on_header_value(self, piece: bytes, start: int, end: int) -> None:
        self.value += piece[start:end]

    def on_header_end(self) -> None:
        if self.header.lower() == b"content-disposition":
            self.disposition = bytes(self.value)

    def on_part_data(self, piece: bytes, start: int, end: int) -> None:
        self.content += piece[start:end]

    def on_part_end(self) -> None:
        _, options = parse_options_header(self.disposition)
        name = options.get(b"name")
        if name is None:
            raise BodyNotForm("a field has no name")
        file_name = options.get(b"filename")
        shown = None if file_name is None else file_name.decode("utf-8", "replace")
        self.parts.append(Part(name.decode("utf-8", "replace"), shown, bytes(self.content)))

    def on_end(self) -> None:
        self.is_whole = True


def form_parts(body: bytes, content_type: str) -> list[Part]:
    """Return the fields of a form in their order, 20 at most; raise ``BodyNotForm``."""
    media_type, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if media_type.lower() != _MEDIA_TYPE or not boundary:
        raise BodyNotForm("its type is not multipart/form-data with a boundary")
    reading = _Reading()
    callbacks: MultipartCallbacks = {
        "on_part_begin": reading.on_part_begin,
        "on_header_begin": reading.on_header_begin,
        "on_header_field": reading.on_header_field,
        "on_header_value": reading.on_header_value,
        "on_header_end": reading.on_header_end,
        "on_part_data": reading.on_part_data,
        "on_part_end": reading.on_part_end,
        "on_end": reading.on_end,
    }
    try:
        parser = MultipartParser(boundary, callbacks)
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise BodyNotForm("its parts cannot be told apart") from error
    if not reading.is_whole:
        raise BodyNotForm("its end is missing")
    return reading.parts
