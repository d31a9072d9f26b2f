"""Whose documents a search may see at all."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cloudstead.search import sql


@dataclass(frozen=True, slots=True)
class SearchScope:
    """The account and the domains that bound a search; `domains` is None for the whole account.

    `subtrees` answers the domain lookups of the search: for each domain that it names, the domains of that subtree.
    A domain that is not in it has no subtree, and nothing outside of `domains` is found through it either way.
    """

    account_id: str
    domains: frozenset[str] | None = None
    subtrees: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def conditions(self) -> tuple[str, ...]:
        """Write what every statement of the search demands, outside of anything that the caller wrote."""
        account = f"account_id = {sql.text(self.account_id)}"
        if self.domains is None:
            return (account,)
        return (account, f"domain IN {sql.texts(self.domains)}" if self.domains else "0")

    def subtree(self, domain: str) -> frozenset[str]:
        """Return the domains that a lookup of `domain` may use."""
        found = self.subtrees.get(domain, frozenset())
        return found if self.domains is None else found & self.domains
