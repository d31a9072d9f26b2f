"""An identity provider that says whatever a test wants, and signs it."""

from __future__ import annotations

import copy
import zlib
from base64 import b64encode
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml import XMLSigner
from signxml.algorithms import CanonicalizationMethod, SignatureMethod

from cloudstead.protocols.saml2.names import BEARER, DS, SAML, SAMLP, SUCCESS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ISSUER = "https://idp.example/metadata"
AUDIENCE = "https://cloud.example/people/saml2/p1/metadata"
RECIPIENT = "https://cloud.example/people/saml2/p1/assertion"


@dataclass(frozen=True)
class Signer:
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


@cache
def signer(name: str = "idp", kind: str = "rsa") -> Signer:
    """One per name and kind: making an RSA key takes a while."""
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    return Signer(key, certificate)


@dataclass(frozen=True)
class Answer:
    """A response. ``signs`` says what of it is signed: ``assertion``, ``response``, ``both`` or nothing."""

    now: datetime = NOW
    issuer: str = ISSUER
    audience: str | None = AUDIENCE
    recipient: str | None = RECIPIENT
    destination: str | None = RECIPIENT
    in_response_to: str = "_question"
    subject_in_response_to: str | None = None
    name_id: str = "jane"
    name_id_format: str | None = None
    session_index: str = "s1"
    status: str = SUCCESS
    response_id: str = "_response"
    assertion_id: str = "_assertion"
    not_before: timedelta = timedelta(minutes=-1)
    not_after: timedelta = timedelta(minutes=5)
    confirmed_after: timedelta = timedelta(minutes=5)
    issued: timedelta = timedelta(0)
    attributes: dict[str, str] = field(default_factory=dict)
    signs: str = "assertion"
    by: Signer = field(default_factory=signer)
    method: SignatureMethod = SignatureMethod.RSA_SHA256
    digest: str = "sha256"

    def but(self, **others) -> Answer:
        return replace(self, **others)

    def tree(self):
        """The response as elements, signed."""
        root = self.unsigned()
        if self.signs in {"assertion", "both"}:
            sign(root.find(f"{{{SAML}}}Assertion"), self)
        if self.signs in {"response", "both"}:
            sign(root, self)
        return root

    def xml(self) -> bytes:
        return etree.tostring(self.tree())

    def unsigned(self):
        root = etree.Element(f"{{{SAMLP}}}Response", self._head(self.response_id), nsmap={"samlp": SAMLP, "saml": SAML})
        root.set("InResponseTo", self.in_response_to)
        if self.destination is not None:
            root.set("Destination", self.destination)
        etree.SubElement(root, f"{{{SAML}}}Issuer").text = self.issuer
        status = etree.SubElement(root, f"{{{SAMLP}}}Status")
        etree.SubElement(status, f"{{{SAMLP}}}StatusCode", Value=self.status)
        root.append(self.assertion())
        return root

    def assertion(self):
        assertion = etree.Element(f"{{{SAML}}}Assertion", self._head(self.assertion_id), nsmap={"saml": SAML})
        etree.SubElement(assertion, f"{{{SAML}}}Issuer").text = self.issuer
        subject = etree.SubElement(assertion, f"{{{SAML}}}Subject")
        name = etree.SubElement(subject, f"{{{SAML}}}NameID")
        name.text = self.name_id
        if self.name_id_format:
            name.set("Format", self.name_id_format)
        confirmation = etree.SubElement(subject, f"{{{SAML}}}SubjectConfirmation", Method=BEARER)
        data = etree.SubElement(
            confirmation,
            f"{{{SAML}}}SubjectConfirmationData",
            InResponseTo=self.subject_in_response_to or self.in_response_to,
            NotOnOrAfter=stamp(self.now + self.confirmed_after),
        )
        if self.recipient is not None:
            data.set("Recipient", self.recipient)
        conditions = etree.SubElement(
            assertion,
            f"{{{SAML}}}Conditions",
            NotBefore=stamp(self.now + self.not_before),
            NotOnOrAfter=stamp(self.now + self.not_after),
        )
        if self.audience is not None:
            restriction = etree.SubElement(conditions, f"{{{SAML}}}AudienceRestriction")
            etree.SubElement(restriction, f"{{{SAML}}}Audience").text = self.audience
        statement = etree.SubElement(
            assertion,
            f"{{{SAML}}}AuthnStatement",
            AuthnInstant=stamp(self.now),
            SessionIndex=self.session_index,
        )
        context = etree.SubElement(statement, f"{{{SAML}}}AuthnContext")
        etree.SubElement(
            context, f"{{{SAML}}}AuthnContextClassRef"
        ).text = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
        if self.attributes:
            attributes = etree.SubElement(assertion, f"{{{SAML}}}AttributeStatement")
            for key, value in self.attributes.items():
                attribute = etree.SubElement(attributes, f"{{{SAML}}}Attribute", Name=key)
                etree.SubElement(attribute, f"{{{SAML}}}AttributeValue").text = value
        return assertion

    def _head(self, identifier: str) -> dict[str, str]:
        return {"ID": identifier, "Version": "2.0", "IssueInstant": stamp(self.now + self.issued)}


def sign(element, answer: Answer) -> None:
    """Put a signature behind the issuer of ``element``, as SAML asks for."""

    class Lenient(XMLSigner):
        def check_deprecated_methods(self):
            pass  # a provider of yesterday is what some tests are about

    signer_ = Lenient(
        signature_algorithm=answer.method,
        digest_algorithm=answer.digest,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    place = etree.Element(f"{{{DS}}}Signature", Id="placeholder", nsmap={"ds": DS})
    element.insert(1, place)
    alone = etree.fromstring(etree.tostring(element))
    signed = signer_.sign(
        alone, key=answer.by.key, cert=[answer.by.certificate], reference_uri=f"#{element.get('ID')}", id_attribute="ID"
    )
    element.replace(place, copy.deepcopy(signed.find(f"{{{DS}}}Signature")))


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def metadata(by: Signer | None = None, *, entity_id: str = ISSUER, url: str = "https://idp.example") -> bytes:
    """What an identity provider tells about itself."""
    certificate = b64encode((by or signer()).certificate.public_bytes(serialization.Encoding.DER)).decode()
    return f"""<?xml version="1.0"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="{DS}" entityID="{entity_id}">
  <!-- made by hand -->
  <md:IDPSSODescriptor protocolSupportEnumeration="{SAMLP}">
    <md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>
      {certificate}
    </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
    <md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{url}/slo"/>
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{url}/post"/>
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{url}/sso"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>""".encode()


def deflated(message: bytes) -> str:
    pack = zlib.compressobj(wbits=-15)
    return b64encode(pack.compress(message) + pack.flush()).decode()


def rsa_signature(by: Signer, data: bytes) -> bytes:
    return by.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
