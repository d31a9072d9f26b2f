from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.core.caller import Grant
from cloudstead.core.credentials.api_keys import make_api_key, parse, recognise, withdraw
from cloudstead.core.credentials.errors import ApiKeyNotFound, CredentialRefused
from cloudstead.core.credentials.events import ApiKeyWithdrawn
from cloudstead.core.errors import InvalidField, NotPermitted, OutOfReach
from cloudstead.core.paging import PageRequest

READ = Grant("root", "Read")


async def made(tenant, *, caller=None, **changes):
    wanted = {"name": "gateway", "grants": (READ,), **changes}
    return await tenant.database.write(
        lambda unit: make_api_key(unit, caller or tenant.caller, clock=tenant.clock, ids=tenant.ids, **wanted)
    )


async def recognised(tenant, text):
    return await tenant.database.read(lambda unit: recognise(unit, parse(text)))


async def test_a_key_stands_for_a_caller_with_its_grants(tenant):
    new = await made(tenant)
    caller = await recognised(tenant, new.text)
    assert (caller.account_id, caller.principal) == (tenant.account.id, f"key:{new.key.id}")
    assert (caller.user_name, caller.person_id, caller.grants) == ("gateway", None, (READ,))


async def test_a_key_with_an_owner_speaks_in_the_owners_name(tenant):
    new = await made(tenant, owner_id=tenant.administrator.id)
    caller = await recognised(tenant, new.text)
    assert (caller.user_name, caller.person_id, caller.grants) == ("ada", tenant.administrator.id, (READ,))


async def test_the_secret_is_shown_once_and_stored_nowhere(tenant):
    new = await made(tenant)
    assert re.fullmatch(r"csk_[0-9a-f]{32}_[0-9a-f]{64}", new.text)
    secret = new.text.rpartition("_")[2]
    stored = await tenant.database.read(lambda unit: unit.api_keys.get(new.key.id))
    assert secret not in repr(new)
    assert secret not in repr(stored)
    assert bytes.fromhex(secret) != stored.secret_hash


async def test_unknown_wrong_and_withdrawn_keys_are_refused_in_the_same_words(tenant):
    new, other, gone = await made(tenant), await made(tenant), await made(tenant)
    await tenant.database.write(
        lambda unit: withdraw(unit, tenant.caller, gone.key.id, clock=tenant.clock, ids=tenant.ids)
    )
    wrong = new.text[:37] + other.text[37:]
    unknown = "csk_" + "0" * 32 + new.text[36:]
    words = set()
    for text in (wrong, unknown, gone.text, "csk_nonsense"):
        with pytest.raises(CredentialRefused) as refusal:
            await recognised(tenant, text)
        words.add(str(refusal.value))
    assert len(words) == 1


async def test_a_key_sleeps_while_its_owner_is_disabled(tenant):
    new = await made(tenant, owner_id=tenant.administrator.id)
    await tenant.database.write(lambda unit: unit.people.replace(replace(tenant.administrator, is_enabled=False)))
    with pytest.raises(CredentialRefused):
        await recognised(tenant, new.text)
    await tenant.database.write(lambda unit: unit.people.replace(tenant.administrator))
    await recognised(tenant, new.text)


async def test_an_inactive_key_is_refused(tenant):
    new = await made(tenant)
    asleep = replace(new.key, id="0198" + "c" * 28, is_active=False)
    await tenant.database.write(lambda unit: unit.api_keys.add(asleep))
    with pytest.raises(CredentialRefused):
        await recognised(tenant, new.text.replace(new.key.id, asleep.id))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=120) | st.from_regex(r"csk_[0-9a-fA-F]{31,33}_[0-9a-fA-F]{63,65}", fullmatch=True))
def test_arbitrary_text_is_a_key_or_refused(text):
    try:
        presented = parse(text)
    except CredentialRefused:
        assert not re.fullmatch(r"csk_[0-9a-f]{32}_[0-9a-f]{64}", text)
    else:
        assert presented.key_id in text


async def test_withdrawing_is_told_and_audited(tenant):
    new = await made(tenant)
    await tenant.database.write(
        lambda unit: withdraw(unit, tenant.caller, new.key.id, clock=tenant.clock, ids=tenant.ids)
    )
    assert tenant.events == [ApiKeyWithdrawn(new.key.id)]
    page = await tenant.database.read(lambda unit: unit.audit.page(tenant.account.id, PageRequest()))
    assert sorted(entry.operation for entry in page.items) == ["api-key.create", "api-key.remove"]
    assert new.text.rpartition("_")[2] not in repr(page)


async def test_a_key_of_another_account_cannot_be_withdrawn(tenant):
    new = await made(tenant)
    other = await tenant.open_another_account()
    stranger = replace(tenant.caller, account_id=other.id)
    with pytest.raises(ApiKeyNotFound):
        await tenant.database.write(
            lambda unit: withdraw(unit, stranger, new.key.id, clock=tenant.clock, ids=tenant.ids)
        )
    await recognised(tenant, new.text)


async def test_a_key_may_not_exceed_its_maker(tenant):
    await tenant.add_domain("sub1")
    maker = tenant.caller_of(None, Grant("sub1", "Administrator"))
    await made(tenant, caller=maker, grants=(Grant("sub1", "ReadWrite"),))
    with pytest.raises(OutOfReach):
        await made(tenant, caller=maker, grants=(READ,))


async def test_only_administrators_make_and_withdraw_keys(tenant):
    new = await made(tenant)
    writer = tenant.caller_of(None, Grant("root", "ReadWrite"))
    with pytest.raises(NotPermitted):
        await made(tenant, caller=writer)
    with pytest.raises(NotPermitted):
        await tenant.database.write(lambda unit: withdraw(unit, writer, new.key.id, clock=tenant.clock, ids=tenant.ids))


@pytest.mark.parametrize(
    ("field", "value"), [("name", ""), ("grants", (Grant("root", "Emperor"),)), ("owner_id", "0198" + "d" * 28)]
)
async def test_malformed_wishes_are_refused(tenant, field, value):
    with pytest.raises(InvalidField) as refusal:
        await made(tenant, **{field: value})
    assert refusal.value.field == field
