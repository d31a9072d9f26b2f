"""What happened to things; told after the transaction that made it so.

A ``path`` holds the ids of the domains from the root, root included, down to the thing's own, so that listeners need
no storage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.ids import CertificateId, DomainId
    from cloudstead.core.things.model import Thing


@dataclass(frozen=True, slots=True)
class ThingCreated:
    """A thing is there."""

    thing: Thing
    path: tuple[DomainId, ...]


@dataclass(frozen=True, slots=True)
class ThingChanged:
    """A thing was changed; ``before`` and ``before_path`` show the domain that it may have left."""

    before: Thing
    before_path: tuple[DomainId, ...]
    thing: Thing
    path: tuple[DomainId, ...]


@dataclass(frozen=True, slots=True)
class ThingRemoved:
    """A thing is gone with its shadow; its certificates were withdrawn."""

    thing: Thing
    path: tuple[DomainId, ...]


@dataclass(frozen=True, slots=True)
class CertificatesRevoked:
    """These certificates open no door any more; open connections that used them end."""

    certificate_ids: tuple[CertificateId, ...]
