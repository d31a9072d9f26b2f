"""How long the certificates are good for, and whether the secrets are ours alone."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509

from cloudstead.app.doctor.finding import Finding, State
from cloudstead.app.errors import CannotStart
from cloudstead.app.keys import require_keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cloudstead.app.settings import Settings

_SOON = timedelta(days=30)


def examine(folder: Path, settings: Settings, *, now: datetime) -> Iterator[Finding]:
    """Look at every certificate that the listeners show or trust."""
    authority, own = folder / "ca.pem", folder / "keys" / "server.pem"
    if authority.exists():
        yield _certificate("authority", authority, now, advice="Make a new data folder, or restore an older one.")
    if settings.https.certificate_file:
        given = Path(settings.https.certificate_file)
        yield _certificate("https certificate", given, now, advice="Get a new one from whoever issued it.")
    if own.exists():
        yield _certificate("server certificate", own, now, advice="It is renewed on the next start.")
    if (folder / "keys").exists():
        yield _privacy(folder / "keys")
        yield _fit(folder / "keys")


def _certificate(what: str, file: Path, now: datetime, *, advice: str) -> Finding:
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no certificate in it"
        return Finding(what, State.WRONG, f"{file}: {reason}", "Check the path and the file.")
    ends = certificate.not_valid_after_utc
    if now < certificate.not_valid_before_utc:
        seen = f"good from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on"
        return Finding(what, State.WRONG, seen, "The clock of this machine is behind: set it.")
    if now > ends:
        return Finding(what, State.WRONG, f"ended on {ends:%Y-%m-%d}", advice)
    if ends - now < _SOON:
        return Finding(what, State.NOTE, f"ends on {ends:%Y-%m-%d}", advice)
    return Finding(what, State.GOOD, f"good until {ends:%Y-%m-%d}")


def _fit(folder: Path) -> Finding:
    try:
        require_keys(folder)
    except CannotStart as refusal:
        return Finding("keys", State.WRONG, str(refusal), "The server does not start without it.")
    except OSError as error:
        advice = "Run as the owner of the data folder."
        return Finding("keys", State.WRONG, f"{error.filename}: {error.strerror}", advice)
    return Finding("keys", State.GOOD, "open what was sealed with them")


def _privacy(folder: Path) -> Finding:
    others = stat.S_IRWXG | stat.S_IRWXO
    open_files = [path.name for path in (folder, *folder.glob("*.key")) if path.stat().st_mode & others]
    if open_files:
        advice = f"Others may read it: chmod -R go= {folder}"
        return Finding("secrets", State.WRONG, ", ".join(open_files), advice)
    return Finding("secrets", State.GOOD, "private")
