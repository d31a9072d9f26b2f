"""The colours of slots that nobody set: our own, each text readable on its background (WCAG 2.2, level AA)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from cloudstead.core.branding.model import ColourSlot, Theme

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIGHT: Final = {
    ColourSlot.ERROR: "#b3261e",
    ColourSlot.PRIMARY: "#0b5cad",
    ColourSlot.SECONDARY: "#4d5b6a",
    ColourSlot.SUCCESS: "#1a6e33",
    ColourSlot.WARNING: "#f2b84b",
    ColourSlot.CANVAS: "#eef2f6",
    ColourSlot.CANVAS_FONT: "#16202b",
    ColourSlot.WORKSPACE: "#ffffff",
    ColourSlot.WORKSPACE_FONT: "#16202b",
    ColourSlot.INFO: "#0d6571",
    ColourSlot.INFO_FONT: "#ffffff",
    ColourSlot.PRIMARY_FONT: "#ffffff",
    ColourSlot.SECONDARY_FONT: "#ffffff",
    ColourSlot.ERROR_FONT: "#ffffff",
    ColourSlot.SUCCESS_FONT: "#ffffff",
    ColourSlot.WARNING_FONT: "#2b1d00",
}
_DARK: Final = {
    ColourSlot.ERROR: "#ff9a91",
    ColourSlot.PRIMARY: "#7ab8ff",
    ColourSlot.SECONDARY: "#a9b5c2",
    ColourSlot.SUCCESS: "#7fd69a",
    ColourSlot.WARNING: "#f5c86b",
    ColourSlot.CANVAS: "#0f1419",
    ColourSlot.CANVAS_FONT: "#e6ebf0",
    ColourSlot.WORKSPACE: "#1a2129",
    ColourSlot.WORKSPACE_FONT: "#e6ebf0",
    ColourSlot.INFO: "#6fd3de",
    ColourSlot.INFO_FONT: "#04262b",
    ColourSlot.PRIMARY_FONT: "#06213d",
    ColourSlot.SECONDARY_FONT: "#141b22",
    ColourSlot.ERROR_FONT: "#3b0806",
    ColourSlot.SUCCESS_FONT: "#06280f",
    ColourSlot.WARNING_FONT: "#2b1d00",
}
PALETTE: Final[Mapping[Theme, Mapping[ColourSlot, str]]] = MappingProxyType(
    {Theme.DARK: MappingProxyType(_DARK), Theme.LIGHT: MappingProxyType(_LIGHT)}
)
