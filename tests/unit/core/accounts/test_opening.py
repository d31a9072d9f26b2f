from __future__ import annotations

import re
from uuid import UUID

import pytest

from cloudstead.core.accounts.errors import HostNameTaken
from cloudstead.core.accounts.opening import add_administrator, open_account
from cloudstead.core.caller import Grant
from cloudstead.core.errors import InvalidField
from cloudstead.core.people.errors import UserNameTaken


async def opened(tenant, **changes):
    wanted = {"name": "Second", "stack": "dev", "hosts": ["second.example"], **changes}
    return await tenant.database.write(lambda unit: open_account(unit, tenant.ids, tenant.clock, **wanted))


async def test_an_account_has_the_public_names_of_its_time(tenant):
    account = await opened(tenant)
    assert re.fullmatch(r"[1-9][0-9]{11}", account.number)
    assert re.fullmatch(r"1[A-Z0-9]{12}", account.function_suffix)
    assert re.fullmatch(r"[A-Za-z0-9]{9}", account.user_pool)
    assert re.fullmatch(r"[a-z0-9]{26}", account.user_pool_client)
    assert str(UUID(account.identity_pool)) == account.identity_pool
    assert account.generated_prefix == "dev-"


async def test_an_account_is_found_by_each_of_its_names(tenant):
    account = await opened(tenant, hosts=["Second.Example", "10.0.0.7"])

    def look(unit):
        accounts = unit.accounts
        return [
            accounts.get(account.id),
            accounts.by_host("second.example"),
            accounts.by_host("10.0.0.7"),
            accounts.by_function_suffix(account.function_suffix),
            accounts.by_identity_pool(account.identity_pool),
            accounts.by_number(account.number),
        ]

    assert await tenant.database.read(look) == [account] * 6


async def test_the_root_domain_is_named_after_the_account(tenant):
    account = await opened(tenant)
    tree = await tenant.database.read(lambda unit: unit.domains.tree(account.id))
    assert [(node.id, node.name, node.parent_id) for node in tree.nodes.values()] == [("root", "Second", None)]


async def test_a_number_may_be_chosen(tenant):
    assert (await opened(tenant, number="000000000042")).number == "000000000042"


async def test_a_number_that_is_taken_is_refused(tenant):
    with pytest.raises(InvalidField, match="number"):
        await opened(tenant, number=tenant.account.number)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "two\nlines"),
        ("stack", ""),
        ("stack", "Prod"),
        ("stack", "a-b"),
        ("number", "12"),
        ("hosts", ["has blank.example"]),
        ("hosts", ["with.port:80"]),
        ("hosts", [""]),
    ],
)
async def test_malformed_input_is_refused_and_nothing_is_left_behind(tenant, field, value):
    with pytest.raises(InvalidField) as refusal:
        await opened(tenant, **{field: value})
    assert refusal.value.field == field
    assert len(await tenant.database.read(lambda unit: unit.accounts.all())) == 1


async def test_a_host_name_belongs_to_one_account(tenant):
    with pytest.raises(HostNameTaken):
        await opened(tenant, hosts=["cloud.example"])


async def test_the_first_administrator_may_do_everything_at_the_root(tenant):
    person = tenant.administrator
    membership = await tenant.database.read(lambda unit: unit.people.membership(tenant.account.id, person.id))
    assert membership.grants == (Grant("root", "Administrator"),)
    assert person.is_enabled


async def test_a_user_name_belongs_to_one_person_of_the_account(tenant):
    def again(unit):
        add_administrator(
            unit,
            tenant.account,
            ids=tenant.ids,
            clock=tenant.clock,
            user_name="ada",
            password_hash="",
            email="ada@cloud.example",
        )

    with pytest.raises(UserNameTaken):
        await tenant.database.write(again)
