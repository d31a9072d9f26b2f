"""From what a caller sends to SAML2 settings that hold: attributes one by one, metadata, or both."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cloudstead.core.errors import InvalidField
from cloudstead.core.identityproviders.certificates import normalized
from cloudstead.core.patch import ABSENT, Patched, patched
from cloudstead.protocols.saml2.errors import Malformed
from cloudstead.protocols.saml2.metadata import read_provider

if TYPE_CHECKING:
    from cloudstead.core.identityproviders.model import Saml2Settings
    from cloudstead.protocols.saml2.metadata import ProviderDescription

MOST_CERTIFICATES: Final = 100
LONGEST_DESCRIPTOR: Final = 65_535
"""In characters of Base64."""

_LONGEST_NAME: Final = 1024  # saml-core-2.0, section 8.3.6
_LONGEST_ADDRESS: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Saml2Change:
    """What to change; an empty text clears. ``entity_descriptor`` is metadata in Base64, and comes before the others.

    An empty ``sp_entity_id`` has our own name made anew.
    """

    entity_descriptor: str | None = None
    idp_entity_id: Patched[str] = ABSENT
    sso_endpoint: Patched[str] = ABSENT
    slo_endpoint: Patched[str] = ABSENT
    idp_certificates: Patched[tuple[str, ...]] = ABSENT
    sp_entity_id: Patched[str] = ABSENT
    allows_idp_initiated: Patched[bool] = ABSENT


def applied(change: Saml2Change, settings: Saml2Settings, *, own_name: str) -> Saml2Settings:
    """Return the settings as changed; ``own_name`` is our name where none is chosen. Raise ``InvalidField``."""
    if change.entity_descriptor:
        described = _described(change.entity_descriptor)
        settings = replace(
            settings,
            idp_entity_id=_name(described.entity_id, "entity_descriptor"),
            sso_endpoint=_address(described.sso_endpoint, "entity_descriptor"),
            slo_endpoint=_address(described.slo_endpoint, "entity_descriptor"),
            idp_certificates=_certificates(described.certificates, "entity_descriptor"),
        )
    if change.idp_entity_id is not ABSENT:
        settings = replace(settings, idp_entity_id=_name(change.idp_entity_id, "idp_entity_id"))
    if change.sso_endpoint is not ABSENT:
        settings = replace(settings, sso_endpoint=_address(change.sso_endpoint, "sso_endpoint"))
    if change.slo_endpoint is not ABSENT:
        settings = replace(settings, slo_endpoint=_address(change.slo_endpoint, "slo_endpoint"))
    if change.idp_certificates is not ABSENT:
        settings = replace(settings, idp_certificates=_certificates(change.idp_certificates, "idp_x509_certs"))
    chosen = settings.sp_entity_id if change.sp_entity_id is ABSENT else _name(change.sp_entity_id, "sp_entity_id")
    return replace(
        settings,
        sp_entity_id=chosen or own_name,
        allows_idp_initiated=patched(change.allows_idp_initiated, settings.allows_idp_initiated),
    )


def _described(text: str) -> ProviderDescription:
    field = "entity_descriptor"
    if len(text) > LONGEST_DESCRIPTOR:
        raise InvalidField(field, f"longer than {LONGEST_DESCRIPTOR} characters")
    try:
        return read_provider(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError) as fault:
        # Malformed is a ValueError too, with words of ours.
        raise InvalidField(field, str(fault) if isinstance(fault, Malformed) else "no Base64") from None


def _name(text: str, field: str) -> str:
    if len(text) > _LONGEST_NAME:
        raise InvalidField(field, f"longer than {_LONGEST_NAME} characters")
    if not text.isprintable() or text != text.strip():
        raise InvalidField(field, "holds a blank at an end, or a control character")
    return text


def _address(text: str, field: str) -> str:
    if not text:
        return ""
    if len(text) > _LONGEST_ADDRESS or not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidField(field, "no address that we could send anybody to")
    try:
        parts = urlsplit(text)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        raise InvalidField(field, "no address that we could send anybody to") from None
    if parts.scheme not in {"http", "https"} or not host or parts.fragment or parts.username is not None:
        raise InvalidField(field, "has to begin with https:// or http://, and to name a host and no user or fragment")
    return text


def _certificates(texts: tuple[str, ...], field: str) -> tuple[str, ...]:
    if len(texts) > MOST_CERTIFICATES:
        raise InvalidField(field, f"more than {MOST_CERTIFICATES} certificates")
    return tuple(dict.fromkeys(normalized(text, field=field) for text in texts))
