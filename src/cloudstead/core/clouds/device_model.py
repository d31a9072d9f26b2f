"""A device as device clouds know it: by its claim id, before and after it belongs to a cloud."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudstead.core.ids import AccountId  # noqa: TC001 - storage reads these annotations

if TYPE_CHECKING:
    from cloudstead.core.clouds.model import CloudId

CLAIM_ID: Final = re.compile(r"[0-9A-Z]{10}")
"""What is printed on a device ("Device clouds", conventions)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudDevice:
    """A registered device. ``account_id`` is that of its product.

    It is claimed while ``cloud_id`` is there, and enrolled while ``thing`` is. ``blocked_until_ms`` keeps it away for a
    while; ``None`` where it is welcome.
    """

    id: str
    account_id: AccountId
    product: str
    created_at_ms: int
    seen_at_ms: int
    name: str | None = None
    model: str | None = None
    cloud_id: CloudId | None = None
    thing: str | None = None
    claimed_at_ms: int | None = None
    blocked_until_ms: int | None = None
