"""Signing in and out by way of a provider: who gets a session, and everything that gets nobody in."""

from __future__ import annotations

import copy
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from lxml import etree

from cloudstead.app.single_sign_on import single_sign_on
from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.caller import Grant
from cloudstead.core.credentials.errors import CredentialRefused
from cloudstead.core.errors import InvalidField
from cloudstead.core.identityproviders.certificates import KeyAlgorithm
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
from cloudstead.protocols.saml2.names import (
    AES128_CBC,
    AES256_CBC,
    AES256_GCM,
    DS,
    MD,
    RSA_1_5,
    RSA_OAEP_MGF1P,
    SAML,
    TRANSIENT,
)
from cloudstead.protocols.saml2.redirect import address, read_query
from factories.encrypting import OWN, ciphers, encrypted_answer, encrypted_tree, flip
from factories.saml2 import ISSUER, Answer, metadata, sign, signer

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

    async def answer(self, request_id: str, **others):
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


async def change(site, **changes):
    await site.tenant.database.write(
        lambda unit: site.sso.providers.update(unit, site.tenant.caller, site.provider.id, ProviderChange(**changes))
    )


async def test_suspending_a_provider_ends_the_sessions_that_it_opened_and_no_others(site):
    other = await add_provider(site.tenant, site.sso, site.tenant.caller)
    account = site.tenant.account
    await site.tenant.database.write(lambda unit: bind(unit, account, site.jane.id, [site.provider.id, other.id]))
    arrived = [await site.sign_in(assertion_id=f"_{number}") for number in range(2)]
    by_other = await Site(site.tenant, site.sso, other, site.jane).sign_in(assertion_id="_other")
    waiting = await site.sso.round_trip.begin(site.provider.id)
    await site.answer(waiting.request_id, assertion_id="_waiting")

    await change(site, status=ProviderStatus.SUSPENDED)
    await change(site, status=ProviderStatus.ACTIVE)

    assert [await site.is_open(each.opened.token) for each in arrived] == [False, False]
    assert await site.is_open(by_other.opened.token)
    with pytest.raises(VouchingRefused):
        await site.finish(waiting)
    await site.sign_in(assertion_id="_again")


async def test_another_change_of_a_provider_ends_no_session(site):
    arrived = await site.sign_in()

    await change(site, name="Other", status=ProviderStatus.ACTIVE)

    assert await site.is_open(arrived.opened.token)


async def test_removing_a_provider_ends_the_sessions_that_it_opened(site):
    arrived = await site.sign_in()
    account = site.tenant.account
    await site.tenant.database.write(lambda unit: bind(unit, account, site.jane.id, [account.id]))
    assert await site.is_open(arrived.opened.token)

    await site.tenant.database.write(lambda unit: site.sso.providers.remove(unit, site.tenant.caller, site.provider.id))

    assert not await site.is_open(arrived.opened.token)


class Overtaken:
    """A database where somebody else writes first."""

    def __init__(self, database, first) -> None:
        self._database, self._first = database, first
        self.read = database.read

    async def write(self, work):
        await self._first()
        return await self._database.write(work)


async def test_a_provider_that_is_suspended_on_the_way_opens_no_session(site):
    begun = await site.sso.round_trip.begin(site.provider.id)
    await site.answer(begun.request_id)
    overtaken = single_sign_on(
        SimpleNamespace(
            clock=site.tenant.clock,
            ids=site.tenant.ids,
            database=Overtaken(site.tenant.database, lambda: change(site, status=ProviderStatus.SUSPENDED)),
            keys=SimpleNamespace(sealer=site.tenant.sealer),
        ),
        URL,
    )

    with pytest.raises((ProviderNotUsable, VouchingRefused)):
        await Site(site.tenant, overtaken, site.provider, site.jane).finish(begun)
    await change(site, status=ProviderStatus.ACTIVE)
    with pytest.raises(ProviderNotUsable):
        await Site(site.tenant, overtaken, site.provider, site.jane).answer(begun.request_id, assertion_id="_2")


# The provider begins


def unasked(site, **others) -> str:
    """A response to no request, in Base64."""
    answer = site.says("_", signs="", **others)
    root = answer.unsigned()
    del root.attrib["InResponseTo"]
    del root.find(f".//{{{SAML}}}SubjectConfirmationData").attrib["InResponseTo"]
    sign(root.find(f"{{{SAML}}}Assertion"), answer)
    return b64encode(etree.tostring(root)).decode()


async def allow(site):
    await change(site, saml2=Saml2Change(allows_idp_initiated=True))


async def test_a_provider_may_begin_only_where_that_was_chosen(site):
    with pytest.raises(VouchingRefused) as refused:
        await site.sso.round_trip.answer(site.provider.id, unasked(site))
    assert "may not begin" in refused.value.reason

    await allow(site)
    noted = await site.sso.round_trip.answer(site.provider.id, unasked(site))
    arrived = await site.finish(noted)

    assert arrived.person.id == site.jane.id
    assert await site.is_open(arrived.opened.token)


async def test_what_a_provider_began_with_is_of_use_once_and_in_one_browser(site):
    await allow(site)
    response = unasked(site)
    noted = await site.sso.round_trip.answer(site.provider.id, response)

    with pytest.raises(VouchingRefused) as refused:
        await site.sso.round_trip.answer(site.provider.id, response)
    assert "used before" in refused.value.reason
    with pytest.raises(VouchingRefused):
        await site.finish(noted, proof="another browser's")
    await site.finish(noted)
    with pytest.raises(VouchingRefused):
        await site.finish(noted)


async def test_what_is_remembered_outlives_what_could_be_used_again(site):
    """Expired assertions are forgotten whenever one comes: one that is still good must not be among them."""
    await allow(site)
    response = unasked(site, confirmed_after=timedelta(hours=2), not_after=timedelta(hours=2))
    await site.sso.round_trip.answer(site.provider.id, response)
    site.tenant.clock.advance(timedelta(hours=2, minutes=2))

    for later in range(2):
        with pytest.raises(VouchingRefused) as refused:
            await site.sso.round_trip.answer(site.provider.id, response)
        assert ("used before", "not confirmed any more")[later] in refused.value.reason
        site.tenant.clock.advance(2 * MINUTE)


async def test_an_assertion_that_outlives_our_memory_is_refused(site):
    await allow(site)
    long = unasked(site, confirmed_after=timedelta(days=2), not_after=timedelta(days=2))

    with pytest.raises(VouchingRefused) as refused:
        await site.sso.round_trip.answer(site.provider.id, long)
    assert "more than a day" in refused.value.reason


async def test_an_answer_to_a_request_needs_its_request_even_where_the_provider_may_begin(site):
    await allow(site)
    with pytest.raises(VouchingRefused):
        await site.answer("_question")
    begun = await site.sso.round_trip.begin(site.provider.id)
    assert (await site.answer(begun.request_id)).proof is None


# Encrypted assertions


async def put_key(site, algorithm):
    key = None if algorithm is None else await site.sso.providers.make_key(algorithm, days=1)
    await site.tenant.database.write(
        lambda unit: site.sso.providers.put_key(unit, site.tenant.caller, site.provider.id, key)
    )


async def encryption_keys(site):
    """The certificates that our metadata offer for encryption, and by which algorithms."""
    root = etree.fromstring(await site.sso.round_trip.describe(site.provider.id))
    keys = root.findall(f".//{{{MD}}}KeyDescriptor[@use='encryption']")
    pem = [key.findtext(f".//{{{DS}}}X509Certificate") for key in keys]
    return [x509.load_der_x509_certificate(b64decode(each)) for each in pem], [
        each.get("Algorithm") for key in keys for each in key.findall(f"{{{MD}}}EncryptionMethod")
    ]


async def answer_encrypted(site, to, **how):
    begun = await site.sso.round_trip.begin(site.provider.id)
    message = encrypted_answer(site.says(begun.request_id), to=SimpleNamespace(certificate=to), **how)
    await site.sso.round_trip.answer(site.provider.id, b64encode(message).decode())
    return begun


@pytest.mark.parametrize("content", [AES256_GCM, AES128_CBC])
async def test_an_assertion_encrypted_for_the_key_in_our_metadata_signs_somebody_in(site, content):
    await put_key(site, KeyAlgorithm.RSA2048)
    certificates, algorithms = await encryption_keys(site)

    arrived = await site.finish(await answer_encrypted(site, certificates[0], content=content))

    assert arrived.person.id == site.jane.id
    assert len(certificates) == 1
    assert {AES256_GCM, AES256_CBC, RSA_OAEP_MGF1P} < set(algorithms)
    assert RSA_1_5 not in algorithms


async def test_a_key_that_was_replaced_opens_nothing_any_more(site):
    await put_key(site, KeyAlgorithm.RSA2048)
    old = (await encryption_keys(site))[0][0]
    await put_key(site, KeyAlgorithm.RSA3072)

    with pytest.raises(VouchingRefused) as refused:
        await answer_encrypted(site, old)
    assert "cannot be opened" in refused.value.reason


@pytest.mark.parametrize("algorithm", [None, KeyAlgorithm.ECDSA256])
async def test_without_an_rsa_key_none_is_offered_for_encryption(site, algorithm):
    await put_key(site, algorithm)

    assert await encryption_keys(site) == ([], [])
    with pytest.raises(VouchingRefused) as refused:
        await answer_encrypted(site, signer(OWN).certificate)
    assert "no RSA key" in refused.value.reason


async def test_a_guess_spoils_the_transported_key_for_good(site):
    await put_key(site, KeyAlgorithm.RSA2048)
    certificate = (await encryption_keys(site))[0][0]
    begun = await site.sso.round_trip.begin(site.provider.id)
    genuine = encrypted_tree(
        site.says(begun.request_id), to=SimpleNamespace(certificate=certificate), content=AES128_CBC
    )
    guess = copy.deepcopy(genuine)
    flip(ciphers(guess)[1], -1)

    reasons = []
    for message in (guess, genuine):
        with pytest.raises(VouchingRefused) as refused:
            await site.sso.round_trip.answer(site.provider.id, b64encode(etree.tostring(message)).decode())
        reasons.append(refused.value.reason)
    assert "cannot be opened" in reasons[0]
    assert "was there before" in reasons[1]


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
