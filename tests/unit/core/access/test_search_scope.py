from __future__ import annotations

import pytest

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.search_scope import search_scope
from cloudstead.core.caller import Grant
from cloudstead.core.errors import NotPermitted

READ = Permission("observation:read")


@pytest.fixture
async def scope_of(tenant):
    for domain_id, parent_id in (("a", "root"), ("b", "a"), ("c", "root")):
        await tenant.add_domain(domain_id, parent_id=parent_id)

    async def scope(*domain_ids):
        caller = tenant.caller_of(None, *(Grant(each, "Read") for each in domain_ids))
        return await tenant.database.read(lambda unit: search_scope(unit, caller, READ))

    return scope


async def test_whoever_reads_the_root_searches_the_whole_account(scope_of):
    assert (await scope_of("root")).domains is None


async def test_everybody_else_searches_the_own_domains_and_those_below(scope_of):
    assert (await scope_of("a")).domains == {"a", "b"}


async def test_a_look_up_never_leaves_the_reach(scope_of):
    scope = await scope_of("a")
    assert scope.subtree("root") == {"a", "b"}
    assert scope.subtree("b") == {"b"}
    assert scope.subtree("c") == set()
    assert scope.subtree("nowhere") == set()


async def test_who_may_read_nowhere_does_not_search(scope_of):
    with pytest.raises(NotPermitted):
        await scope_of()
