"""Server contexts for our TLS listeners, and what a client showed in its handshake."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

# Devices of AWS's time name the first on port 443 (AWS IoT, "ALPN"); a client that names neither is served as well.
_MQTT_PROTOCOLS: Final = ("x-amzn-mqtt-ca", "mqtt")
_HTTP_PROTOCOLS: Final = ("http/1.1",)
_ASN1: Final = 2


def mqtts_context(certificate: Path, private_key: Path, *, trusted: str) -> ssl.SSLContext:
    """Return the context of the devices' listener.

    ``trusted`` (PEM) are the authorities of which a client has to show a certificate: one of anybody else's, or past
    its end, fails in the handshake. They are not named to clients: with hundreds of them that would be kilobytes for
    each handshake. Revocation is not checked here, because a context cannot exchange its list while it is in use: the
    gateway looks every fingerprint up instead.
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
    # Accounts trust authorities that are not roots; only the one that is trusted has to be known here.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_cert_chain(certificate, private_key)
    return context


_FOREIGN_CERTIFICATE: Final = (
    "The client does not trust our certificate: it needs the authority of its bundle, ca.pem, and a name that we have."
)
_NO_TLS: Final = "The client spoke no TLS."
_WORDS: Final = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "The client showed no certificate.",
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "HTTP_REQUEST": _NO_TLS,
    "TLSV1_ALERT_UNKNOWN_CA": _FOREIGN_CERTIFICATE,
    "SSLV3_ALERT_BAD_CERTIFICATE": _FOREIGN_CERTIFICATE,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _FOREIGN_CERTIFICATE,
    "UNSUPPORTED_PROTOCOL": "The client speaks no TLS of version 1.2 or later.",
}
# OpenSSL's words for a connection that ended in between: load balancers look that way whether a port is open.
_GONE: Final = frozenset({"UNEXPECTED_EOF_WHILE_READING"})


def handshake_fault(error: OSError) -> str | None:
    """Say what was wrong with a handshake, for whoever looks after the devices; ``None`` when the client was gone."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The client's certificate was not believed: {error.verify_message}."
    if isinstance(error, ssl.SSLError) and error.reason not in _GONE:
        return _WORDS.get(error.reason or "", f"The TLS handshake failed: {error.reason}.")
    return None


def certificates_shown(connection: ssl.SSLObject) -> tuple[bytes, ...] | None:
    """Return all certificates (DER) that the client sent; ``None`` when it resumed a session and sent none."""
    if connection.session_reused:
        return None
    if connection.getpeercert(binary_form=True) is None:  # its chain would be a list with a hole in it
        return ()
    if hasattr(connection, "get_unverified_chain"):  # from Python 3.13 on
        return tuple(connection.get_unverified_chain())
    # Until then it is there, but for the door; the form has the number of SSL_FILETYPE_ASN1.
    inner: Any = connection._sslobj  # type: ignore[attr-defined]  # noqa: SLF001
    return tuple(each.public_bytes(_ASN1) for each in inner.get_unverified_chain())
