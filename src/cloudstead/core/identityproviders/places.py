"""Where the outside world finds us: one set of addresses for each provider, below our public address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from cloudstead.core.identityproviders.model import ProviderId

SAML2_PATH: Final = "/people/saml2"


@dataclass(frozen=True, slots=True)
class Places:
    """Addresses for providers; ``public_url`` ends without a slash."""

    public_url: str

    @property
    def is_secure(self) -> bool:
        """Whether we are reached over TLS."""
        return self.public_url.startswith("https:")

    @property
    def host(self) -> str:
        """Our host, with its port where that is not the usual one, as browsers name it."""
        return urlsplit(self.public_url).netloc

    def entity_id(self, provider_id: ProviderId) -> str:
        """Return our name towards a provider where nobody has chosen another: it is where our metadata is."""
        return self._at(provider_id, "metadata")

    def assertion_endpoint(self, provider_id: ProviderId) -> str:
        """Return where responses are to be sent."""
        return self._at(provider_id, "assertion")

    def logout_endpoint(self, provider_id: ProviderId) -> str:
        """Return where messages of single logout are to be sent."""
        return self._at(provider_id, "logout")

    def _at(self, provider_id: ProviderId, name: str) -> str:
        return f"{self.public_url}{SAML2_PATH}/{provider_id}/{name}"
