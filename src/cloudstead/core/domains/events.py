"""What happened to domains; told after the transaction that made it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId, DomainId


@dataclass(frozen=True, slots=True)
class DomainMoved:
    """A domain hangs below another parent; the paths of everything below it are new from now on."""

    account_id: AccountId
    domain_id: DomainId
    path: tuple[DomainId, ...]  # from the root, root included, down to the domain


@dataclass(frozen=True, slots=True)
class DomainsRemoved:
    """These domains are gone, with the thing types and the rules that belonged to them."""

    account_id: AccountId
    domain_ids: frozenset[DomainId]
