"""The archive that a device carries away: who it is to be, how its network is set up, and a claim that ends soon."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cloudstead.core.credentials.authority import Issued
    from cloudstead.core.provisioning.model import ProvisionedDevice

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
NETWORK: Final = "network.json"
CERTIFICATE: Final = "claim.crt.pem"
PRIVATE_KEY: Final = "claim.key.pem"
AUTHORITY: Final = "root-ca.pem"

_PRIVATE: Final = 0o600 << 16
_PUBLIC: Final = 0o644 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a device has to know of the cloud. ``number`` is the account's, of 12 digits."""

    number: str
    register_url: str
    mqtt_host: str
    mqtt_port: int
    root_pem: str


def pack(device: ProvisionedDevice, claim: Issued, around: Surroundings) -> bytes:
    """Return the archive; it holds the only copy of the claim's private key."""
    manifest = {
        "format": FORMAT,
        "deviceId": device.id,
        "name": device.name,
        "thingName": device.thing_name,
        "region": device.region,
        "accountId": around.number,
        "issuedAt": _text(device.created_at_ms),
        "expiresAt": _text(device.claim_ends_at_ms),
        "registerUrl": around.register_url,
        "mqtt": {"endpoint": around.mqtt_host, "port": around.mqtt_port},
    }
    made = datetime.fromtimestamp(device.created_at_ms / 1000, UTC).timetuple()[:6]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for name, text, mode in (
            (MANIFEST, json.dumps(manifest, indent=2) + "\n", _PUBLIC),
            (NETWORK, (device.networking or "{}") + "\n", _PUBLIC),
            (CERTIFICATE, claim.pem, _PUBLIC),
            (PRIVATE_KEY, claim.private_key_pem, _PRIVATE),
            (AUTHORITY, around.root_pem, _PUBLIC),
        ):
            entry = zipfile.ZipInfo(name, made)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = mode
            out.writestr(entry, text)
    return archive.getvalue()


def _text(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
