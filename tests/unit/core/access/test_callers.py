from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cloudstead.core.access.callers import Callers
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.caller import Grant
from cloudstead.core.credentials.api_keys import make_api_key, withdraw
from cloudstead.core.credentials.errors import CredentialExpired, CredentialRefused
from cloudstead.core.credentials.tokens import SigningKey, Tokens
from cloudstead.core.people.credentials import set_password
from cloudstead.core.people.events import PersonChanged
from cloudstead.core.people.links import Links
from cloudstead.core.people.model import Membership

KEY = SigningKey.generate()


class CountingDatabase:
    """Counts reads; may let something happen just before one returns."""

    def __init__(self, database):
        self._database = database
        self.reads = 0
        self.before_return = None

    async def read(self, work):
        self.reads += 1
        result = await self._database.read(work)
        if self.before_return is not None:
            await self.before_return()
        return result


@pytest.fixture
def tokens(tenant):
    return Tokens(KEY, tenant.clock, region="eu-west-1")


@pytest.fixture
def database(tenant):
    return CountingDatabase(tenant.database)


@pytest.fixture
def callers(tenant, database, tokens):
    callers = Callers(database, tokens, tenant.clock)
    callers.listen(tenant.bus)
    return callers


@pytest.fixture
async def key(tenant):
    return await tenant.database.write(
        lambda unit: make_api_key(
            unit,
            tenant.caller,
            clock=tenant.clock,
            ids=tenant.ids,
            name="gateway",
            grants=(Grant("root", "Read"),),
            owner_id=tenant.administrator.id,
        )
    )


@pytest.fixture
def ask(tenant, callers, tokens, key):
    """The three ways to ask for a caller who is, or belongs to, the administrator."""
    token = tokens.issue_id_token(tenant.account, tenant.administrator)
    return {
        "person": lambda: callers.of_person(tenant.account.id, tenant.administrator.id),
        "token": lambda: callers.of_id_token(token),
        "key": lambda: callers.of_api_key(key.text),
    }


WAYS = pytest.mark.parametrize("way", ["person", "token", "key"])


async def change_person(tenant, **changes):
    def write(unit):
        unit.people.replace(replace(tenant.administrator, **changes))
        unit.emit(PersonChanged(tenant.account.id, tenant.administrator.id))

    await tenant.database.write(write)


@pytest.mark.parametrize("way", ["person", "token"])
async def test_a_person_and_a_persons_token_are_the_same_caller(tenant, ask, way):
    caller = await ask[way]()
    assert (caller.account_id, caller.person_id) == (tenant.account.id, tenant.administrator.id)
    assert (caller.principal, caller.user_name) == (f"person:{tenant.administrator.id}", "ada")
    assert caller.home == Grant("root", "Administrator")


async def test_a_key_is_a_caller_of_its_own(tenant, ask, key):
    caller = await ask["key"]()
    assert (caller.principal, caller.person_id) == (f"key:{key.key.id}", tenant.administrator.id)
    assert caller.home == Grant("root", "Read")


@WAYS
async def test_asking_again_reads_nothing(ask, database, way):
    first = await ask[way]()
    assert await ask[way]() == first
    assert database.reads == 1


@WAYS
async def test_a_disabled_person_is_refused_at_once(tenant, ask, way):
    await ask[way]()
    await change_person(tenant, is_enabled=False)
    with pytest.raises(CredentialRefused):
        await ask[way]()
    await change_person(tenant)
    await ask[way]()


@WAYS
async def test_what_another_process_changed_is_seen_after_five_seconds(tenant, ask, way):
    await ask[way]()
    await tenant.database.write(lambda unit: unit.people.replace(replace(tenant.administrator, is_enabled=False)))
    tenant.clock.advance(timedelta(milliseconds=4999))
    await ask[way]()
    tenant.clock.advance(timedelta(milliseconds=1))
    with pytest.raises(CredentialRefused):
        await ask[way]()


@WAYS
async def test_a_change_told_during_the_read_is_not_outlived_by_what_was_read(tenant, ask, database, way):
    async def disable():
        database.before_return = None
        await change_person(tenant, is_enabled=False)

    database.before_return = disable
    await ask[way]()
    with pytest.raises(CredentialRefused):
        await ask[way]()


@WAYS
async def test_nobody_of_a_closed_account_is_let_in(tenant, ask, way):
    closed = replace(tenant.account, status=AccountStatus.SUSPENDED)
    await tenant.database.write(lambda unit: unit.accounts.replace(closed))
    with pytest.raises(CredentialRefused):
        await ask[way]()


async def test_new_grants_hold_at_once(tenant, ask):
    await ask["person"]()

    def write(unit):
        unit.people.put_membership(Membership(tenant.account.id, tenant.administrator.id, (Grant("root", "Read"),)))
        unit.emit(PersonChanged(tenant.account.id, tenant.administrator.id))

    await tenant.database.write(write)
    assert (await ask["person"]()).home == Grant("root", "Read")


async def test_a_withdrawn_key_is_refused_at_once(tenant, ask, key):
    await ask["key"]()
    await tenant.database.write(
        lambda unit: withdraw(unit, tenant.caller, key.key.id, clock=tenant.clock, ids=tenant.ids)
    )
    with pytest.raises(CredentialRefused):
        await ask["key"]()


async def test_a_remembered_key_is_not_opened_by_another_secret(callers, ask, key):
    await ask["key"]()
    wrong = key.text[:-1] + ("0" if key.text[-1] != "0" else "1")
    with pytest.raises(CredentialRefused):
        await callers.of_api_key(wrong)


async def test_a_wrong_secret_does_not_spoil_what_is_remembered(callers, ask, key):
    wrong = key.text[:-1] + ("0" if key.text[-1] != "0" else "1")
    with pytest.raises(CredentialRefused):
        await callers.of_api_key(wrong)
    await ask["key"]()


async def test_a_person_of_another_account_is_refused(tenant, callers):
    other = await tenant.open_another_account()
    with pytest.raises(CredentialRefused):
        await callers.of_person(other.id, tenant.administrator.id)


async def test_a_token_from_before_the_account_changed_its_pool_is_refused(tenant, ask):
    moved = replace(tenant.account, user_pool_client="another")
    await tenant.database.write(lambda unit: unit.accounts.replace(moved))
    with pytest.raises(CredentialRefused):
        await ask["token"]()


async def test_an_old_token_is_expired_however_well_its_person_is_remembered(tenant, ask):
    tenant.clock.advance(timedelta(seconds=899))
    await ask["token"]()
    tenant.clock.advance(timedelta(seconds=1))
    with pytest.raises(CredentialExpired):
        await ask["token"]()


async def test_what_was_issued_before_a_new_password_is_refused_at_once(tenant, callers, tokens):
    old = tokens.issue_id_token(tenant.account, tenant.administrator)
    assert (await callers.of_id_token(old)).credential_epoch == 0
    links = Links(tenant.clock, tenant.ids)

    def renew(unit):
        return set_password(unit, unit.people.get(tenant.administrator.id), "another hash", links=links, now_ms=1)

    person = await tenant.database.write(renew)
    with pytest.raises(CredentialRefused):
        await callers.of_id_token(old)
    with pytest.raises(CredentialRefused):
        await callers.of_session(tenant.account.id, person.id, credential_epoch=0)
    assert (await callers.of_session(tenant.account.id, person.id, credential_epoch=1)).person_id == person.id
    assert (await callers.of_id_token(tokens.issue_id_token(tenant.account, person))).person_id == person.id


@pytest.mark.parametrize("state", [{"must_set_password": True}, {"is_confirmed": False}, {"is_enabled": False}])
async def test_who_may_not_enter_is_no_caller_nor_are_the_keys_owned(tenant, callers, tokens, key, state):
    await tenant.database.write(
        lambda unit: unit.people.replace(replace(tenant.administrator, last_login_at_ms=1, **state))
    )
    for ask in (
        callers.of_person(tenant.account.id, tenant.administrator.id),
        callers.of_id_token(tokens.issue_id_token(tenant.account, tenant.administrator)),
        callers.of_api_key(key.text),
    ):
        with pytest.raises(CredentialRefused):
            await ask
