"""What the handlers work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.access.signers import Signers
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.clock import Clock
    from cloudstead.core.provisioning.archive import Surroundings
    from cloudstead.core.provisioning.devices import Devices
    from cloudstead.core.provisioning.ports import Presence
    from cloudstead.core.provisioning.registration import Registrations
    from cloudstead.core.unit import Database
    from cloudstead.web.signed import SignatureReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """Everything that the faces are made of; ``around`` tells what devices of an account have to know of the cloud."""

    clock: Clock
    database: Database
    signers: Signers
    signatures: SignatureReader
    devices: Devices
    registrations: Registrations
    presence: Presence
    around: Callable[[Account], Surroundings]
