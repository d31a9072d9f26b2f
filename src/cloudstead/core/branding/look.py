"""How an account looks on pages and in mails: its colours, made readable, and its logo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudstead.core.branding.colours import colours_of
from cloudstead.core.branding.contrast import GRAPHICS, TEXT, contrast, faded, readable
from cloudstead.core.branding.css import parse_colour
from cloudstead.core.branding.images import default_image, images_of
from cloudstead.core.branding.model import DEFAULTS_SINCE_MS, MAIL_LOGO, PAGE_LOGO, Colour, ColourSlot, Theme
from cloudstead.core.branding.palette import PALETTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.branding.css import Rgb
    from cloudstead.core.branding.model import BrandImage
    from cloudstead.core.ids import AccountId
    from cloudstead.core.unit import Unit


@dataclass(frozen=True, slots=True)
class Shades:
    """The colours of a page in one theme. Every text can be read on its background, whatever the account has set.

    ``link`` and ``quiet`` are texts on the workspace, ``edge`` the border of controls and ``rule`` that of nothing that
    matters.
    """

    canvas: Rgb
    canvas_text: Rgb
    workspace: Rgb
    text: Rgb
    quiet: Rgb
    link: Rgb
    edge: Rgb
    rule: Rgb
    button: Rgb
    button_text: Rgb
    button_edge: Rgb
    error: Rgb
    error_text: Rgb


@dataclass(frozen=True, slots=True)
class ThemeLook:
    """One theme of a look. Logos are paths below our public address; a mail has none but the account's own."""

    shades: Shades
    page_logo: str
    has_own_logo: bool
    mail_logo: str | None


@dataclass(frozen=True, slots=True)
class Look:
    """How one account looks, or the installation itself (``name`` is empty)."""

    name: str
    light: ThemeLook
    dark: ThemeLook

    @property
    def has_own_logo(self) -> bool:
        """Whether no page shows our own drawing as the logo, whatever the theme."""
        return self.light.has_own_logo and self.dark.has_own_logo


def look_of(unit: Unit, account_id: AccountId) -> Look:
    """Return how an account looks, whoever asks: its pages are seen before anybody has signed in.

    A theme without a logo of its own shows that of the other one, rather than ours.
    """
    account = unit.accounts.get(account_id)
    shades = {theme: _shades(colours_of(unit, account_id, theme)) for theme in Theme}
    images = {theme: images_of(unit, account_id, theme) for theme in Theme}
    light, dark = (
        _theme_look(shades[one], images[one], images[other])
        for one, other in ((Theme.LIGHT, Theme.DARK), (Theme.DARK, Theme.LIGHT))
    )
    return Look("" if account is None else account.name, light, dark)


def own_look() -> Look:
    """Return how the installation itself looks: like an account that has set nothing, without its name."""
    light, dark = (
        ThemeLook(
            _shades({slot: Colour(slot, text, DEFAULTS_SINCE_MS) for slot, text in PALETTE[theme].items()}),
            page_logo=default_image(theme, PAGE_LOGO).path,
            has_own_logo=False,
            mail_logo=None,
        )
        for theme in (Theme.LIGHT, Theme.DARK)
    )
    return Look("", light, dark)


def _theme_look(shades: Shades, images: Mapping[str, BrandImage], others: Mapping[str, BrandImage]) -> ThemeLook:
    page_logo = images[PAGE_LOGO] if images[PAGE_LOGO].is_own or not others[PAGE_LOGO].is_own else others[PAGE_LOGO]
    mail_logo = images[MAIL_LOGO] if images[MAIL_LOGO].is_own else others[MAIL_LOGO]
    return ThemeLook(
        shades,
        page_logo=page_logo.path,
        has_own_logo=page_logo.is_own,
        mail_logo=mail_logo.path if mail_logo.is_own else None,
    )


def _shades(shown: Mapping[ColourSlot, Colour]) -> Shades:
    colours = {slot: parse_colour(colour.text) for slot, colour in shown.items()}
    canvas, workspace = colours[ColourSlot.CANVAS], colours[ColourSlot.WORKSPACE]
    button, error = colours[ColourSlot.PRIMARY], colours[ColourSlot.ERROR]
    text = readable(colours[ColourSlot.WORKSPACE_FONT], on=workspace)
    edge = faded(text, into=workspace, at_least=GRAPHICS)
    return Shades(
        canvas=canvas,
        canvas_text=readable(colours[ColourSlot.CANVAS_FONT], on=canvas),
        workspace=workspace,
        text=text,
        quiet=faded(text, into=workspace),
        # A link stays a link in the colour of the text around it: it is underlined.
        link=button if contrast(button, workspace) >= TEXT else text,
        edge=edge,
        rule=faded(text, into=workspace, at_least=1),
        button=button,
        button_text=readable(colours[ColourSlot.PRIMARY_FONT], on=button),
        button_edge=button if contrast(button, workspace) >= GRAPHICS else edge,
        error=error,
        error_text=readable(colours[ColourSlot.ERROR_FONT], on=error),
    )
