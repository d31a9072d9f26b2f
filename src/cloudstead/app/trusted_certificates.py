"""Trusted certificates, developer certificates and server credentials, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509

from cloudstead.core.trustedcertificates.chains import name_hash
from cloudstead.core.trustedcertificates.claims import Claims
from cloudstead.core.trustedcertificates.developer import DeveloperCertificates
from cloudstead.core.trustedcertificates.model import Service
from cloudstead.core.trustedcertificates.registry import TrustedCertificates
from cloudstead.core.trustedcertificates.servers import Servers

if TYPE_CHECKING:
    from cloudstead.app.cloud import Cloud
    from cloudstead.app.settings import Settings


@dataclass(frozen=True, slots=True)
class TrustRooms:
    """What the dialect of account management needs of them."""

    trusted: TrustedCertificates
    developers: DeveloperCertificates
    servers: Servers


def trust_rooms(cloud: Cloud) -> TrustRooms:
    """Return the rooms. Nobody may upload an authority that bears the name of one of ours."""
    authority = cloud.keys.authority
    own = [name_hash(each.subject) for each in x509.load_pem_x509_certificates(authority.chain_pem.encode())]
    trusted = TrustedCertificates(cloud.clock, cloud.ids, Claims(cloud.clock, cloud.ids, own_subjects=own))
    return TrustRooms(
        trusted,
        DeveloperCertificates(cloud.clock, cloud.ids, cloud.keys.sealer, trusted),
        Servers(server_urls(cloud.settings), authority_pem=authority.root_pem),
    )


def server_urls(settings: Settings) -> dict[Service, str]:
    """Return the addresses that devices are told: those of the settings, else our own host and the port of CoAPS."""
    host = settings.public.hostname
    default = f"coaps://[{host}]:5684" if ":" in host else f"coaps://{host}:5684"
    return {
        Service.BOOTSTRAP: settings.bootstrap.url or default,
        Service.LWM2M: settings.lwm2m.url or default,
    }
