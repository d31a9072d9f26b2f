"""The self-test of a new cloud: a thing of it connects over MQTT with its own certificate and makes its shadow answer.

It goes the way of every device, through our own listener, so that it proves authority, account, log and shadow at once.
Where the listener is off, the shadow is asked directly.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

from cloudstead.core.clouds.errors import EngineFailed
from cloudstead.core.ids import ThingName
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.shadows.errors import ShadowRejected
from cloudstead.core.spine.errors import ShadowUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cloudstead.app.addresses import Address
    from cloudstead.core.credentials.bundle import BundledThing
    from cloudstead.core.ids import AccountId
    from cloudstead.core.spine.spine import Spine
    from cloudstead.core.things.directory import ThingDirectory

UPDATE: Final = msgspec.json.encode({"state": {"reported": {"selfTest": True}}})


class CloudSelfTest:
    """Tries a cloud (``core.clouds.local_engine.SelfTest``)."""

    def __init__(
        self, spine: Spine, directory: ThingDirectory, *, ca_file: Path, listener: Callable[[], Address | None]
    ) -> None:
        """Ask ``listener`` where this machine finds the devices' listener; ``None`` when it is off."""
        self._spine = spine
        self._directory = directory
        self._ca_file = ca_file
        self._listener = listener

    async def __call__(self, account_id: AccountId, thing: BundledThing, /) -> None:
        """Return when the thing has heard that its update was accepted; raise ``EngineFailed``."""
        listener = self._listener()
        if listener is not None:
            # Loaded when the first cloud is made: Paho's client takes a hundredth of every start.
            from cloudstead.app.self_test_line import try_line  # noqa: PLC0415

            await asyncio.to_thread(try_line, listener, thing, ca_file=self._ca_file, update=UPDATE)
            return
        entry = await self._directory.find(account_id, ThingName(thing.name))
        if entry is None:
            raise EngineFailed("The self-test's thing is not there")
        try:
            await self._spine.ask(entry, Verb.UPDATE, UPDATE, principal=f"thing:{thing.name}")
        except (ShadowRejected, ShadowUnavailable) as error:
            raise EngineFailed(f"The self-test's shadow did not answer: {error}") from None
