"""Whom a provider vouches for: a response by HTTP-POST, checked as saml-profiles-2.0, section 4.1.4, asks for.

The response, its assertion or both have to be signed, and every signature that is there has to be good. What is read of
the assertion is only what a signature covers. An assertion may be encrypted: then its own signature is inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from cloudstead.protocols.saml2.documents import only, optional, read_message, text_of
from cloudstead.protocols.saml2.encryption import ENCRYPTED, UNREADABLE, contained, decrypted
from cloudstead.protocols.saml2.errors import Malformed, NotBelieved, Saml2Error
from cloudstead.protocols.saml2.names import BEARER, SAML, SAMLP, SUCCESS, UNSPECIFIED
from cloudstead.protocols.saml2.signatures import is_signed, require_sound, signed_part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.x509 import Certificate

    from cloudstead.protocols.saml2.encryption import Decryption

CLOCK_TOLERANCE: Final = timedelta(minutes=3)
"""How far the provider's clock and ours may be apart."""

_LONGEST_TEXT: Final = 1024
_MOST_ATTRIBUTES: Final = 200
_FIRST_YEAR: Final = 1970  # and no end of the calendar: a tolerance is added to whatever was read
_LAST_YEAR: Final = 9000
_KNOWN_CONDITIONS: Final = frozenset(
    f"{{{SAML}}}{name}" for name in ("AudienceRestriction", "OneTimeUse", "ProxyRestriction")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom we believe, and who we are: ``audience`` is our entity id, ``recipient`` the address of our endpoint.

    ``takes_unasked``: the provider may begin, with a response to no request. ``decryption`` is ``None`` where we have
    no key for which anything could be encrypted.
    """

    issuer: str
    certificates: Sequence[Certificate]
    audience: str
    recipient: str
    takes_unasked: bool = False
    decryption: Decryption | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """What an assertion says.

    ``in_response_to`` has still to be found among the requests that were sent; it is ``None`` where the provider began.
    ``valid_until`` is when the assertion could not be used any more, however our clocks differ; ``session_ends`` is
    when the provider wants the session to be over.
    """

    assertion_id: str
    in_response_to: str | None
    name_id: str
    name_id_format: str
    session_index: str
    session_ends: datetime | None
    valid_until: datetime
    attributes: Mapping[str, tuple[str, ...]]


def check_response(data: bytes, trust: Trust, *, now: datetime) -> Vouched:
    """Return whom the response vouches for; raise ``Malformed`` or ``NotBelieved``."""
    root = read_message(data)
    if root.tag != f"{{{SAMLP}}}Response":
        raise Malformed("It is no response.")
    require_sound(root)
    _require_envelope(root, trust, now)
    in_response_to = None if root.get("InResponseTo") is None else _attribute(root, "InResponseTo")
    if in_response_to is None and not trust.takes_unasked:
        raise NotBelieved("The response answers no request, and this provider may not begin a sign-in.")
    assertions = list(root.iter(f"{{{SAML}}}Assertion", ENCRYPTED))
    if len(assertions) != 1 or assertions[0].getparent() is not root:
        raise NotBelieved("There is not exactly one assertion.")
    prove = _opened_assertion if assertions[0].tag == ENCRYPTED else _signed_assertion
    return _read_assertion(prove(root, assertions[0], trust, now), trust, now, in_response_to=in_response_to)


def _signed_assertion(root: Any, assertion: Any, trust: Trust, now: datetime) -> Any:
    found: Any | None = None
    if is_signed(root):
        response = signed_part(root, root, certificates=trust.certificates, now=now)
        found = only(response, f"{{{SAML}}}Assertion")
    if is_signed(assertion):
        found = signed_part(root, assertion, certificates=trust.certificates, now=now)
    if found is None:
        raise NotBelieved("Neither the response nor its assertion is signed.")
    return found


def _opened_assertion(root: Any, encrypted: Any, trust: Trust, now: datetime) -> Any:
    """Return the assertion that was encrypted, as far as it is signed: inside, or as a part of the response."""
    signed = None
    if is_signed(root):
        response = signed_part(root, root, certificates=trust.certificates, now=now)
        signed = only(response, ENCRYPTED)
    text = decrypted(encrypted if signed is None else signed, trust.decryption)
    try:
        document = contained(text, encrypted.nsmap)
        require_sound(document)
        assertion = document[0]
        if is_signed(assertion):
            return signed_part(document, assertion, certificates=trust.certificates, now=now)
        if signed is not None:
            # The signature covers what was encrypted, and only those namespaces that the signed response still has.
            return contained(text, signed.nsmap)[0]
    except Saml2Error:
        raise NotBelieved(UNREADABLE) from None
    raise NotBelieved(UNREADABLE)


def _require_envelope(root: Any, trust: Trust, now: datetime) -> None:
    """Check the response around the assertion; what matters of it is repeated inside, under the signature."""
    _require_version(root)
    if moment(_attribute(root, "IssueInstant")) > now + CLOCK_TOLERANCE:
        raise NotBelieved("The response is from the future.")
    # saml-bindings-2.0, section 3.5.5.2: a signed message names the address that it is meant for.
    destination = root.get("Destination")
    if destination != trust.recipient and (destination is not None or is_signed(root)):
        raise NotBelieved("The response is meant for another address.")
    issuer = optional(root, f"{{{SAML}}}Issuer")
    if issuer is not None and text_of(issuer) != trust.issuer:
        raise NotBelieved("The response is from another issuer.")
    code = only(only(root, f"{{{SAMLP}}}Status"), f"{{{SAMLP}}}StatusCode")
    if code.get("Value") != SUCCESS:
        raise NotBelieved("The provider did not sign the person in.")


def _read_assertion(assertion: Any, trust: Trust, now: datetime, *, in_response_to: str | None) -> Vouched:
    _require_version(assertion)
    if text_of(only(assertion, f"{{{SAML}}}Issuer")) != trust.issuer:
        raise NotBelieved("The assertion is from another issuer.")
    if moment(_attribute(assertion, "IssueInstant")) > now + CLOCK_TOLERANCE:
        raise NotBelieved("The assertion is from the future.")
    subject = only(assertion, f"{{{SAML}}}Subject")
    confirmed_until = _require_confirmation(subject, trust, now, in_response_to)
    _require_conditions(only(assertion, f"{{{SAML}}}Conditions"), trust, now)
    name_id = only(subject, f"{{{SAML}}}NameID")
    session_index, session_ends = _session(assertion, now)
    return Vouched(
        assertion_id=_attribute(assertion, "ID"),
        in_response_to=in_response_to,
        name_id=_bounded(text_of(name_id)),
        name_id_format=_bounded(name_id.get("Format", UNSPECIFIED)),
        session_index=session_index,
        session_ends=session_ends,
        valid_until=confirmed_until + CLOCK_TOLERANCE,
        attributes=_attributes(assertion),
    )


def _require_confirmation(subject: Any, trust: Trust, now: datetime, in_response_to: str | None) -> datetime:
    """Return until when the bearer is confirmed; of several confirmations one has to hold (section 4.1.4.3)."""
    reason = "No confirmation says that the bearer may be believed."
    for confirmation in subject.findall(f"{{{SAML}}}SubjectConfirmation"):
        data = optional(confirmation, f"{{{SAML}}}SubjectConfirmationData")
        if confirmation.get("Method") != BEARER or data is None:
            continue
        if data.get("Recipient") != trust.recipient:
            reason = "The assertion is meant for another recipient."
        elif data.get("InResponseTo") != in_response_to:
            reason = "The assertion answers another request than the response."
        elif data.get("NotBefore") is not None and moment(data.get("NotBefore")) > now + CLOCK_TOLERANCE:
            reason = "The assertion is not confirmed yet."
        elif moment(_attribute(data, "NotOnOrAfter")) + CLOCK_TOLERANCE <= now:
            reason = "The assertion is not confirmed any more."
        else:
            return moment(_attribute(data, "NotOnOrAfter"))
    raise NotBelieved(reason)


def _require_conditions(conditions: Any, trust: Trust, now: datetime) -> None:
    if any(child.tag not in _KNOWN_CONDITIONS for child in conditions):
        raise NotBelieved("The assertion makes a condition that we do not know.")
    not_before, not_after = conditions.get("NotBefore"), conditions.get("NotOnOrAfter")
    if not_before is not None and moment(not_before) > now + CLOCK_TOLERANCE:
        raise NotBelieved("The assertion is not valid yet.")
    if not_after is not None and moment(not_after) + CLOCK_TOLERANCE <= now:
        raise NotBelieved("The assertion is not valid any more.")
    restrictions = conditions.findall(f"{{{SAML}}}AudienceRestriction")
    if not restrictions:
        raise NotBelieved("The assertion names no audience.")
    for restriction in restrictions:
        if trust.audience not in [text_of(each) for each in restriction.findall(f"{{{SAML}}}Audience")]:
            raise NotBelieved("The assertion is meant for another audience.")


def _session(assertion: Any, now: datetime) -> tuple[str, datetime | None]:
    statements = assertion.findall(f"{{{SAML}}}AuthnStatement")
    if not statements:
        raise NotBelieved("The assertion does not say that anybody signed in.")
    ends = statements[0].get("SessionNotOnOrAfter")
    session_ends = None if ends is None else moment(ends)
    if session_ends is not None and session_ends <= now:
        raise NotBelieved("The session at the provider is over.")
    return _bounded(statements[0].get("SessionIndex", "")), session_ends


def _attributes(assertion: Any) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    attributes = assertion.findall(f"{{{SAML}}}AttributeStatement/{{{SAML}}}Attribute")
    if len(attributes) > _MOST_ATTRIBUTES:
        raise Malformed("The assertion has too many attributes.")
    for attribute in attributes:
        values = [each for each in attribute.findall(f"{{{SAML}}}AttributeValue") if not len(each)]
        name = _bounded(attribute.get("Name", ""))
        found[name] = found.get(name, ()) + tuple(text_of(value) for value in values)
    return found


def moment(text: str) -> datetime:
    """Return a time of SAML, which is in UTC (saml-core-2.0, section 1.3.3); raise ``Malformed``."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed("A time is malformed.") from None
    if read.tzinfo is None:
        raise Malformed("A time does not say that it is in UTC.")
    if not _FIRST_YEAR <= read.year < _LAST_YEAR:
        raise Malformed("A time is far away.")
    return read.astimezone(UTC)


def _require_version(element: Any) -> None:
    if element.get("Version") != "2.0":
        raise Malformed("It is of another version of SAML.")


def _attribute(element: Any, name: str) -> str:
    value = element.get(name)
    if not value:
        raise Malformed(f"{name} is missing.")
    return _bounded(value)


def _bounded(text: str) -> str:
    if len(text) > _LONGEST_TEXT:
        raise Malformed("A text is too long.")
    return text
