"""Signing in and out by way of a provider: who gets a session, and everything that gets nobody in."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from cloudstead.app.single_sign_on import single_sign_on
from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.caller import Grant
from cloudstead.core.credentials.errors import CredentialRefused
from cloudstead.core.errors import InvalidField
from cloudstead.core.identityproviders.errors import (
    NobodyVouchedFor,
    ProviderNotFound,
    ProviderNotUsable,
    VouchingRefused,
)
from cloudstead.core.identityproviders.model import ProviderStatus
from cloudstead.core.identityproviders.profiles import bind, may_use_password, profiles_of
from cloudstead.core.identityproviders.registry import ProviderChange
from cloudstead.core.identityproviders.settings import Saml2Change
from cloudstead.core.identityproviders.sign_out import end_expired
from cloudstead.core.people.sessions import Client, recognise
from cloudstead.protocols.saml2.messages import logout_request
from cloudstead.protocols.saml2.names import TRANSIENT
from cloudstead.protocols.saml2.redirect import address, read_query
from factories.saml2 import ISSUER, Answer, metadata, signer

URL = "https://cloud.example"
CLIENT = Client("192.0.2.7", "a browser")
MINUTE = timedelta(minutes=1)


class Site:
    """One provider of the account, to which ``jane`` is bound."""

    def __init__(self, tenant, sso, provider, jane) -> None:
        self.tenant, self.sso, self.provider, self.jane = tenant, sso, provider, jane

    def says(self, request_id: str, **others) -> Answer:
        places = self.sso.places
        values = {
            "now": self.tenant.clock.now(),
            "audience": self.provider.saml2.sp_entity_id,
            "recipient": places.assertion_endpoint(self.provider.id),
            "destination": places.assertion_endpoint(self.provider.id),
            "in_response_to": request_id,
            **others,
        }
        return Answer(**values)

    async def answer(self, request_id: str, **others) -> str:
        response = b64encode(self.says(request_id, **others).xml()).decode()
        return await self.sso.round_trip.answer(self.provider.id, response)

    async def sign_in(self, **others):
        begun = await self.sso.round_trip.begin(self.provider.id)
        await self.answer(begun.request_id, **others)
        return await self.finish(begun)

    async def finish(self, begun, **others):
        values = {"proof": begun.proof, "client": CLIENT, **others}
        return await self.sso.round_trip.finish(self.provider.id, begun.request_id, **values)

    async def is_open(self, token: str) -> bool:
        def read(unit):
            try:
                recognise(unit, token, now_ms=self.tenant.clock.millis())
            except CredentialRefused:
                return False
            return True

        return await self.tenant.database.read(read)


async def add_provider(tenant, sso, caller, **saml2):
    change = ProviderChange(
        saml2=Saml2Change(entity_descriptor=b64encode(metadata()).decode(), **saml2),
    )
    return await tenant.database.write(lambda unit: sso.providers.create(unit, caller, "Example", change))


@pytest.fixture
async def site(tenant):
    keys = SimpleNamespace(sealer=tenant.sealer)
    sso = single_sign_on(SimpleNamespace(clock=tenant.clock, ids=tenant.ids, database=tenant.database, keys=keys), URL)
    provider = await add_provider(tenant, sso, tenant.caller)
    jane = await tenant.add_person("jane", Grant("root", "Read"))
    await tenant.database.write(lambda unit: bind(unit, tenant.account, jane.id, [provider.id]))
    return Site(tenant, sso, provider, jane)


async def test_whom_the_provider_vouches_for_gets_a_session(site):
    arrived = await site.sign_in()

    assert (arrived.person.id, arrived.account.id) == (site.jane.id, site.tenant.account.id)
    assert await site.is_open(arrived.opened.token)
    attempts = await site.tenant.database.read(
        lambda unit: unit.sessions.attempts(site.tenant.account.id, [site.jane.id])
    )
    assert [each.is_success for each in attempts[site.jane.id]] == [True]


async def test_the_request_says_who_asks_and_where_to_answer(site):
    begun = await site.sso.round_trip.begin(site.provider.id)
    sent = read_query(urlsplit(begun.url).query)

    assert begun.url.startswith("https://idp.example/sso?SAMLRequest=")
    assert "Signature" not in parse_qs(urlsplit(begun.url).query)
    assert sent.is_request
    assert begun.request_id.encode() in sent.message
    assert site.sso.places.assertion_endpoint(site.provider.id).encode() in sent.message


async def test_an_answer_is_of_use_for_one_request_of_one_browser_once(site):
    begun, other = [await site.sso.round_trip.begin(site.provider.id) for _ in range(2)]
    await site.answer(begun.request_id)

    for proof in ("", "x", other.proof, "\udcff"):
        with pytest.raises(VouchingRefused):
            await site.finish(begun, proof=proof)
    with pytest.raises(VouchingRefused):
        await site.finish(other)
    with pytest.raises(VouchingRefused, match="not accepted"):
        await site.answer(begun.request_id, assertion_id="_another")
    await site.finish(begun)
    with pytest.raises(VouchingRefused):
        await site.finish(begun)
    with pytest.raises(VouchingRefused):
        await site.answer(begun.request_id, assertion_id="_third")


async def test_an_assertion_is_used_once_whatever_it_answers(site):
    first, second = [await site.sso.round_trip.begin(site.provider.id) for _ in range(2)]
    await site.answer(first.request_id)

    with pytest.raises(VouchingRefused) as refused:
        await site.answer(second.request_id)
    assert "used before" in refused.value.reason


@pytest.mark.parametrize("request_id", ["_question", "", "_" + "0" * 76])
async def test_nobody_comes_without_being_asked(site, request_id):
    with pytest.raises(VouchingRefused):
        await site.answer(request_id or "_")


async def test_a_request_ends(site):
    begun = await site.sso.round_trip.begin(site.provider.id)
    site.tenant.clock.advance(11 * MINUTE)

    with pytest.raises(VouchingRefused):
        await site.answer(begun.request_id)


async def test_an_answer_ends_with_its_request(site):
    begun = await site.sso.round_trip.begin(site.provider.id)
    await site.answer(begun.request_id)
    site.tenant.clock.advance(11 * MINUTE)

    with pytest.raises(VouchingRefused):
        await site.finish(begun)


async def test_a_request_to_one_provider_is_not_answered_by_another(site):
    other = await add_provider(site.tenant, site.sso, site.tenant.caller)
    begun = await site.sso.round_trip.begin(other.id)

    with pytest.raises(VouchingRefused):
        await site.answer(begun.request_id)


async def test_a_provider_of_another_account_signs_nobody_in_here(site):
    account = await site.tenant.open_another_account()
    stranger = replace(site.tenant.caller, account_id=account.id)
    theirs = await add_provider(site.tenant, site.sso, stranger)
    begun = await site.sso.round_trip.begin(theirs.id)
    places = site.sso.places
    answer = site.says(
        begun.request_id,
        audience=theirs.saml2.sp_entity_id,
        recipient=places.assertion_endpoint(theirs.id),
        destination=places.assertion_endpoint(theirs.id),
    )

    with pytest.raises(NobodyVouchedFor):
        await site.sso.round_trip.answer(theirs.id, b64encode(answer.xml()).decode())
    with pytest.raises(InvalidField):
        await site.tenant.database.write(lambda unit: bind(unit, site.tenant.account, site.jane.id, [theirs.id]))


@pytest.mark.parametrize("others", [{"by": signer("stranger")}, {"signs": ""}, {"audience": "urn:else"}])
async def test_what_does_not_hold_gets_nobody_in(site, others):
    begun = await site.sso.round_trip.begin(site.provider.id)

    with pytest.raises(VouchingRefused):
        await site.answer(begun.request_id, **others)
    with pytest.raises(VouchingRefused):
        await site.finish(begun)


@pytest.mark.parametrize("text", ["", "!", "AAAA", "\udcff", "A" * 400_000])
async def test_what_is_no_response_is_refused(site, text):
    with pytest.raises(VouchingRefused):
        await site.sso.round_trip.answer(site.provider.id, text)


@pytest.mark.parametrize(
    "others",
    [
        {"name_id": "nobody"},
        {"name_id": "ada"},  # there, but bound to no provider
        {"name_id": "jane", "name_id_format": TRANSIENT},
        {"name_id": "\u00adjane"},
    ],
)
async def test_a_name_that_leads_to_nobody_gets_nobody_in(site, others):
    begun = await site.sso.round_trip.begin(site.provider.id)

    with pytest.raises(NobodyVouchedFor):
        await site.answer(begun.request_id, **others)


@pytest.mark.parametrize(
    "others",
    [
        {"name_id": "JANE@cloud.example"},
        {"name_id": "x7", "name_id_format": TRANSIENT, "attributes": {"uid": "jane"}},
        {"name_id": "x7", "attributes": {"urn:oid:0.9.2342.19200300.100.1.3": "jane@cloud.example"}},
    ],
)
async def test_an_address_or_an_attribute_leads_to_the_person_as_well(site, others):
    assert (await site.sign_in(**others)).person.id == site.jane.id


async def test_an_address_of_two_people_leads_to_nobody(site):
    twin = await site.tenant.add_person("twin", Grant("root", "Read"))

    def write(unit):
        unit.people.replace(replace(twin, email="jane@cloud.example"))
        bind(unit, site.tenant.account, twin.id, [site.provider.id])

    await site.tenant.database.write(write)

    with pytest.raises(NobodyVouchedFor):
        await site.sign_in(name_id="jane@cloud.example")


@pytest.mark.parametrize("change", [{"is_enabled": False}, {"must_set_password": True}, {"is_confirmed": False}])
async def test_whoever_may_not_enter_does_not_enter_this_way(site, change):
    begun = await site.sso.round_trip.begin(site.provider.id)
    await site.answer(begun.request_id)
    await site.tenant.database.write(lambda unit: unit.people.replace(replace(site.jane, **change)))

    with pytest.raises(NobodyVouchedFor):
        await site.finish(begun)


async def test_whoever_is_bound_to_it_no_more_does_not_enter(site):
    begun = await site.sso.round_trip.begin(site.provider.id)
    await site.answer(begun.request_id)
    account = site.tenant.account
    await site.tenant.database.write(lambda unit: bind(unit, account, site.jane.id, [account.id]))

    with pytest.raises(NobodyVouchedFor):
        await site.finish(begun)


async def test_a_suspended_provider_signs_nobody_in(site):
    begun = await site.sso.round_trip.begin(site.provider.id)
    await site.answer(begun.request_id)
    change = ProviderChange(status=ProviderStatus.SUSPENDED)
    await site.tenant.database.write(
        lambda unit: site.sso.providers.update(unit, site.tenant.caller, site.provider.id, change)
    )

    for attempt in (site.sso.round_trip.begin(site.provider.id), site.answer(begun.request_id), site.finish(begun)):
        with pytest.raises(ProviderNotUsable):
            await attempt
    assert await site.sso.round_trip.offered(site.tenant.account) == []


async def test_a_provider_without_certificates_signs_nobody_in(site):
    half = await add_provider(site.tenant, site.sso, site.tenant.caller, idp_certificates=())

    with pytest.raises(ProviderNotUsable):
        await site.sso.round_trip.begin(half.id)


async def test_a_closed_account_lets_nobody_in(site):
    begun = await site.sso.round_trip.begin(site.provider.id)
    closed = replace(site.tenant.account, status=AccountStatus.SUSPENDED)
    await site.tenant.database.write(lambda unit: unit.accounts.replace(closed))

    for attempt in (site.sso.round_trip.begin(site.provider.id), site.answer(begun.request_id), site.finish(begun)):
        with pytest.raises(AccountNotUsable):
            await attempt


@pytest.mark.parametrize("provider_id", ["0" * 32, "x"])
async def test_a_provider_that_is_not_there_is_not_found(site, provider_id):
    for attempt in (site.sso.round_trip.begin(provider_id), site.sso.round_trip.describe(provider_id)):
        with pytest.raises(ProviderNotFound):
            await attempt


async def test_signing_out_ends_the_session_and_asks_the_provider_to(site):
    arrived = await site.sign_in()
    url = await site.sso.sign_out.begin(arrived.proof)

    assert not await site.is_open(arrived.opened.token)
    sent = read_query(urlsplit(url).query)
    assert url.startswith("https://idp.example/slo?")
    assert b">jane<" in sent.message
    assert b">s1<" in sent.message
    assert await site.sso.sign_out.begin(arrived.proof) is None


@pytest.mark.parametrize("proof", ["", "x", "x" * 500, "\udcff"])
async def test_whoever_has_no_session_signs_nobody_out(site, proof):
    arrived = await site.sign_in()

    assert await site.sso.sign_out.begin(proof) is None
    assert await site.is_open(arrived.opened.token)


def logout_of(site, *, by=None, name="jane", index="s1") -> str:
    place = site.sso.places.logout_endpoint(site.provider.id)
    message = logout_request(
        request_id="_out",
        issuer=ISSUER,
        destination=place,
        name_id=name,
        name_id_format="",
        session_index=index,
        now=site.tenant.clock.now(),
    )
    return urlsplit(address(place, message, is_request=True, key=(by or signer()).key, relay_state="r")).query


async def test_the_provider_ends_the_session_that_it_names(site):
    first = await site.sign_in()
    second = await site.sign_in(session_index="s2", assertion_id="_second")
    url = await site.sso.sign_out.receive_query(site.provider.id, logout_of(site))

    assert not await site.is_open(first.opened.token)
    assert await site.is_open(second.opened.token)
    sent = read_query(urlsplit(url).query)
    assert (sent.is_request, sent.relay_state) == (False, "r")
    assert b'InResponseTo="_out"' in sent.message


async def test_the_provider_ends_all_sessions_where_it_names_none(site):
    arrived = [await site.sign_in(assertion_id=f"_{number}") for number in range(2)]
    await site.sso.sign_out.receive_query(site.provider.id, logout_of(site, index=""))

    assert [await site.is_open(each.opened.token) for each in arrived] == [False, False]


async def test_nobody_else_ends_a_session(site):
    arrived = await site.sign_in()
    other = await add_provider(site.tenant, site.sso, site.tenant.caller)

    for provider_id, query in (
        (site.provider.id, logout_of(site, by=signer("stranger"))),
        (other.id, logout_of(site)),
        (site.provider.id, "SAMLRequest=AAAA"),
    ):
        with pytest.raises(VouchingRefused):
            await site.sso.sign_out.receive_query(provider_id, query)
    assert await site.is_open(arrived.opened.token)


async def test_a_session_ends_when_the_provider_wanted_it_to(site):
    class Short(Answer):
        def assertion(self):
            assertion = super().assertion()
            statement = assertion.find("{*}AuthnStatement")
            statement.set("SessionNotOnOrAfter", "2026-01-01T01:00:00Z")
            return assertion

    begun = await site.sso.round_trip.begin(site.provider.id)
    says = site.says(begun.request_id)
    answer = Short(**{name: getattr(says, name) for name in Answer.__dataclass_fields__})
    await site.sso.round_trip.answer(site.provider.id, b64encode(answer.xml()).decode())
    arrived = await site.finish(begun)

    now_ms = site.tenant.clock.millis()
    assert await site.tenant.database.write(lambda unit: end_expired(unit, now_ms + 3_600_000)) == 0
    assert await site.is_open(arrived.opened.token)
    assert await site.tenant.database.write(lambda unit: end_expired(unit, now_ms + 3_600_001)) == 1
    assert not await site.is_open(arrived.opened.token)


async def test_login_profiles_say_who_may_come_with_a_password(site):
    account, native = site.tenant.account, site.tenant.account.id

    def read(unit):
        return may_use_password(unit, account.id, site.jane.id)

    assert not await site.tenant.database.read(read)
    assert await site.tenant.database.write(
        lambda unit: bind(unit, account, site.jane.id, [site.provider.id, native, native])
    )
    assert await site.tenant.database.read(read)
    shown = await site.tenant.database.read(
        lambda unit: profiles_of(unit, account, [site.jane.id, site.tenant.administrator.id])
    )
    assert [each.id for each in shown[site.jane.id]] == [site.provider.id, native]
    assert [each.id for each in shown[site.tenant.administrator.id]] == [native]
    assert not await site.tenant.database.write(
        lambda unit: bind(unit, account, site.jane.id, [site.provider.id, native])
    )


@pytest.mark.parametrize("wanted", [[], ["0" * 32], ["x"] * 101])
async def test_login_profiles_name_providers_that_are_there(site, wanted):
    with pytest.raises(InvalidField):
        await site.tenant.database.write(lambda unit: bind(unit, site.tenant.account, site.jane.id, wanted))
