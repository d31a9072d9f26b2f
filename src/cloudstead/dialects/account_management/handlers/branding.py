"""Colours and images of the two themes: one handler for dark and light, for the own account and a tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.branding.images import FIELD
from cloudstead.core.branding.model import Theme
from cloudstead.core.errors import InvalidField
from cloudstead.dialects.account_management.place import acting
from cloudstead.dialects.account_management.shapes.branding import color_list, color_shape, image_list, image_shape
from cloudstead.web.errors import BodyTooLarge
from cloudstead.web.forms import form_parts

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.core.unit import Unit
    from cloudstead.dialects.account_management.ports import Backend
    from cloudstead.dialects.account_management.shapes.answers import ListOf
    from cloudstead.dialects.account_management.shapes.branding import (
        BrandingColor,
        BrandingImage,
        SetColour,
        SetNamedColour,
    )
    from cloudstead.web.call import Call

_FORM_AROUND: Final = 64 * 1024  # what a form may hold beside its image


class Branding:
    """The handlers."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._colours = backend.colours
        self._images = backend.brand_images
        self._public_url = backend.public_url

    async def list_colors(self, call: Call[Caller]) -> ListOf[BrandingColor]:
        """List the colours of a theme, each slot with what it shows."""
        theme = _theme(call)
        shown = await self._database.read(lambda unit: self._colours.all(unit, acting(unit, call).caller, theme))
        return color_list(shown)

    async def set_colors(self, call: Call[Caller], wanted: list[SetNamedColour]) -> None:
        """Set several colours of a theme, all of them or none; slots that are not named keep theirs."""
        theme, pairs = _theme(call), [(each.reference, each.color) for each in wanted]
        await self._database.write(lambda unit: self._colours.put_many(unit, acting(unit, call).caller, theme, pairs))

    async def get_color(self, call: Call[Caller]) -> BrandingColor:
        """Show a colour; a slot that was never set shows its default."""
        theme, slot = _theme(call), call.path["reference"]
        return color_shape(
            await self._database.read(lambda unit: self._colours.get(unit, acting(unit, call).caller, theme, slot))
        )

    async def set_color(self, call: Call[Caller], wanted: SetColour) -> BrandingColor:
        """Set a colour, a CSS name or # with hexadecimal digits; null or empty restores the default."""
        return await self._put(call, wanted.color)

    async def reset_color(self, call: Call[Caller]) -> BrandingColor:
        """Restore the default of a colour, and show it."""
        return await self._put(call, None)

    async def list_images(self, call: Call[Caller]) -> ListOf[BrandingImage]:
        """List the images of a theme, each slot with what it shows."""
        theme = _theme(call)
        shown = await self._database.read(lambda unit: self._images.all(unit, acting(unit, call).caller, theme))
        return image_list(shown, self._public_url)

    async def get_image(self, call: Call[Caller]) -> BrandingImage:
        """Show where an image is; a slot that was never set shows its default."""
        theme, slot = _theme(call), call.path["reference"]
        shown = await self._database.read(lambda unit: self._images.get(unit, acting(unit, call).caller, theme, slot))
        return image_shape(shown, self._public_url)

    async def upload_image(self, call: Call[Caller]) -> BrandingImage:
        """Upload an image: the body is the PNG or JPEG picture itself, whatever type it is told to be."""
        await self._require_change(call)
        return await self._upload(call, await self._body(call, self._images.max_bytes))

    async def upload_image_multipart(self, call: Call[Caller]) -> BrandingImage:
        """Upload an image as a form: its field `image` is a file with the PNG or JPEG picture."""
        await self._require_change(call)
        body = await self._body(call, self._images.max_bytes + _FORM_AROUND)
        parts = form_parts(body, call.headers.get("content-type", ""))
        pictures = [part for part in parts if part.name == FIELD]
        if len(pictures) != 1:
            raise InvalidField(FIELD, "has to be in the form once")
        return await self._upload(call, pictures[0].content)

    async def clear_image(self, call: Call[Caller]) -> None:
        """Restore the default of an image."""
        await self._images.clear(lambda unit: acting(unit, call).caller, _theme(call), call.path["reference"])

    async def _put(self, call: Call[Caller], text: str | None) -> BrandingColor:
        theme, slot = _theme(call), call.path["reference"]
        return color_shape(
            await self._database.write(
                lambda unit: self._colours.put(unit, acting(unit, call).caller, theme, slot, text)
            )
        )

    async def _upload(self, call: Call[Caller], content: bytes) -> BrandingImage:
        def caller_of(unit: Unit) -> Caller:
            return acting(unit, call).caller

        shown = await self._images.put(caller_of, _theme(call), call.path["reference"], content)
        return image_shape(shown, self._public_url)

    async def _require_change(self, call: Call[Caller]) -> None:
        """Refuse before a body is read what would be refused afterwards."""
        await self._images.require_change(lambda unit: acting(unit, call).caller, call.path["reference"])

    async def _body(self, call: Call[Caller], limit: int) -> bytes:
        call.body_limit = limit
        try:
            return await call.body()
        except BodyTooLarge:
            raise InvalidField(FIELD, f"larger than {self._images.max_bytes} bytes") from None


def _theme(call: Call[Any]) -> Theme:
    """Return the theme that the row is about: it stands in the path behind the kind of branding."""
    if call.operation is None:
        raise LookupError("a handler runs once its row is found")
    return Theme(call.operation.path.partition("/branding-")[2].split("/")[1])
