"""The slots of branding that were ever set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from cloudstead.core.branding.model import ColourSlot, KeptColour, KeptImage, Theme
from cloudstead.storage.sql.statements import Statement, putting
from cloudstead.storage.sql.tables_branding import branding_colours, branding_images

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.ids import AccountId
    from cloudstead.storage.sql.transaction import Transaction

_PUT_COLOUR = putting(branding_colours, "account_id", "theme", "slot")
_PUT_IMAGE = putting(branding_images, "account_id", "theme", "slot")
_COLOURS = Statement(
    lambda _: (
        select(branding_colours)
        .where(branding_colours.c.account_id == bindparam("account_id"))
        .where(branding_colours.c.theme == bindparam("theme"))
    ),
    "account_id",
    "theme",
)
_IMAGES = Statement(
    lambda _: select(branding_images).where(branding_images.c.account_id == bindparam("account_id")), "account_id"
)


class SqlBranding:
    """Branding of one account at a time (``core.branding.ports.BrandingStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def colours(self, account_id: AccountId, theme: Theme) -> Sequence[KeptColour]:
        """Return the colours of a theme, in no particular order."""
        return [_colour(row) for row in self._transaction.rows(_COLOURS, account_id, theme)]

    def put_colours(self, colours: Sequence[KeptColour]) -> None:
        """Insert colours, or replace those that stand in the same slots."""
        self._transaction.change_each(
            _PUT_COLOUR,
            [(each.account_id, each.theme, each.slot, each.text, each.updated_at_ms) for each in colours],
        )

    def images(self, account_id: AccountId) -> Sequence[KeptImage]:
        """Return the images of both themes, in no particular order."""
        return [_image(row) for row in self._transaction.rows(_IMAGES, account_id)]

    def put_image(self, image: KeptImage) -> None:
        """Insert an image, or replace the one in the same slot."""
        self._transaction.change(
            _PUT_IMAGE,
            image.account_id,
            image.theme,
            image.slot,
            image.key,
            image.media_type,
            image.size,
            image.etag,
            image.updated_at_ms,
        )


def _colour(row: Sequence[Any]) -> KeptColour:
    account_id, theme, slot, text, updated_at_ms = row
    return KeptColour(account_id, Theme(theme), ColourSlot(slot), text, updated_at_ms)


def _image(row: Sequence[Any]) -> KeptImage:
    account_id, theme, *others = row
    return KeptImage(account_id, Theme(theme), *others)
