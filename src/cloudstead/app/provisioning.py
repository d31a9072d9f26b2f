"""The rooms behind ProvisionDevice, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cloudstead.core.provisioning.archive import Surroundings
from cloudstead.core.provisioning.devices import Devices
from cloudstead.core.provisioning.registration import Registrations
from cloudstead.dialects.provision_device.ports import Backend
from cloudstead.dialects.provision_device.table import REGISTER_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.app.cloud import Cloud
    from cloudstead.app.faces import Addresses
    from cloudstead.core.accounts.model import Account
    from cloudstead.web.signed import SignatureReader

_MQTTS_PORT = 8883


def provisioning_backend(cloud: Cloud, addresses: Addresses, signatures: SignatureReader) -> Backend:
    """Return the rooms."""
    clock, ids = cloud.clock, cloud.ids
    return Backend(
        clock=clock,
        database=cloud.database,
        signers=cloud.signers,
        signatures=signatures,
        devices=Devices(clock, ids, authority=cloud.keys.authority, things=cloud.things),
        registrations=Registrations(clock, ids, things=cloud.things, certificates=cloud.certificates),
        presence=cloud.presence,
        around=_around(cloud, addresses),
    )


def _around(cloud: Cloud, addresses: Addresses) -> Callable[[Account], Surroundings]:
    # A device shows its claim certificate in the handshake, so it has to come to our own TLS listener; where there is
    # none, a proxy stands in front, and the device signs its request instead.
    base = (addresses.https or cloud.settings.public.url or addresses.public).rstrip("/")
    place = urlsplit(f"//{addresses.mqtts.rpartition('//')[2]}" if addresses.mqtts else "")
    host, port = place.hostname or addresses.iot_host, place.port or _MQTTS_PORT

    def around(account: Account) -> Surroundings:
        return Surroundings(
            number=account.number,
            register_url=base + REGISTER_PATH,
            mqtt_host=host,
            mqtt_port=port,
            root_pem=cloud.keys.authority.root_pem,
        )

    return around
