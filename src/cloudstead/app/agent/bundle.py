"""A thing's bundle: the folder or archive that DOWNLOAD_CERTIFICATE gives out (Cloud Connect 2.11, section 11.1.2)."""

from __future__ import annotations

import ssl
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

_CERTIFICATE = "cert.pem"
_PRIVATE_KEY = "privkey.pem"
_AUTHORITY = "ca.pem"
_LARGEST_MEMBER = 64 * 1024  # a certificate chain is about 2 KB; more than this is no bundle of ours


class BundleUnusable(Exception):
    """The bundle is missing, incomplete or holds no matching certificate and key; the message is one line."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Certificate and key of a thing, and the authority to trust where the bundle brings it."""

    thing_name: str
    certificate: bytes
    private_key: bytes
    authority: bytes | None

    def tls_context(self, ca_file: Path | None) -> ssl.SSLContext:
        """Return a context for mutual TLS that trusts ``ca_file``, else the bundle's authority, else the system's."""
        try:
            if ca_file is not None:
                context = ssl.create_default_context(cafile=str(ca_file))
            elif self.authority is not None:
                context = ssl.create_default_context(cadata=self.authority.decode("ascii"))
            else:
                context = ssl.create_default_context()
        except (OSError, ValueError) as error:
            raise BundleUnusable(f"{ca_file or _AUTHORITY}: no certificate can be read from it ({error})") from None
        # The ssl module reads a chain from files only. The folder is private and gone before anything is sent.
        with tempfile.TemporaryDirectory(prefix="cloudstead-") as folder:
            certificate, key = Path(folder, _CERTIFICATE), Path(folder, _PRIVATE_KEY)
            certificate.write_bytes(self.certificate)
            key.write_bytes(self.private_key)
            try:
                context.load_cert_chain(certificate, key)
            except ssl.SSLError as error:
                raise BundleUnusable(f"certificate and key do not belong together ({error.reason or error})") from None
        return context


def read_bundle(path: Path, thing_name: str | None) -> Bundle:
    """Read a bundle; where there are several things, ``thing_name`` chooses one.

    A folder may be the thing's own, whatever it is called (``cert.pem`` lies in it), or the one above it.
    """
    try:
        things = _read_archive(path) if path.is_file() else _read_folder(path, thing_name)
    except (OSError, zipfile.BadZipFile) as error:
        raise BundleUnusable(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if thing_name is None:
        if len(things) != 1:
            raise BundleUnusable(f"{path} holds {len(things) or 'no'} things: choose one with --thing")
        (thing_name,) = things
    files = things.get(thing_name, {})
    for file in (_CERTIFICATE, _PRIVATE_KEY):
        if file not in files:
            raise BundleUnusable(f"{path} holds no {file} of {thing_name}")
    return Bundle(thing_name, files[_CERTIFICATE], files[_PRIVATE_KEY], files.get(_AUTHORITY))


def _read_folder(path: Path, thing_name: str | None) -> dict[str, dict[str, bytes]]:
    if (path / _CERTIFICATE).is_file():
        return {thing_name or path.resolve().name: _read_files(path)}
    return {child.name: _read_files(child) for child in path.iterdir() if (child / _CERTIFICATE).is_file()}


def _read_files(folder: Path) -> dict[str, bytes]:
    files = (folder / name for name in (_CERTIFICATE, _PRIVATE_KEY, _AUTHORITY))
    return {file.name: file.read_bytes() for file in files if file.is_file()}


def _read_archive(path: Path) -> dict[str, dict[str, bytes]]:
    things: dict[str, dict[str, bytes]] = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            folder, _, file = member.filename.rpartition("/")
            if file in {_CERTIFICATE, _PRIVATE_KEY, _AUTHORITY} and member.file_size <= _LARGEST_MEMBER:
                things.setdefault(folder, {})[file] = archive.read(member)
    return things
