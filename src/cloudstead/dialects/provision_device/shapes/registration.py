"""The device's half of provisioning, which is ours: ProvisionDevice publishes none."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

_Pem = Annotated[str, Meta(min_length=1, max_length=16_384)]


class Registration(Struct, rename="camel", frozen=True, forbid_unknown_fields=True):
    """A certificate signing request (PKCS #10, PEM) for a key that the device has made.

    The claim certificate is shown in the TLS handshake. Behind a proxy that ends TLS it is sent along instead, with
    a signature by its key over the request in DER form (ECDSA with SHA-256, base64).
    """

    csr: _Pem
    claim_certificate: _Pem | None = None
    signature: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None


class MqttPlace(Struct, frozen=True):
    """Where the device connects."""

    endpoint: str
    port: int


class Registered(Struct, rename="camel", frozen=True):
    """The lasting certificate (PEM), and what the device needs to go online."""

    device_id: str
    thing_name: str
    certificate: str
    authorities: str
    mqtt: MqttPlace
