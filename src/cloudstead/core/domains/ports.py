"""What the domain tree needs from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from cloudstead.core.domains.model import Domain, DomainTree
    from cloudstead.core.ids import AccountId, DomainId


class DomainStore(Protocol):
    """Domains of one account at a time."""

    def tree(self, account_id: AccountId) -> DomainTree:
        """Return the whole tree; an implementation keeps it until the account's tree version moves on."""
        ...

    def add(self, domain: Domain) -> None:
        """Insert a domain and move the tree version on; raise ``DomainIdTaken``."""
        ...

    def replace(self, domain: Domain) -> None:
        """Write all columns of a domain and move the tree version on."""
        ...

    def remove(self, account_id: AccountId, domain_ids: Collection[DomainId]) -> None:
        """Delete domains and move the tree version on."""
        ...
