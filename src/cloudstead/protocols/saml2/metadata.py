"""Metadata (saml-metadata-2.0): what a provider tells about itself, and what we tell it about us."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from cloudstead.protocols.saml2.documents import optional, read_description, text_of
from cloudstead.protocols.saml2.encryption import OFFERED
from cloudstead.protocols.saml2.errors import Malformed
from cloudstead.protocols.saml2.names import DS, MD, POST, REDIRECT, SAMLP

_BEGIN: Final = "-----BEGIN CERTIFICATE-----\n"
_END: Final = "-----END CERTIFICATE-----\n"
_LINE: Final = 64  # RFC 7468, section 3
_NAMES: Final = {"md": MD, "ds": DS}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDescription:
    """What is of use to us. ``certificates`` are texts in PEM form that nobody has looked into yet."""

    entity_id: str
    sso_endpoint: str
    slo_endpoint: str
    certificates: tuple[str, ...]


def read_provider(data: bytes) -> ProviderDescription:
    """Return what an entity descriptor says of an identity provider; raise ``Malformed``."""
    root = read_description(data)
    if root.tag != f"{{{MD}}}EntityDescriptor":
        raise Malformed("It is no EntityDescriptor.")
    role = optional(root, f"{{{MD}}}IDPSSODescriptor")
    if role is None or SAMLP not in role.get("protocolSupportEnumeration", "").split():
        raise Malformed("It describes no identity provider of SAML 2.0.")
    sso = _endpoint(role, "SingleSignOnService")
    if not sso:
        raise Malformed("The provider offers no single sign-on by HTTP-Redirect.")
    return ProviderDescription(
        entity_id=root.get("entityID", "").strip(),
        sso_endpoint=sso,
        slo_endpoint=_endpoint(role, "SingleLogoutService"),
        certificates=tuple(dict.fromkeys(_certificates(role))),
    )


def describe_ourselves(
    *,
    entity_id: str,
    assertion_endpoint: str,
    logout_endpoint: str,
    certificate: str | None,
    encryption_certificate: str | None = None,
) -> bytes:
    """Return our entity descriptor for one provider.

    ``certificate`` (PEM) is the one that we sign with, ``encryption_certificate`` the one that assertions may be
    encrypted for.
    """
    root = etree.Element(f"{{{MD}}}EntityDescriptor", {"entityID": entity_id}, nsmap=_NAMES)
    role = etree.SubElement(
        root,
        f"{{{MD}}}SPSSODescriptor",
        {
            "AuthnRequestsSigned": "false" if certificate is None else "true",
            "WantAssertionsSigned": "true",
            "protocolSupportEnumeration": SAMLP,
        },
    )
    if certificate is not None:
        _describe_key(role, "signing", certificate)
    if encryption_certificate is not None:
        key = _describe_key(role, "encryption", encryption_certificate)
        for algorithm in OFFERED:
            etree.SubElement(key, f"{{{MD}}}EncryptionMethod", {"Algorithm": algorithm})
    for binding in (REDIRECT, POST):
        place = {"Binding": binding, "Location": logout_endpoint}
        etree.SubElement(role, f"{{{MD}}}SingleLogoutService", place)
    etree.SubElement(
        role,
        f"{{{MD}}}AssertionConsumerService",
        {"Binding": POST, "Location": assertion_endpoint, "index": "0", "isDefault": "true"},
    )
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _describe_key(role: Any, use: str, certificate: str) -> Any:
    key = etree.SubElement(role, f"{{{MD}}}KeyDescriptor", {"use": use})
    data = etree.SubElement(etree.SubElement(key, f"{{{DS}}}KeyInfo"), f"{{{DS}}}X509Data")
    etree.SubElement(data, f"{{{DS}}}X509Certificate").text = "".join(certificate.split("-----")[2].split())
    return key


def _endpoint(role: Any, name: str) -> str:
    for service in role.findall(f"{{{MD}}}{name}"):
        if service.get("Binding") == REDIRECT:
            return str(service.get("Location", "")).strip()
    return ""


def _certificates(role: Any) -> list[str]:
    """Return the certificates that sign: those for signing, and those for which no use is named."""
    found = []
    for key in role.findall(f"{{{MD}}}KeyDescriptor"):
        if key.get("use", "signing") == "signing":
            found += [_pem(text_of(each)) for each in key.iter(f"{{{DS}}}X509Certificate")]
    return found


def _pem(base64: str) -> str:
    text = "".join(base64.split())
    lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
    return _BEGIN + "".join(f"{line}\n" for line in lines) + _END
