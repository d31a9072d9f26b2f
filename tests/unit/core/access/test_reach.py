from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.reach import Reach
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.domains.model import Domain, DomainTree
from cloudstead.core.errors import NotPermitted, OutOfReach
from cloudstead.core.ids import AccountId, DomainId

READ = Permission("thing:read")
WRITE = Permission("thing:update")


def tree_of(**parents):
    root = Domain(AccountId("a"), "0", DomainId("root"), None, "root")
    below = [Domain(AccountId("a"), name, DomainId(name), DomainId(parent), name) for name, parent in parents.items()]
    return DomainTree.build([root, *below])


TREE = tree_of(a="root", b="a", c="b", d="root")


def reach(permission=READ, **grants):
    held = tuple(Grant(DomainId(domain_id), role) for domain_id, role in grants.items())
    return Reach.of(Caller(AccountId("a"), "person:x", "x", None, held), permission, TREE)


def test_a_grant_reaches_its_domain_and_everything_below():
    assert reach(a="Read").domain_ids() == {"a", "b", "c"}
    assert reach(root="Read").is_whole_account


def test_a_domain_above_a_grant_is_above_and_not_covered():
    held = reach(b="Read")
    assert [each for each in TREE.nodes if held.is_above(each)] == ["root", "a"]


def test_a_grant_counts_only_for_what_its_role_allows():
    assert reach(WRITE, a="Read", d="ReadWrite").domain_ids() == {"d"}
    with pytest.raises(NotPermitted):
        reach(WRITE, a="Read")


def test_a_role_that_nobody_knows_allows_nothing():
    with pytest.raises(NotPermitted):
        reach(a="Emperor")


def test_what_is_out_of_reach_is_told_with_the_field_that_led_there():
    with pytest.raises(OutOfReach) as refused:
        reach(a="Read").require(DomainId("d"), field="domain")
    assert refused.value.field == "domain"


def test_a_domain_that_is_gone_is_covered_by_nobody():
    assert not reach(root="Read").covers(DomainId("gone"))
    assert reach(gone="Read").domain_ids() == set()


@given(st.dictionaries(st.sampled_from(sorted(TREE.nodes)), st.sampled_from(["Read", "ReadWrite"]), min_size=1))
def test_covering_one_by_one_and_listing_all_agree(grants):
    held = reach(**grants)
    assert {each for each in TREE.nodes if held.covers(each)} == held.domain_ids()
    assert not any(held.covers(each) and held.is_above(each) for each in TREE.nodes)
