"""The device's half of provisioning."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from cloudstead.core.credentials.authority import fingerprint
from cloudstead.core.errors import CloudsteadError
from cloudstead.core.provisioning.errors import ClaimRefused
from cloudstead.dialects.provision_device.shapes.registration import MqttPlace, Registered
from cloudstead.web.errors import FieldInvalid, Unauthenticated

if TYPE_CHECKING:
    from cloudstead.core.ids import CertificateId
    from cloudstead.dialects.provision_device.ports import Backend
    from cloudstead.dialects.provision_device.shapes.registration import Registration
    from cloudstead.web.call import Call

_END = "-----END CERTIFICATE-----\n"


class RegistrationHandlers:
    """What a device calls."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def register(self, call: Call[Any], body: Registration) -> Registered:
        """Register a device by its claim certificate, once, and answer the lasting one."""
        backend = self._backend
        claim_id = _claim(call, body)
        try:
            done = await backend.database.write(
                lambda unit: backend.registrations.register(unit, claim_id, body.csr, source_address=call.peer_address)
            )
        except CloudsteadError as error:
            if backend.registrations.is_fault_of_ours(error):
                await backend.database.write(lambda unit: backend.registrations.fail(unit, claim_id))
            raise
        account = await backend.database.read(lambda unit: unit.accounts.get(done.device.account_id))
        if account is None:
            raise ClaimRefused
        around = backend.around(account)
        certificate, _, issuer = done.certificate.pem.partition(_END)
        return Registered(
            device_id=done.device.id,
            thing_name=done.thing.name,
            certificate=certificate + _END,
            authorities=issuer + around.root_pem,
            mqtt=MqttPlace(around.mqtt_host, around.mqtt_port),
        )


def _claim(call: Call[Any], body: Registration) -> CertificateId:
    """Return the fingerprint of the claim certificate of which the device has proven that it holds the key."""
    if call.peer_certificate is not None:
        return fingerprint(call.peer_certificate)
    if body.claim_certificate is None or body.signature is None:
        raise Unauthenticated(
            "Show the claim certificate in the TLS handshake, or send it as claimCertificate with a signature by its "
            "key over the request."
        )
    try:
        certificate = x509.load_pem_x509_certificate(body.claim_certificate.encode())
    except ValueError:
        raise FieldInvalid("claimCertificate", "is no certificate in PEM form") from None
    try:
        request = x509.load_pem_x509_csr(body.csr.encode())
    except ValueError:
        raise FieldInvalid("csr", "is no certificate signing request in PEM form (PKCS #10)") from None
    try:
        signature = base64.b64decode(body.signature, validate=True)
    except (binascii.Error, ValueError):
        raise FieldInvalid("signature", "is no base64") from None
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ClaimRefused
    try:
        key.verify(signature, request.public_bytes(Encoding.DER), ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise ClaimRefused from None
    return fingerprint(certificate.public_bytes(Encoding.DER))
