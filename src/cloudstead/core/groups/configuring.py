"""Configuring devices: a configuration is what a device's shadow is wished to be, as for any other thing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cloudstead.core.errors import InvalidField
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.shadows.errors import ShadowRejected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.ids import ThingUid
    from cloudstead.core.spine.spine import Spine
    from cloudstead.core.things.directory import ThingDirectory

_DECODER: Final = msgspec.json.Decoder(dict[str, Any])


class Configuring:
    """Sends configurations down the spine, on the event loop."""

    def __init__(self, directory: ThingDirectory, spine: Spine) -> None:
        self._directory = directory
        self._spine = spine

    async def configure(self, caller: Caller, uids: Sequence[ThingUid], update: bytes) -> None:
        """Merge an update into the shadow of each device, whose right to be configured was checked.

        Raise ``InvalidField`` where a shadow refuses it: the others have taken it then.
        """
        entries = (await self._directory.load(uids)).values()
        asked = [self._spine.ask(each, Verb.UPDATE, update, principal=caller.principal) for each in entries]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        refused = [each for each in outcomes if isinstance(each, BaseException)]
        if not refused:
            return
        if isinstance(refused[0], ShadowRejected):
            reason = f"{len(refused)} of {len(outcomes)} devices refused it: {refused[0]}"
            raise InvalidField("configuration", reason)
        raise refused[0]


def configuration_update(text: str) -> bytes:
    """Return the shadow update that a configuration asks for: the text of a JSON object, merged into what is wished.

    Raise ``InvalidField`` for any other text.
    """
    try:
        wanted = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise InvalidField("configuration", "must be the text of a JSON object") from None
    return msgspec.json.encode({"state": {"desired": wanted}})
