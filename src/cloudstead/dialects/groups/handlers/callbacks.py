"""What networks hand in, with the token of a group in ``Authorization: Bearer``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cloudstead.core.groups.devices import original_id
from cloudstead.dialects.groups.shapes.callbacks import (
    ActilityData,
    Downlink,
    SigfoxAcknowledge,
    SigfoxData,
    SigfoxLocation,
    SigfoxStatus,
    is_yes,
)
from cloudstead.dialects.groups.shapes.words import GenericReturn
from cloudstead.web.errors import FieldInvalid

if TYPE_CHECKING:
    from cloudstead.dialects.groups.ports import Backend
    from cloudstead.web.call import Call

_SIGFOX: Final = "sigfox"
_ACTILITY: Final = "actility"
_DOWNLINK: Final = re.compile(r"[0-9a-fA-F]{16}")  # Sigfox: a downlink is 8 bytes, no more and no less

Downlinks = dict[str, Downlink]


class CallbackHandlers:
    """One method for each callback. A network is answered once its message is on disk and in the shadow."""

    def __init__(self, backend: Backend) -> None:
        self._uplinks = backend.uplinks

    async def sigfox_data(self, call: Call[str], body: SigfoxData) -> Downlinks:
        """Take an uplink, and answer a downlink where one is asked for and the configuration holds one."""
        entry = await self._uplinks.report(call.caller, network=_SIGFOX, device=body.device, reported=body.reported())
        if not is_yes(body.ack):
            return {}
        held = await self._uplinks.downlink(entry)
        is_sendable = held is not None and _DOWNLINK.fullmatch(held) is not None
        answer = Downlink(downlink_data=held.lower()) if held is not None and is_sendable else Downlink(no_data=True)
        return {original_id(_SIGFOX, body.device): answer}

    async def sigfox_status(self, call: Call[str], body: SigfoxStatus) -> GenericReturn:
        """Take a status: battery and temperature."""
        return await self._taken(call, body)

    async def sigfox_acknowledge(self, call: Call[str], body: SigfoxAcknowledge) -> GenericReturn:
        """Take what has become of a downlink."""
        return await self._taken(call, body)

    async def sigfox_location(self, call: Call[str], body: SigfoxLocation) -> GenericReturn:
        """Take where the network takes the device to be."""
        return await self._taken(call, body)

    async def actility_data(self, call: Call[str], body: ActilityData) -> GenericReturn:
        """Take an uplink of a LoRaWAN device."""
        uplink = body.DevEUI_uplink
        if not uplink:
            raise FieldInvalid("DevEUI_uplink", "is missing: only uplinks are taken")
        await self._uplinks.report(call.caller, network=_ACTILITY, device=uplink.DevEUI, reported=uplink.reported())
        return GenericReturn("The message was taken.")

    async def _taken(self, call: Call[str], body: SigfoxStatus | SigfoxAcknowledge | SigfoxLocation) -> GenericReturn:
        await self._uplinks.report(call.caller, network=_SIGFOX, device=body.device, reported=body.reported())
        return GenericReturn("The message was taken.")
