"""The bundle: what a device needs to identify itself, as a zip archive with one folder for each thing."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_PRIVATE: Final = 0o600 << 16
_PUBLIC: Final = 0o644 << 16


@dataclass(frozen=True, slots=True)
class BundledThing:
    """One folder of the archive; all texts are PEM."""

    name: str
    certificate: str
    private_key: str = field(repr=False)
    public_key: str
    authorities: str
    created_at_ms: int


def pack(things: Iterable[BundledThing]) -> bytes:
    """Return the archive; the same things give the same bytes.

    The names of the first three files are those that Cloud Connect's own clients look for (section 2); ``ca.pem``, with
    which a device verifies us and others verify the device, is our addition. ``cert.pem`` holds the device's own
    certificate alone: we know our authorities, and every other one that a device sends costs 6 KB for as long as it
    is connected.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for thing in things:
            _write(out, thing, "cert.pem", thing.certificate, _PUBLIC)
            _write(out, thing, "privkey.pem", thing.private_key, _PRIVATE)
            _write(out, thing, "pubkey.pem", thing.public_key, _PUBLIC)
            _write(out, thing, "ca.pem", thing.authorities, _PUBLIC)
    return archive.getvalue()


def _write(out: zipfile.ZipFile, thing: BundledThing, file_name: str, text: str, mode: int) -> None:
    made = datetime.fromtimestamp(thing.created_at_ms / 1000, UTC)
    entry = zipfile.ZipInfo(f"{thing.name}/{file_name}", made.timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = mode
    out.writestr(entry, text)
