"""Identity providers, login profiles and sign-ins by way of providers, on both engines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudstead.core.identityproviders.model import (
    Answered,
    IdentityProvider,
    ProviderSession,
    ProviderStatus,
    Saml2Settings,
)
from cloudstead.core.people.sessions import LoginSession
from factories.rows import membership, person

SAML2 = Saml2Settings(
    idp_entity_id="https://idp.example",
    sso_endpoint="https://idp.example/sso",
    slo_endpoint="https://idp.example/slo",
    idp_certificates=("one", "two"),
    sp_entity_id="https://cloud.example",
    sp_certificate="three",
    sp_key=b"sealed",
)


def provider(provider_id="i1", *, account_id="a1", **others):
    made = IdentityProvider(
        id=provider_id, account_id=account_id, name=f"{provider_id} name", saml2=SAML2, created_at_ms=5, updated_at_ms=5
    )
    return replace(made, **others)


def answered(request_id="q1", **others):
    made = Answered(
        request_id=request_id,
        account_id="a1",
        provider_id="i1",
        person_id="p9",
        name_id="jane",
        session_index="x",
        session_ends_at_ms=7,
        expires_at_ms=100,
    )
    return replace(made, **others)


def session(session_id="s1", *, browser=b"b1", index="x1", **others):
    made = ProviderSession(
        id=session_id,
        account_id="a1",
        provider_id="i1",
        person_id="p9",
        name_id="jane",
        name_id_format="",
        session_index=index,
        browser_hash=browser,
        login_session_id="l1",
        created_at_ms=1,
        expires_at_ms=100,
    )
    return replace(made, **others)


def login_session(session_id):
    return LoginSession(
        id=session_id,
        account_id="a1",
        person_id="p9",
        secret_hash=b"h",
        credential_epoch=0,
        created_at_ms=1,
        used_at_ms=1,
    )


@pytest.fixture
async def filled(database, tenants):
    def add(unit):
        for each in (person("p8"), person("p9", user_name="jane", email="Jane@Cloud.Example")):
            unit.people.add(each)
            unit.people.put_membership(membership(each.id))
        for number in range(1, 4):
            unit.sessions.add(login_session(f"l{number}"))
        unit.identity_providers.add(provider())
        unit.identity_providers.add(provider("i2"))
        unit.identity_providers.add(provider("j1", account_id="a2"))

    await database.write(add)
    return database


async def read(database, ask):
    return await database.read(lambda unit: ask(unit.identity_providers))


async def write(database, do):
    return await database.write(lambda unit: do(unit.identity_providers))


async def test_a_provider_comes_back_as_it_was_stored(filled):
    assert await read(filled, lambda store: store.get("a1", "i1")) == provider()
    assert await read(filled, lambda store: store.by_id("j1")) == provider("j1", account_id="a2")
    assert [each.id for each in await read(filled, lambda store: store.all_of("a1"))] == ["i1", "i2"]


async def test_providers_of_other_accounts_are_out_of_reach(filled):
    await write(filled, lambda store: store.remove("a1", "j1"))
    await write(filled, lambda store: store.replace(provider("j1", account_id="a1", name="stolen")))

    assert await read(filled, lambda store: store.get("a1", "j1")) is None
    assert await read(filled, lambda store: store.get("a2", "j1")) == provider("j1", account_id="a2")


async def test_a_provider_is_replaced_as_a_whole(filled):
    later = provider(
        name="Other",
        status=ProviderStatus.SUSPENDED,
        saml2=replace(SAML2, sp_certificate=None, sp_key=None, idp_certificates=(), allows_idp_initiated=True),
        version=2,
        updated_at_ms=9,
    )
    await write(filled, lambda store: store.replace(later))

    assert await read(filled, lambda store: store.get("a1", "i1")) == later


async def test_login_profiles_keep_their_order_and_are_replaced(filled):
    await write(filled, lambda store: store.bind("a1", "p9", ["i2", "a1", "i1"]))
    await write(filled, lambda store: store.bind("a1", "p8", ["i1"]))
    await write(filled, lambda store: store.bind("a1", "p8", []))

    assert await read(filled, lambda store: store.profiles_of("a1", ["p8", "p9"])) == {"p9": ["i2", "a1", "i1"]}
    assert await read(filled, lambda store: store.profiles_of("a2", ["p9"])) == {}
    assert await read(filled, lambda store: store.bound_to("a1", "i2"))
    assert not await read(filled, lambda store: store.bound_to("a2", "i2"))


async def test_login_profiles_go_with_the_membership(filled):
    await write(filled, lambda store: store.bind("a1", "p9", ["i1"]))
    await filled.write(lambda unit: unit.people.remove(["p9"]))

    assert not await read(filled, lambda store: store.bound_to("a1", "i1"))


@pytest.mark.parametrize(
    ("user_name", "email", "found"),
    [
        ("jane", "", ["p9"]),
        ("", "jane@cloud.example", ["p9"]),
        ("Jane", "", []),
        ("p8-name", "", []),
    ],
)
async def test_people_are_found_by_name_or_address_among_those_who_are_bound(filled, user_name, email, found):
    await write(filled, lambda store: store.bind("a1", "p9", ["i1"]))

    def named(provider_id):
        return lambda store: store.people_named("a1", provider_id, user_name=user_name, email=email)

    assert await read(filled, named("i1")) == found
    assert await read(filled, named("i2")) == []


async def test_a_request_takes_one_answer_for_one_use(filled):
    assert await write(filled, lambda store: store.take("q1")) is None
    assert await write(filled, lambda store: store.answer(answered()))
    assert not await write(filled, lambda store: store.answer(answered(name_id="john")))
    assert await write(filled, lambda store: store.take("q1")) == answered(is_taken=True)
    assert await write(filled, lambda store: store.take("q1")) is None
    assert not await write(filled, lambda store: store.answer(answered()))


async def test_an_assertion_is_new_once_for_each_provider(filled):
    assert await write(filled, lambda store: store.remember_assertion("i1", "_a", 10))
    assert not await write(filled, lambda store: store.remember_assertion("i1", "_a", 10))
    assert await write(filled, lambda store: store.remember_assertion("i2", "_a", 10))


async def test_sessions_are_found_by_browser_and_by_name(filled):
    await write(filled, lambda store: store.add_session(session()))
    await write(filled, lambda store: store.add_session(session("s2", browser=b"b2", index="x2")))

    assert await read(filled, lambda store: store.session_of_browser(b"b1")) == session()
    assert [each.id for each in await read(filled, lambda store: store.sessions_named("i1", "jane", ()))] == [
        "s1",
        "s2",
    ]
    assert [each.id for each in await read(filled, lambda store: store.sessions_named("i1", "jane", ("x2",)))] == ["s2"]
    assert await read(filled, lambda store: store.sessions_named("i2", "jane", ())) == []


async def test_a_session_goes_with_the_one_that_it_belongs_to(filled):
    await write(filled, lambda store: store.add_session(session()))
    await write(filled, lambda store: store.add_session(session("s2", browser=b"b2", login_session_id="l2")))
    await filled.write(lambda unit: unit.sessions.remove("a1", "p9", "l1"))

    assert await read(filled, lambda store: store.session_of_browser(b"b1")) is None
    assert await read(filled, lambda store: store.session_of_browser(b"b2")) is not None


async def test_what_hangs_on_a_provider_goes_with_it(filled):
    def add(store):
        store.answer(answered())
        store.remember_assertion("i1", "_a", 10)
        store.add_session(session())
        store.remove("a1", "i1")

    await write(filled, add)

    assert await write(filled, lambda store: store.take("q1")) is None
    assert await read(filled, lambda store: store.session_of_browser(b"b1")) is None


async def test_what_has_expired_is_dropped(filled):
    def add(store):
        store.answer(answered())
        store.answer(answered("q2", expires_at_ms=200))
        store.remember_assertion("i1", "_a", 100)
        store.drop_expired(150)

    await write(filled, add)

    assert await write(filled, lambda store: store.take("q1")) is None
    assert await write(filled, lambda store: store.take("q2")) is not None
    assert await write(filled, lambda store: store.remember_assertion("i1", "_a", 10))


async def test_sessions_that_are_over_are_found_oldest_first(filled):
    def add(store):
        for number in (3, 1, 2):
            store.add_session(session(f"s{number}", browser=b"%d" % number, expires_at_ms=number))

    await write(filled, add)
    over = await read(filled, lambda store: store.sessions_over(3, limit=10))

    assert [each.id for each in over] == ["s1", "s2"]
    assert [each.id for each in await read(filled, lambda store: store.sessions_over(3, limit=1))] == ["s1"]


async def test_ending_the_sessions_of_a_provider_ends_the_logins_and_the_answers_of_that_one_only(filled):
    def fill(unit):
        store = unit.identity_providers
        store.add_session(session())
        store.add_session(session("s2", browser=b"b2", login_session_id="l2"))
        store.add_session(session("s3", browser=b"b3", login_session_id="l3", provider_id="i2"))
        store.answer(answered())
        store.answer(answered("q2", provider_id="i2"))

    await filled.write(fill)

    assert await write(filled, lambda store: store.end_sessions("a2", "i1")) == 0
    assert await write(filled, lambda store: store.end_sessions("a1", "i1")) == 2

    def left(unit):
        return [each for each in ("l1", "l2", "l3") if unit.sessions.get(each)]

    assert await filled.read(left) == ["l3"]
    assert [await read(filled, lambda store, b=b: store.session_of_browser(b)) is None for b in (b"b1", b"b3")] == [
        True,
        False,
    ]
    assert [await write(filled, lambda store, q=q: store.take(q)) is None for q in ("q1", "q2")] == [True, False]
    assert not await write(filled, lambda store: store.answer(answered()))
