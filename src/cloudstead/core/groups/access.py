"""How a caller stands to a group: does not see it, sees it, or may do something there.

A group that the caller has no right in at all looks like one that is not there. Checks walk up the tree: cost is depth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.access.permissions import Permission
from cloudstead.core.accounts.errors import PolicyForbids
from cloudstead.core.errors import NotPermitted
from cloudstead.core.groups.errors import GroupNotFound
from cloudstead.core.ids import DomainId
from cloudstead.core.roles.words import BY_ID

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudstead.core.caller import Caller, Grant
    from cloudstead.core.domains.model import Domain, DomainTree


def standing(caller: Caller, tree: DomainTree, group_id: str) -> list[Grant]:
    """Return the caller's grants that count in a group, the nearest first; empty where it cannot be seen."""
    asked = DomainId(group_id)
    if asked not in tree.nodes:
        return []
    return [grant for node in tree.lineage(asked) for grant in reversed(caller.at(node.id)) if grant.held is not None]


def may(caller: Caller, tree: DomainTree, group_id: str, word: str) -> bool:
    """Tell whether the caller holds a word, with what it implies, in a group."""
    return _missing(standing(caller, tree, group_id), word) is None


def require(caller: Caller, tree: DomainTree, group_id: str, *words: str, field: str = "groupId") -> Domain:
    """Return a group in which the caller holds all these words.

    Raise ``GroupNotFound`` for one that cannot be seen, ``NotPermitted`` for one that can, and ``PolicyForbids`` where
    the account's policies are the reason.
    """
    grants = standing(caller, tree, group_id)
    if not grants:
        raise GroupNotFound(field=field)
    for word in words:
        missing = _missing(grants, word)
        if missing is not None:
            require_no_policy(grants, missing)
            raise NotPermitted(word)
    return tree.nodes[DomainId(group_id)]


def require_no_policy(grants: Iterable[Grant], word: str) -> None:
    """Raise ``PolicyForbids`` where the policies of the account take the word away."""
    if any(word in grant.denied for grant in grants):
        raise PolicyForbids(word.partition(":")[0])


def _missing(grants: list[Grant], word: str) -> str | None:
    """Return the first word that is not held of a word and all that it implies."""
    for each in (word, *BY_ID[word].implies):
        permission = Permission(each)
        if not any(grant.allows(permission) for grant in grants):
            return each
    return None
