"""The installation's secrets: made once on an empty data folder, then only read.

``installation.key``  32 bytes as hex: what every recoverable secret is sealed with
``signing.sealed``    the RSA key that signs OpenID tokens
``authority.sealed``  the issuing authority's key, its certificate and the root's
``root.key``          the root's key in the clear: only the next issuing authority needs it, so it may go to a safe
``server.pem``, ``server.key``  the certificate of our own listeners, renewed by itself
"""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import psutil
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from cloudstead.app.errors import CannotStart
from cloudstead.app.private_files import write_private
from cloudstead.core.credentials.authority import Authority, create_authority
from cloudstead.core.credentials.errors import SealBroken
from cloudstead.core.credentials.sealing import InstallationKey, Sealer
from cloudstead.core.credentials.tokens import SigningKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.app.data_folder import DataFolder
    from cloudstead.app.settings import HttpsSettings, Settings
    from cloudstead.core.clock import Clock

_AUTHORITY: Final = "app/authority"
_SIGNING: Final = "app/signing"


class _AuthorityRecord(msgspec.Struct, frozen=True):
    root_certificate: bytes
    issuing_certificate: bytes
    issuing_key: bytes


@dataclass(frozen=True, slots=True)
class Keys:
    """What the rest of the program is given."""

    sealer: Sealer
    signing_key: SigningKey
    authority: Authority


def open_keys(folder: DataFolder, clock: Clock) -> Keys:
    """Read the secrets, making those that are not there yet; raise ``CannotStart`` when they do not fit together."""
    require_keys(folder.keys)
    sealer = Sealer(_installation_key(folder.keys))
    signing_key = _signing_key(folder.keys / "signing.sealed", sealer)
    record = _authority(folder, sealer, clock)
    authority = Authority(
        record.issuing_key, record.issuing_certificate, root_certificate=record.root_certificate, clock=clock
    )
    if not folder.ca_file.exists() or folder.ca_file.read_bytes() != record.root_certificate:
        write_private(folder.ca_file, record.root_certificate, mode=0o644)
    return Keys(sealer, signing_key, authority)


def require_keys(folder: Path) -> None:
    """Raise ``CannotStart`` when the secrets that are there do not fit together; make nothing."""
    sealed = {"signing.sealed": _SIGNING, "authority.sealed": _AUTHORITY}
    files = [(folder / name, purpose) for name, purpose in sealed.items() if (folder / name).exists()]
    path = folder / "installation.key"
    if not path.exists():
        if files:
            raise CannotStart(
                f"{path} is missing and nothing that was sealed with it can be opened: restore it from a backup."
            )
        return
    sealer = Sealer(_installation_key(folder))
    try:
        for file, purpose in files:
            sealer.open(file.read_bytes(), purpose)
    except SealBroken:
        raise CannotStart(
            f"{path} is not the key that the other files in {folder} were sealed with: restore it from a backup."
        ) from None


def server_certificate(
    folder: DataFolder, authority: Authority, names: Sequence[str], clock: Clock
) -> tuple[Path, Path]:
    """Return the files of a certificate for ``names`` and of its key; the old one is kept while it will do."""
    certificate_file, key_file = folder.keys / "server.pem", folder.keys / "server.key"
    if not (
        certificate_file.exists() and key_file.exists() and _still_serves(certificate_file, authority, names, clock)
    ):
        issued = authority.issue_server_certificate(names)
        # The certificate goes first and is looked at on start: a key without its certificate is found and replaced.
        certificate_file.unlink(missing_ok=True)
        write_private(key_file, issued.private_key_pem.encode())
        write_private(certificate_file, issued.pem.encode())
    return certificate_file, key_file


def require_certificate(https: HttpsSettings) -> None:
    """Raise ``CannotStart`` naming the file when the certificate that the operator gave cannot be used."""
    if not https.certificate_file:
        return
    for file in (https.certificate_file, https.private_key_file):
        try:
            Path(file).read_bytes()
        except OSError as error:
            raise CannotStart(f"{file} cannot be read: {(error.strerror or str(error)).lower()}.") from None
    try:
        x509.load_pem_x509_certificates(Path(https.certificate_file).read_bytes())
    except ValueError:
        raise CannotStart(f"{https.certificate_file} is no certificate: it has to be in PEM form.") from None
    try:
        load_pem_private_key(Path(https.private_key_file).read_bytes(), password=None)
    except TypeError:
        raise CannotStart(f"{https.private_key_file} is locked with a password: give a key without one.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise CannotStart(f"{https.private_key_file} is no private key: it has to be in PEM form.") from None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(https.certificate_file, https.private_key_file)
    except ssl.SSLError as error:
        reason = "they do not belong together" if error.reason == "KEY_VALUES_MISMATCH" else str(error)
        raise CannotStart(f"{https.certificate_file} and {https.private_key_file} cannot be used: {reason}.") from None


def server_names(settings: Settings) -> list[str]:
    """Return every name under which clients may reach our listeners.

    A listener on all interfaces adds the addresses of this machine: devices in a laboratory connect to those.
    """
    names = [settings.public.hostname, *settings.public.other_names, "localhost", "127.0.0.1", "::1"]
    listeners = (settings.http, settings.https, settings.mqtts, settings.mqtt, settings.thing_event)
    hosts = {listener.bind.host for listener in listeners if listener.bind is not None}
    names += sorted(hosts - {"0.0.0.0", "::"})  # noqa: S104  # compared with, not bound to
    if hosts & {"0.0.0.0", "::"}:  # noqa: S104  # compared with, not bound to
        addresses = (entry.address for entries in psutil.net_if_addrs().values() for entry in entries)
        names += sorted(address for address in addresses if _is_reachable_address(address))
    return list(dict.fromkeys(name.lower() for name in names))


def _is_reachable_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:  # a hardware address, or one with a zone
        return False
    return not address.is_link_local


def _installation_key(folder: Path) -> InstallationKey:
    path = folder / "installation.key"
    if path.exists():
        try:
            return InstallationKey(bytes.fromhex(path.read_text(encoding="ascii").strip()))
        except ValueError:
            raise CannotStart(f"{path} is damaged: restore it from a backup.") from None
    key = InstallationKey.generate()
    write_private(path, key.secret.hex().encode() + b"\n")
    return key


def _signing_key(path: Path, sealer: Sealer) -> SigningKey:
    if path.exists():
        return SigningKey.load(sealer.open(path.read_bytes(), _SIGNING))
    key = SigningKey.generate()
    write_private(path, sealer.seal(key.to_pem(), _SIGNING))
    return key


def _authority(folder: DataFolder, sealer: Sealer, clock: Clock) -> _AuthorityRecord:
    path = folder.keys / "authority.sealed"
    if path.exists():
        return msgspec.msgpack.decode(sealer.open(path.read_bytes(), _AUTHORITY), type=_AuthorityRecord)
    files = create_authority(clock)
    record = _AuthorityRecord(files.root_certificate, files.issuing_certificate, files.issuing_key)
    write_private(folder.keys / "root.key", files.root_key)
    write_private(path, sealer.seal(msgspec.msgpack.encode(record), _AUTHORITY))
    return record


def _still_serves(path: Path, authority: Authority, names: Sequence[str], clock: Clock) -> bool:
    """Tell whether the certificate has all the names, our present authority behind it and a third of its life ahead."""
    chain = path.read_bytes()
    certificate = x509.load_pem_x509_certificate(chain)
    alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    has = {*alternatives.get_values_for_type(x509.DNSName), *map(str, alternatives.get_values_for_type(x509.IPAddress))}
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    own, rest = certificate.public_bytes(Encoding.PEM).decode("ascii"), chain.decode("ascii")
    return (
        has == set(names)
        and authority.chain_pem.startswith(rest.removeprefix(own))
        and certificate.not_valid_after_utc - clock.now() > life / 3
    )
