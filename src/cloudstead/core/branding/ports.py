"""What branding needs from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.branding.model import KeptColour, KeptImage, Theme
    from cloudstead.core.ids import AccountId


class BrandingStore(Protocol):
    """Slots that were ever set, of one account at a time: at most 53 for each theme."""

    def colours(self, account_id: AccountId, theme: Theme) -> Sequence[KeptColour]:
        """Return the colours of a theme, in no particular order."""
        ...

    def put_colours(self, colours: Sequence[KeptColour]) -> None:
        """Insert colours, or replace those that stand in the same slots."""
        ...

    def images(self, account_id: AccountId) -> Sequence[KeptImage]:
        """Return the images of both themes, in no particular order."""
        ...

    def put_image(self, image: KeptImage) -> None:
        """Insert an image, or replace the one in the same slot."""
        ...
