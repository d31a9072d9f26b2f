"""What happened to things; told after the transaction that made it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.ids import CertificateId
    from cloudstead.core.things.model import Thing


@dataclass(frozen=True, slots=True)
class ThingCreated:
    """A thing is there."""

    thing: Thing


@dataclass(frozen=True, slots=True)
class ThingChanged:
    """A thing was changed; ``before`` shows the domain that it may have left."""

    before: Thing
    thing: Thing


@dataclass(frozen=True, slots=True)
class ThingRemoved:
    """A thing is gone with its shadow; its certificates were withdrawn."""

    thing: Thing


@dataclass(frozen=True, slots=True)
class CertificatesRevoked:
    """These certificates open no door any more; open connections that used them end."""

    certificate_ids: tuple[CertificateId, ...]
