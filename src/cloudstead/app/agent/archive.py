"""Going online from an archive that ProvisionDevice gave out: register once with the claim, keep what came back.

The device makes its own key; the claim certificate proves who it is, in the handshake and once. What was registered is
kept in a folder, and is what counts from then on: the archive opens nothing any more, and may be deleted.
"""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from cloudstead.app.addresses import Address
from cloudstead.core.provisioning.archive import AUTHORITY, CERTIFICATE, FORMAT, MANIFEST, NETWORK, PRIVATE_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

PLACE: Final = "cloud.json"
_LARGEST_MEMBER: Final = 64 * 1024
_LARGEST_ANSWER: Final = 256 * 1024
_ANSWER_WITHIN_S: Final = 30.0
_ATTEMPTS: Final = 5
_WAIT_S: Final = 2.0
_PRIVATE: Final = 0o600


class ArchiveUnusable(Exception):
    """The archive is none, has expired or was used; the message is one line that says what to do."""


class _Mqtt(msgspec.Struct):
    endpoint: str
    port: int


class _Manifest(msgspec.Struct, rename="camel"):
    format: int
    device_id: str
    thing_name: str
    expires_at: str
    register_url: str
    mqtt: _Mqtt


@dataclass(frozen=True, slots=True)
class Archive:
    """What the archive holds."""

    manifest: _Manifest
    certificate: bytes
    private_key: bytes
    authority: bytes
    has_network: bool


@dataclass(frozen=True, slots=True)
class Registered:
    """Where the thing's bundle lies, and where the cloud listens for it."""

    bundle: Path
    address: Address


def read_archive(path: Path) -> Archive:
    """Read an archive; raise ``ArchiveUnusable``."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {each.filename: each for each in archive.infolist() if each.file_size <= _LARGEST_MEMBER}
            missing = {MANIFEST, CERTIFICATE, PRIVATE_KEY, AUTHORITY} - members.keys()
            if missing:
                raise ArchiveUnusable(f"{path} is no archive of ProvisionDevice: it holds no {min(missing)}")
            files = {name: archive.read(name) for name in members}
    except (OSError, zipfile.BadZipFile) as error:
        raise ArchiveUnusable(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    try:
        manifest = msgspec.json.decode(files[MANIFEST], type=_Manifest)
    except msgspec.DecodeError as error:
        raise ArchiveUnusable(f"{path}: {MANIFEST} cannot be read ({error})") from None
    if manifest.format != FORMAT:
        raise ArchiveUnusable(f"{path} has format {manifest.format}; this release knows {FORMAT}")
    has_network = files.get(NETWORK, b"{}").strip() != b"{}"
    return Archive(manifest, files[CERTIFICATE], files[PRIVATE_KEY], files[AUTHORITY], has_network)


def bring_in(path: Path, folder: Path, *, should_stop: Callable[[], bool]) -> Registered:
    """Register as the archive's device, or return what was registered before; raise ``ArchiveUnusable``.

    The bundle is kept in a folder below ``folder`` that is called like the thing.
    """
    log = structlog.get_logger("cloudstead.agent")
    archive = read_archive(path)
    bundle = folder / archive.manifest.thing_name
    if (bundle / PLACE).is_file():
        log.info("registered before", thing=archive.manifest.thing_name, folder=str(bundle))
        return _kept(bundle)
    if archive.has_network:
        log.info("network left alone", reason=f"{NETWORK} is for appliances; this machine keeps its own set-up")
    key = ec.generate_private_key(ec.SECP256R1())
    answer = _register(archive, signed_request(archive, key), should_stop)
    bundle.mkdir(parents=True, exist_ok=True)
    _write_private(bundle / "privkey.pem", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (bundle / "cert.pem").write_text(answer["certificate"], encoding="ascii")
    (bundle / "ca.pem").write_text(answer["authorities"], encoding="ascii")
    # Last, since it says that all the others are there.
    (bundle / PLACE).write_text(json.dumps(answer["mqtt"]) + "\n", encoding="ascii")
    log.info("registered", device=archive.manifest.device_id, thing=archive.manifest.thing_name, folder=str(bundle))
    return _kept(bundle)


def _kept(bundle: Path) -> Registered:
    try:
        place = msgspec.json.decode((bundle / PLACE).read_bytes(), type=_Mqtt)
    except (OSError, msgspec.DecodeError) as error:
        raise ArchiveUnusable(f"{bundle / PLACE} cannot be read: {error}") from None
    return Registered(bundle, Address(place.endpoint, place.port))


def _request(archive: Archive, key: ec.EllipticCurvePrivateKey) -> x509.CertificateSigningRequest:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, archive.manifest.thing_name[:64])])
    return x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, SHA256())


def signed_request(archive: Archive, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return what is sent: the request, and a proof of the claim for a cloud whose proxy ends the TLS connection."""
    request = _request(archive, key)
    try:
        claim = load_pem_private_key(archive.private_key, password=None)
    except ValueError:
        raise ArchiveUnusable(f"{PRIVATE_KEY}: no private key can be read from it") from None
    if not isinstance(claim, ec.EllipticCurvePrivateKey):
        raise ArchiveUnusable(f"{PRIVATE_KEY} is no key of an elliptic curve")
    body = {
        "csr": request.public_bytes(Encoding.PEM).decode("ascii"),
        "claimCertificate": archive.certificate.decode("ascii", "replace"),
        "signature": base64.b64encode(claim.sign(request.public_bytes(Encoding.DER), ec.ECDSA(SHA256()))).decode(),
    }
    return json.dumps(body).encode()


def _register(archive: Archive, body: bytes, should_stop: Callable[[], bool]) -> dict[str, Any]:
    tls = _tls(archive)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _ask(archive.manifest.register_url, body, tls)
        except urllib.error.HTTPError as error:
            raise ArchiveUnusable(_complaint(error)) from None
        except (OSError, TimeoutError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLError) and "EXPIRED" in str(reason.reason or "").upper():
                raise ArchiveUnusable(_expired(archive)) from None
            if attempt == _ATTEMPTS or should_stop():
                raise ArchiveUnusable(f"{archive.manifest.register_url} cannot be reached: {reason}") from None
            structlog.get_logger("cloudstead.agent").warning(
                "not registered", reason=str(reason), retry_in_s=_WAIT_S, expires_at=archive.manifest.expires_at
            )
            time.sleep(_WAIT_S)
    raise AssertionError("the last attempt returns or raises")


def _ask(url: str, body: bytes, tls: ssl.SSLContext) -> dict[str, Any]:
    if not url.startswith("https://"):
        raise ArchiveUnusable(f"{url} is no https address: the claim is shown in a TLS handshake")
    request = urllib.request.Request(url, body, {"content-type": "application/json"}, method="POST")  # noqa: S310 - https, as checked above
    with urllib.request.urlopen(request, timeout=_ANSWER_WITHIN_S, context=tls) as answer:  # noqa: S310 - likewise
        told: dict[str, Any] = json.loads(answer.read(_LARGEST_ANSWER))
    return told


def _complaint(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(_LARGEST_ANSWER))["message"])
    except (ValueError, KeyError, TypeError):
        return f"the cloud answered {error.code} {error.reason}"


def _expired(archive: Archive) -> str:
    return f"the archive was good until {archive.manifest.expires_at} by the cloud's clock: provision the device again"


def _tls(archive: Archive) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=archive.authority.decode("ascii"))
        context.load_default_certs()  # a proxy in front of the cloud has a certificate of the public kind
    except ValueError as error:
        raise ArchiveUnusable(f"{AUTHORITY}: no certificate can be read from it ({error})") from None
    with tempfile.TemporaryDirectory(prefix="cloudstead-") as folder:
        certificate, key = Path(folder, CERTIFICATE), Path(folder, PRIVATE_KEY)
        certificate.write_bytes(archive.certificate)
        _write_private(key, archive.private_key)
        try:
            context.load_cert_chain(certificate, key)
        except ssl.SSLError as error:
            raise ArchiveUnusable(f"{CERTIFICATE} and {PRIVATE_KEY} do not belong together ({error.reason})") from None
    return context


def _write_private(path: Path, content: bytes) -> None:
    path.touch(mode=_PRIVATE)
    path.write_bytes(content)
