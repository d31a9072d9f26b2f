"""What we send: requests to sign somebody in or out, and answers to the latter. All of it leaves by HTTP-Redirect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from cloudstead.protocols.saml2.names import POST, SAML, SAMLP, SUCCESS

if TYPE_CHECKING:
    from datetime import datetime

_NAMES: Final = {"samlp": SAMLP, "saml": SAML}


def authn_request(*, request_id: str, issuer: str, destination: str, assertion_endpoint: str, now: datetime) -> bytes:
    """Ask a provider whom it has before it (saml-core-2.0, section 3.4.1); the answer shall come by HTTP-POST."""
    root = _message("AuthnRequest", request_id, issuer=issuer, destination=destination, now=now)
    root.set("AssertionConsumerServiceURL", assertion_endpoint)
    root.set("ProtocolBinding", POST)
    return bytes(etree.tostring(root))


def logout_request(
    *,
    request_id: str,
    issuer: str,
    destination: str,
    name_id: str,
    name_id_format: str,
    session_index: str,
    now: datetime,
) -> bytes:
    """Ask a provider to end a session (section 3.7.1)."""
    root = _message("LogoutRequest", request_id, issuer=issuer, destination=destination, now=now)
    name = etree.SubElement(root, f"{{{SAML}}}NameID")
    name.text = name_id
    if name_id_format:
        name.set("Format", name_id_format)
    if session_index:
        etree.SubElement(root, f"{{{SAMLP}}}SessionIndex").text = session_index
    return bytes(etree.tostring(root))


def logout_response(*, response_id: str, in_response_to: str, issuer: str, destination: str, now: datetime) -> bytes:
    """Tell a provider that its session is over here (section 3.7.2)."""
    root = _message("LogoutResponse", response_id, issuer=issuer, destination=destination, now=now)
    root.set("InResponseTo", in_response_to)
    status = etree.SubElement(root, f"{{{SAMLP}}}Status")
    etree.SubElement(status, f"{{{SAMLP}}}StatusCode", {"Value": SUCCESS})
    return bytes(etree.tostring(root))


def _message(name: str, message_id: str, *, issuer: str, destination: str, now: datetime) -> Any:
    head = {
        "ID": message_id,
        "Version": "2.0",
        "IssueInstant": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Destination": destination,
    }
    root = etree.Element(f"{{{SAMLP}}}{name}", head, nsmap=_NAMES)
    etree.SubElement(root, f"{{{SAML}}}Issuer").text = issuer
    return root
