from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.caller import Grant
from cloudstead.core.credentials.identities import Identities
from cloudstead.core.credentials.passwords import Argon2Cost, Passwords
from cloudstead.core.credentials.tokens import SigningKey, Tokens
from cloudstead.core.people.errors import LoginLocked, LoginRefused
from cloudstead.core.people.model import Membership
from cloudstead.core.people.sign_in import SignIn
from factories.tenants import CHEAP, PASSWORD, CountingHasher, sign_in_parts

KEY = SigningKey.generate()


@pytest.fixture
def tokens(tenant):
    return Tokens(KEY, tenant.clock, region="eu-west-1")


@pytest.fixture
def hasher():
    with ThreadPoolExecutor(1) as executor:
        yield CountingHasher(executor)


@pytest.fixture
def identities(tenant):
    return Identities(tenant.sealer, region="eu-west-1")


@pytest.fixture
def sign_in(tenant, hasher, tokens, identities):
    return SignIn(
        tenant.database, hasher, tokens=tokens, identities=identities, clock=tenant.clock, **sign_in_parts(tenant)
    )


@pytest.fixture
def log_in(tenant, sign_in):
    async def log_in(user_name="ada", password=PASSWORD, *, account=None, address=None):
        return await sign_in.login(account or tenant.account, user_name, password=password, source_address=address)

    return log_in


async def stored(tenant):
    return await tenant.database.read(lambda unit: unit.people.get(tenant.administrator.id))


async def fail(log_in, times, **attempt):
    for _ in range(times):
        with pytest.raises(LoginRefused):
            await log_in(password="wrong", **attempt)


async def test_a_login_brings_all_that_a_person_needs(tenant, log_in, tokens, identities):
    login = await log_in()
    assert login.person.user_name == "ada"
    assert login.membership.grants == (Grant("root", "Administrator"),)
    assert tokens.verify_for(tenant.account, login.id_token).person_id == tenant.administrator.id
    assert login.identity_id == identities.of_person(tenant.account, tenant.administrator.id)


async def test_unknown_wrong_and_disabled_look_the_same_and_hash_once_each(tenant, log_in, hasher):
    await tenant.add_person("bob", Grant("root", "Read"), is_enabled=False)
    await tenant.add_person("eve", Grant("root", "Read"))
    await tenant.database.write(lambda unit: unit.people.replace(replace(tenant.administrator, password_hash="")))
    attempts = [("nobody", PASSWORD), ("eve", "wrong"), ("bob", PASSWORD), ("bob", "wrong"), ("ada", PASSWORD)]
    words = set()
    for number, attempt in enumerate(attempts, 1):
        with pytest.raises(LoginRefused) as refusal:
            await log_in(*attempt)
        words.add((type(refusal.value), str(refusal.value)))
        assert hasher.comparisons == number
    assert len(words) == 1


async def test_a_person_logs_in_at_home_only(tenant, log_in):
    other = await tenant.open_another_account()
    with pytest.raises(LoginRefused):
        await log_in(account=other)


async def test_a_person_without_a_place_in_the_account_is_refused(tenant, log_in):
    stray = replace(tenant.administrator, id=tenant.ids.new(), user_name="stray")
    await tenant.database.write(lambda unit: unit.people.add(stray))
    with pytest.raises(LoginRefused):
        await log_in("stray")


@pytest.mark.parametrize("status", [AccountStatus.SUSPENDED, AccountStatus.ENROLLING])
async def test_nobody_logs_in_to_a_closed_account(tenant, log_in, sign_in, status):
    token = (await log_in()).refresh_token
    closed = replace(tenant.account, status=status)
    with pytest.raises(AccountNotUsable):
        await log_in(account=closed)
    with pytest.raises(AccountNotUsable):
        await sign_in.refresh(closed, token)


@pytest.mark.parametrize("password", ["", "x" * 1025, "a\0b", "\ud800"])
async def test_what_cannot_be_a_password_is_refused_without_hashing(log_in, hasher, password):
    with pytest.raises(LoginRefused):
        await log_in(password=password)
    assert hasher.comparisons == 0


async def test_an_overlong_name_is_refused_without_hashing(log_in, hasher):
    with pytest.raises(LoginRefused):
        await log_in("x" * 257)
    assert hasher.comparisons == 0


@pytest.mark.parametrize("user_name", ["ada", "nobody"])
async def test_the_sixth_failure_locks_a_known_and_an_unknown_name_alike(log_in, hasher, user_name):
    await fail(log_in, 6, user_name=user_name)
    with pytest.raises(LoginLocked) as refusal:
        await log_in(user_name, PASSWORD)
    assert refusal.value.retry_after_s == 1
    assert hasher.comparisons == 6


async def test_a_lock_ends_and_the_next_one_is_twice_as_long(tenant, log_in):
    await fail(log_in, 6)
    tenant.clock.advance(timedelta(seconds=1))
    await fail(log_in, 1)
    with pytest.raises(LoginLocked) as refusal:
        await log_in()
    assert refusal.value.retry_after_s == 2
    tenant.clock.advance(timedelta(seconds=2))
    await log_in()


async def test_success_forgets_a_persons_failures(tenant, log_in):
    await fail(log_in, 5)
    await log_in()
    assert ((await stored(tenant)).failed_logins, (await stored(tenant)).locked_until_ms) == (0, 0)
    await fail(log_in, 5)
    await log_in()


async def test_failures_survive_a_restart(tenant, log_in, hasher, tokens, identities):
    await fail(log_in, 6)
    restarted = SignIn(
        tenant.database, hasher, tokens=tokens, identities=identities, clock=tenant.clock, **sign_in_parts(tenant)
    )
    with pytest.raises(LoginLocked):
        await restarted.login(tenant.account, "ada", password=PASSWORD)


async def test_guesses_sent_at_once_are_locked_like_guesses_in_a_row(log_in, hasher):
    outcomes = await asyncio.gather(*(log_in(password=f"guess {n}") for n in range(30)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(LoginRefused) == 6
    assert [type(outcome) for outcome in outcomes].count(LoginLocked) == 24
    assert hasher.comparisons == 6


async def test_many_logins_of_one_person_at_once_all_succeed(log_in):
    logins = await asyncio.gather(*(log_in() for _ in range(10)))
    assert len({login.refresh_token for login in logins}) == 10


async def test_an_address_that_guesses_at_many_names_is_locked(log_in, hasher):
    for number in range(21):
        await fail(log_in, 1, user_name=f"name {number}", address="192.0.2.7")
    with pytest.raises(LoginLocked):
        await log_in(address="192.0.2.7")
    assert hasher.comparisons == 21
    await log_in(address="192.0.2.8")


async def test_a_success_does_not_clear_the_guesses_of_its_address(tenant, log_in):
    for number in range(21):
        await fail(log_in, 1, user_name=f"name {number}", address="192.0.2.7")
        if number < 20:
            await log_in(address="192.0.2.7")
    with pytest.raises(LoginLocked):
        await log_in(address="192.0.2.7")


async def test_a_hash_of_former_cost_is_renewed_at_login(tenant, log_in):
    former = Passwords(cost=Argon2Cost(memory_kib=16, passes=1, lanes=1)).hash(PASSWORD)
    await tenant.database.write(lambda unit: unit.people.replace(replace(tenant.administrator, password_hash=former)))
    await log_in()
    renewed = (await stored(tenant)).password_hash
    assert renewed.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    await log_in()
    assert (await stored(tenant)).password_hash == renewed


async def test_a_password_changed_while_the_old_one_is_verified_wins(tenant, tokens, identities):
    changed = replace(tenant.administrator, password_hash=Passwords(cost=CHEAP).hash("new"))

    class Slow(CountingHasher):
        async def verify(self, password_hash, password):
            verification = await super().verify(password_hash, password)
            await tenant.database.write(lambda unit: unit.people.replace(changed))
            return verification

    with ThreadPoolExecutor(1) as executor:
        sign_in = SignIn(
            tenant.database,
            Slow(executor),
            tokens=tokens,
            identities=identities,
            clock=tenant.clock,
            **sign_in_parts(tenant),
        )
        with pytest.raises(LoginRefused):
            await sign_in.login(tenant.account, "ada", password=PASSWORD)
    assert (await stored(tenant)).password_hash == changed.password_hash


async def test_a_refresh_brings_a_new_token_and_the_same_refresh_token(tenant, log_in, sign_in, tokens):
    login = await log_in()
    tenant.clock.advance(timedelta(days=29))
    again = await sign_in.refresh(tenant.account, login.refresh_token)
    assert (again.refresh_token, again.identity_id) == (login.refresh_token, login.identity_id)
    assert tokens.verify_for(tenant.account, again.id_token).person_id == tenant.administrator.id


async def test_a_refresh_token_ends_after_thirty_days_and_is_then_cleared_away(tenant, log_in, sign_in):
    login = await log_in()
    tenant.clock.advance(timedelta(days=30))
    with pytest.raises(LoginRefused):
        await sign_in.refresh(tenant.account, login.refresh_token)
    tenant.clock.advance(timedelta(seconds=1))
    await log_in()
    now_ms = tenant.clock.millis()
    assert await tenant.database.write(lambda unit: unit.refresh_tokens.drop_expired(now_ms)) == 0


async def test_a_refresh_token_serves_its_own_account_only(tenant, log_in, sign_in):
    login = await log_in()
    other = await tenant.open_another_account()
    guest = Membership(other.id, tenant.administrator.id, (Grant("root", "Read"),))
    await tenant.database.write(lambda unit: unit.people.put_membership(guest))
    with pytest.raises(LoginRefused):
        await sign_in.refresh(other, login.refresh_token)


async def test_a_disabled_person_cannot_refresh(tenant, log_in, sign_in):
    login = await log_in()
    person = replace(await stored(tenant), is_enabled=False)
    await tenant.database.write(lambda unit: unit.people.replace(person))
    with pytest.raises(LoginRefused):
        await sign_in.refresh(tenant.account, login.refresh_token)


@pytest.mark.parametrize("token", ["", "unknown", "x" * 10_000, "\ud800", "a\0b"])
async def test_an_invented_refresh_token_is_refused(tenant, sign_in, token):
    with pytest.raises(LoginRefused):
        await sign_in.refresh(tenant.account, token)
