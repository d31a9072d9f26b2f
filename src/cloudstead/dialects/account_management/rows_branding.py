"""Rows of branding: every operation for dark and light, on the own account and on a tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.branding.colours import CHANGE, READ
from cloudstead.core.branding.images import FIELD
from cloudstead.core.branding.model import Theme
from cloudstead.dialects.account_management.handlers.branding import Branding
from cloudstead.dialects.account_management.rows import both
from cloudstead.dialects.account_management.shapes.answers import ListOf
from cloudstead.dialects.account_management.shapes.branding import (
    BrandingColor,
    BrandingImage,
    SetColour,
    SetColours,
)
from cloudstead.web.table import op

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.dialects.account_management.ports import Backend
    from cloudstead.web.table import Operation

_PICTURES: Final = ("image/png", "image/jpeg")
_BYTES: Final = {"type": "string", "format": "binary"}
_FORM: Final = {"type": "object", "required": [FIELD], "properties": {FIELD: _BYTES}}


def branding(backend: Backend) -> Sequence[Operation]:
    """Return the 40 rows."""
    handlers = Branding(backend)
    return tuple(
        row
        for theme in Theme
        for own in (*_colours(handlers, theme), *_images(handlers, theme))
        for row in both(own, own.name.replace(f"_{theme}_", f"_account_{theme}_"))
    )


def _colours(run: Branding, theme: Theme) -> Sequence[Operation]:
    every = f"/v3/branding-colors/{theme}"
    one = f"{every}/{{reference}}"
    return (
        op(
            "GET",
            every,
            name=f"list_{theme}_colors",
            run=run.list_colors,
            gives=ListOf[BrandingColor],
            permission=READ,
        ),
        op(
            "PUT",
            every,
            name=f"set_{theme}_colors",
            run=run.set_colors,
            takes=SetColours,
            permission=CHANGE,
            status=204,
        ),
        op("GET", one, name=f"get_{theme}_color", run=run.get_color, gives=BrandingColor, permission=READ),
        op(
            "PUT",
            one,
            name=f"set_{theme}_color",
            run=run.set_color,
            takes=SetColour,
            gives=BrandingColor,
            permission=CHANGE,
        ),
        op("DELETE", one, name=f"reset_{theme}_color", run=run.reset_color, gives=BrandingColor, permission=CHANGE),
    )


def _images(run: Branding, theme: Theme) -> Sequence[Operation]:
    every = f"/v3/branding-images/{theme}"
    one = f"{every}/{{reference}}"
    return (
        op(
            "GET",
            every,
            name=f"list_{theme}_images",
            run=run.list_images,
            gives=ListOf[BrandingImage],
            permission=READ,
        ),
        op("GET", one, name=f"get_{theme}_image", run=run.get_image, gives=BrandingImage, permission=READ),
        op(
            "POST",
            f"{one}/upload",
            name=f"upload_{theme}_image",
            run=run.upload_image,
            reads=dict.fromkeys(_PICTURES, _BYTES),
            gives=BrandingImage,
            permission=CHANGE,
            status=201,
        ),
        op(
            "POST",
            f"{one}/upload-multipart",
            name=f"upload_{theme}_image_multipart",
            run=run.upload_image_multipart,
            reads={"multipart/form-data": _FORM},
            gives=BrandingImage,
            permission=CHANGE,
            status=201,
        ),
        op("POST", f"{one}/clear", name=f"clear_{theme}_image", run=run.clear_image, permission=CHANGE, status=204),
    )
