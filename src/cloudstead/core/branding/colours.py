"""Reading and setting the colours of an account: one, or several at once, all of them or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.whole_account import require_at_root
from cloudstead.core.audit.record import record
from cloudstead.core.branding.css import parse_colour
from cloudstead.core.branding.errors import SlotUnknown
from cloudstead.core.branding.model import DEFAULTS_SINCE_MS, Colour, ColourSlot, KeptColour
from cloudstead.core.branding.palette import PALETTE
from cloudstead.core.errors import InvalidField

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudstead.core.branding.model import Theme
    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.unit import Unit

READ: Final = Permission("account:read")
CHANGE: Final = Permission("account:update")


def colours_of(unit: Unit, account_id: AccountId, theme: Theme) -> Mapping[ColourSlot, Colour]:
    """Return what every slot of a theme shows, whoever asks."""
    shown = {slot: Colour(slot, text, DEFAULTS_SINCE_MS) for slot, text in PALETTE[theme].items()}
    for kept in unit.branding.colours(account_id, theme):
        text = PALETTE[theme][kept.slot] if kept.text is None else kept.text
        shown[kept.slot] = Colour(kept.slot, text, kept.updated_at_ms)
    return shown


class Colours:
    """Colours of the caller's account; every change is audited."""

    def __init__(self, clock: Clock, ids: IdSource) -> None:
        self._clock = clock
        self._ids = ids

    def all(self, unit: Unit, caller: Caller, theme: Theme) -> Sequence[Colour]:
        """Return what every slot shows, in the order of the slots."""
        caller.require(READ)
        shown = colours_of(unit, caller.account_id, theme)
        return [shown[slot] for slot in ColourSlot]

    def get(self, unit: Unit, caller: Caller, theme: Theme, reference: str) -> Colour:
        """Return what one slot shows; raise ``SlotUnknown``."""
        caller.require(READ)
        slot = _slot(reference)
        return colours_of(unit, caller.account_id, theme)[slot]

    def put(self, unit: Unit, caller: Caller, theme: Theme, reference: str, text: str | None) -> Colour:
        """Set one slot, or restore its default when ``text`` is empty; return what it shows.

        Raise ``SlotUnknown`` or ``InvalidField``.
        """
        require_at_root(caller, CHANGE)
        slot = _slot(reference)
        return self._change(unit, caller, theme, {slot: _checked(text)})[slot]

    def put_many(
        self, unit: Unit, caller: Caller, theme: Theme, wanted: Sequence[tuple[str, str | None]]
    ) -> Mapping[ColourSlot, Colour]:
        """Set slots by name, each named once; raise ``InvalidField``, and then nothing is changed."""
        require_at_root(caller, CHANGE)
        texts: dict[ColourSlot, str | None] = {}
        for reference, text in wanted:
            try:
                slot = _slot(reference)
            except SlotUnknown as unknown:
                raise InvalidField("reference", str(unknown)) from None
            if slot in texts:
                raise InvalidField("reference", f"{slot.value} is named more than once")
            texts[slot] = _checked(text)
        return self._change(unit, caller, theme, texts)

    def _change(
        self, unit: Unit, caller: Caller, theme: Theme, texts: Mapping[ColourSlot, str | None]
    ) -> Mapping[ColourSlot, Colour]:
        kept = {each.slot: each.text for each in unit.branding.colours(caller.account_id, theme)}
        moved = {slot: text for slot, text in texts.items() if kept.get(slot) != text}
        if moved:
            now_ms = self._clock.millis()
            rows = [KeptColour(caller.account_id, theme, slot, text, now_ms) for slot, text in moved.items()]
            unit.branding.put_colours(rows)
            record(
                unit,
                caller,
                clock=self._clock,
                ids=self._ids,
                operation="branding.set-colours",
                object_type="branding",
                object_id=theme,
                before={slot.value: kept.get(slot) for slot in moved},
                after={slot.value: text for slot, text in moved.items()},
            )
        return colours_of(unit, caller.account_id, theme)


def _slot(reference: str) -> ColourSlot:
    try:
        return ColourSlot(reference)
    except ValueError:
        raise SlotUnknown(reference) from None


def _checked(text: str | None) -> str | None:
    """Return a colour as it is kept, ``None`` for the default; raise ``InvalidField``."""
    if not text:
        return None
    parse_colour(text)
    return text
