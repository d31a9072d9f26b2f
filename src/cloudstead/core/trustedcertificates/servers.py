"""What devices are told of the servers for bootstrap and for LwM2M: where they are, and whom to believe."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.whole_account import require_at_root
from cloudstead.core.trustedcertificates.developer import der_of
from cloudstead.core.trustedcertificates.model import Service
from cloudstead.core.trustedcertificates.source import DeviceSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.caller import Caller
    from cloudstead.core.ids import AccountId
    from cloudstead.core.trustedcertificates.developer import DeveloperCertificate

READ: Final = Permission("server-credentials:read")
_ID_CHARS: Final = 32


@dataclass(frozen=True, slots=True)
class ServerCredentials:
    """A server's address, which carries the account, and the authority (PEM) that its certificate comes from."""

    id: str
    url: str
    authority_pem: str
    created_at_ms: int


class Servers:
    """The servers of this installation. ``addresses`` are what the operator says; nothing here connects to them."""

    def __init__(self, addresses: Mapping[Service, str], *, authority_pem: str) -> None:
        self._addresses = addresses
        self._authority_pem = authority_pem
        self._authority_der = der_of(authority_pem)
        begin = x509.load_pem_x509_certificate(authority_pem.encode()).not_valid_before_utc
        self._since_ms = int(begin.timestamp()) * 1000

    def credentials(self, caller: Caller, service: Service) -> ServerCredentials:
        """Return what devices of the caller's account are told of a server."""
        require_at_root(caller, READ)
        url = self._url(service, caller.account_id)
        # The same as long as nothing in it changes, and another one in each account.
        digest = hashlib.sha256(f"{service.value} {url} {self._authority_pem}".encode()).hexdigest()
        return ServerCredentials(digest[:_ID_CHARS], url, self._authority_pem, self._since_ms)

    def source_of(self, certificate: DeveloperCertificate) -> str:
        """Return a developer certificate as C source."""
        trusted = certificate.trusted
        return DeviceSource(
            endpoint_name=trusted.id,
            account_id=trusted.account_id,
            bootstrap_url=self._url(Service.BOOTSTRAP, trusted.account_id),
            certificate=der_of(trusted.trusted.pem),
            bootstrap_authority=self._authority_der,
            lwm2m_authority=self._authority_der,
            private_key=certificate.private_key_der,
        ).text()

    def _url(self, service: Service, account_id: AccountId) -> str:
        return f"{self._addresses[service]}?aid={account_id}"
