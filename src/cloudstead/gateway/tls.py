"""Server contexts for our TLS listeners. A context is made anew to take up another certificate or authority."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

# Devices of AWS's time name the first on port 443 (AWS IoT, "ALPN"); a client that names neither is served as well.
_MQTT_PROTOCOLS: Final = ("x-amzn-mqtt-ca", "mqtt")
_HTTP_PROTOCOLS: Final = ("http/1.1",)


def mqtts_context(certificate: Path, private_key: Path, *, trusted: str) -> ssl.SSLContext:
    """Return the context of the devices' listener.

    ``trusted`` (PEM) are the authorities of which a client has to show a certificate: one of anybody else's, or past
    its end, fails in the handshake. Revocation is not checked here, because a context cannot exchange its list while
    it is in use: the gateway looks every fingerprint up instead.
    """
    context = _server_context(certificate, private_key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=trusted)
    context.set_alpn_protocols(_MQTT_PROTOCOLS)
    return context


def https_context(certificate: Path, private_key: Path, *, trusted: str) -> ssl.SSLContext:
    """Return the context of the HTTP listener.

    Devices may show a certificate of the ``trusted`` authorities (PEM); people, and their browsers, need none.
    """
    context = _server_context(certificate, private_key)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=trusted)
    context.set_alpn_protocols(_HTTP_PROTOCOLS)
    return context


def _server_context(certificate: Path, private_key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Renegotiation (TLS 1.2) lets a client spend our processor time at no cost of its own.
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    # Each ticket of a mutual handshake carries the client's certificate; one is enough to resume with.
    context.num_tickets = 1
    context.load_cert_chain(certificate, private_key)
    return context
