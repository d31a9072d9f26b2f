"""Messages of single logout that came in (saml-core-2.0, section 3.7); both have to be signed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloudstead.protocols.saml2.documents import only, optional, read_message, text_of
from cloudstead.protocols.saml2.errors import Malformed, NotBelieved
from cloudstead.protocols.saml2.names import SAML, SAMLP, SUCCESS
from cloudstead.protocols.saml2.responses import CLOCK_TOLERANCE, moment
from cloudstead.protocols.saml2.signatures import is_signed, require_sound, signed_part

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography.x509 import Certificate

    from cloudstead.protocols.saml2.redirect import Sent

_LONGEST_TEXT = 1024
_MOST_SESSIONS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutTrust:
    """Whom we believe, and the address that messages have to be meant for."""

    issuer: str
    certificates: Sequence[Certificate]
    recipient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutRequest:
    """Whose sessions shall end: those with one of the indexes, or all of the name where none is given."""

    id: str
    name_id: str
    session_indexes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutResponse:
    """What became of a request of ours."""

    in_response_to: str
    is_success: bool


def check_logout(
    message: bytes, trust: LogoutTrust, *, sent: Sent | None, now: datetime
) -> LogoutRequest | LogoutResponse:
    """Return the message; raise ``Malformed`` or ``NotBelieved``.

    ``sent`` is there for what came by HTTP-Redirect, whose signature is outside; what came by HTTP-POST is signed
    inside.
    """
    root = read_message(message)
    if sent is not None:
        sent.require_signed_by(trust.certificates)
        if (root.tag == f"{{{SAMLP}}}LogoutRequest") != sent.is_request:
            raise Malformed("A request came as a response, or the other way round.")
    else:
        require_sound(root)
        if not is_signed(root):
            raise NotBelieved("The message is not signed.")
        root = signed_part(root, root, certificates=trust.certificates, now=now)
    _require_head(root, trust, now)
    if root.tag == f"{{{SAMLP}}}LogoutRequest":
        return _request(root, now)
    if root.tag == f"{{{SAMLP}}}LogoutResponse":
        code = only(only(root, f"{{{SAMLP}}}Status"), f"{{{SAMLP}}}StatusCode")
        return LogoutResponse(
            in_response_to=_bounded(root.get("InResponseTo", "")), is_success=code.get("Value") == SUCCESS
        )
    raise Malformed("It is no message of single logout.")


def _require_head(root: Any, trust: LogoutTrust, now: datetime) -> None:
    if root.get("Version") != "2.0":
        raise Malformed("It is of another version of SAML.")
    if root.get("Destination") != trust.recipient:
        raise NotBelieved("The message is meant for another address.")
    if text_of(only(root, f"{{{SAML}}}Issuer")) != trust.issuer:
        raise NotBelieved("The message is from another issuer.")
    issued = moment(root.get("IssueInstant", ""))
    if abs(issued - now) > CLOCK_TOLERANCE:
        raise NotBelieved("The message is from another time.")


def _request(root: Any, now: datetime) -> LogoutRequest:
    until = root.get("NotOnOrAfter")
    if until is not None and moment(until) + CLOCK_TOLERANCE <= now:
        raise NotBelieved("The request is not valid any more.")
    name = optional(root, f"{{{SAML}}}NameID")
    if name is None:
        raise NotBelieved("The request does not name anybody whom we could find.")
    indexes = [_bounded(text_of(each)) for each in root.findall(f"{{{SAMLP}}}SessionIndex")]
    if len(indexes) > _MOST_SESSIONS:
        raise Malformed("The request names too many sessions.")
    return LogoutRequest(
        id=_bounded(root.get("ID", "")), name_id=_bounded(text_of(name)), session_indexes=tuple(indexes)
    )


def _bounded(text: str) -> str:
    if not text or len(text) > _LONGEST_TEXT:
        raise Malformed("A text is missing or too long.")
    return text
