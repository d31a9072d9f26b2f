"""What happened to credentials; told after the transaction that made it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.ids import AccessKeyId, ApiKeyId


@dataclass(frozen=True, slots=True)
class ApiKeyWithdrawn:
    """The key opens no door any more."""

    key_id: ApiKeyId


@dataclass(frozen=True, slots=True)
class ApiKeyChanged:
    """The key may do other things than before, or nothing, or has another secret."""

    key_id: ApiKeyId


@dataclass(frozen=True, slots=True)
class AccessKeyChanged:
    """The access key was removed, switched off or switched on."""

    key_id: AccessKeyId
