"""The pages by which people come in, through HTTP: sign-in with its steps, sessions, invitations."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from html import unescape

import httpx2
import pyotp
import pytest
import structlog
from prometheus_client import CollectorRegistry

from cloudstead.app.account_management import account_rooms
from cloudstead.app.front_door_face import front_door_face
from cloudstead.app.user_rooms import user_rooms
from cloudstead.core.access.callers import Callers
from cloudstead.core.accounts.acting import Acting
from cloudstead.core.accounts.enrolling import put_status
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.accounts.opening import open_account
from cloudstead.core.accounts.profile import MfaStatus
from cloudstead.core.caller import Grant
from cloudstead.core.credentials.errors import CredentialRefused
from cloudstead.core.credentials.identities import Identities
from cloudstead.core.credentials.key_uses import KeyUses
from cloudstead.core.credentials.tokens import Tokens
from cloudstead.core.identityproviders.model import IdentityProvider
from cloudstead.core.invitations.accepting import Accepting
from cloudstead.core.people.errors import LoginRefused
from cloudstead.core.people.front_door import FrontDoor
from cloudstead.core.people.model import Membership, Person
from cloudstead.core.people.sign_in import SignIn
from cloudstead.core.people.users import NewUser
from cloudstead.core.policygroups.model import ADMINISTRATOR_GRANT, DEVELOPER_GRANT, GroupKind
from cloudstead.web.app import WebApp
from cloudstead.web.metrics import WebMetrics
from factories.cloud_connect import signing_key
from factories.people import people_rooms
from factories.tenants import PASSWORD, sign_in_parts, tenant

__all__ = ["tenant"]

_HIDDEN = re.compile(r'name="(\w+)" value="([^"]*)"')
_SECRET = re.compile(r"Secret: <code>([A-Z2-7 ]+)</code>")
JSON = {"accept": "application/json"}
NEW_PASSWORD = "a few words in a row"


@pytest.fixture(scope="module")
def hashing_thread():
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield executor


class House:
    """Everything behind the pages."""

    def __init__(self, tenant, executor):
        self.tenant = tenant
        clock, ids, database = tenant.clock, tenant.ids, tenant.database
        self.people = people_rooms(tenant, executor)
        self.tokens = Tokens(signing_key(), clock, region="eu-west-1")
        parts = sign_in_parts(tenant)
        self.sessions, self.factors = parts["sessions"], parts["factors"]
        self.sign_in = SignIn(
            database,
            self.people.hasher,
            tokens=self.tokens,
            identities=Identities(tenant.sealer, region="eu-west-1"),
            clock=clock,
            **parts,
        )
        groups = account_rooms(clock, ids, mails=self.people.mails, key_uses=KeyUses(clock)).policy_groups
        self.rooms = user_rooms(
            clock,
            ids,
            sealer=tenant.sealer,
            links=self.people.links,
            mails=self.people.mails,
            letters=self.people.post,
            groups=groups,
            public_url="https://cloud.example",
        )
        self.door = FrontDoor(
            database,
            self.people.hasher,
            sign_in=self.sign_in,
            sessions=self.sessions,
            factors=self.factors,
            links=self.people.links,
            sealer=tenant.sealer,
            clock=clock,
        )
        self.accepting = Accepting(
            database, self.people.hasher, sign_in=self.sign_in, links=self.people.links, clock=clock, ids=ids
        )
        self.callers = Callers(database, self.tokens, clock)
        self.callers.listen(tenant.bus)
        self.face = front_door_face(self.door, self.accepting, self.sessions, database, clock)

    @property
    def acting(self):
        return Acting(self.tenant.caller, self.tenant.account)

    async def set_profile(self, **fields):
        def write(unit):
            unit.accounts.put_profile(replace(unit.accounts.profile(self.tenant.account.id), **fields))

        await self.tenant.database.write(write)

    async def invite(self, email="new@cloud.example", **options):
        made = await self.tenant.database.write(
            lambda unit: self.rooms.invitations.invite(unit, self.acting, email=email, **options)
        )
        return made.invitation, self.people.post.last_token()

    async def user(self, person_id):
        return await self.tenant.database.read(lambda unit: self.rooms.users.get(unit, self.acting, person_id))


@pytest.fixture
async def house(tenant, hashing_thread):
    return House(tenant, hashing_thread)


@pytest.fixture
async def browser(tenant, house):
    app = WebApp(
        (house.face,),
        ids=tenant.ids,
        log=structlog.get_logger(),
        metrics=WebMetrics.registered(CollectorRegistry()),
    )
    transport = httpx2.ASGITransport(app=app, client=("192.0.2.7", 1))
    async with httpx2.AsyncClient(
        transport=transport, base_url="https://cloud.example", headers={"user-agent": "Browser/1 <b>"}
    ) as client:
        yield client


def hidden(page):
    return {name: unescape(value) for name, value in _HIDDEN.findall(page.text)}


async def sign_in(browser, user_name="ada", password=PASSWORD, **more):
    return await browser.post("/people/sign-in", data={"userName": user_name, "password": password}, **more)


async def set_up(browser, page, tenant):
    """Put the secret of a set-up page into an authenticator and send its first code; return it and the answer."""
    authenticator = pyotp.TOTP(_SECRET.search(page.text)[1].replace(" ", ""))
    data = {"ticket": hidden(page)["ticket"], "code": authenticator.at(tenant.clock.now())}
    return authenticator, await browser.post("/people/second-factor", data=data)


# Signing in


async def test_signing_in_gives_a_token_that_opens_the_account(browser, house, tenant):
    assert (await browser.get("/people/sign-in")).status_code == 200
    page = await sign_in(browser)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    token = hidden(page)["token"]
    caller = await house.callers.of_login_token(token)
    assert (caller.person_id, caller.account_id) == (tenant.administrator.id, tenant.account.id)
    user = await house.user(tenant.administrator.id)
    assert [(each.is_success, each.address) for each in user.attempts] == [(True, "192.0.2.7")]
    assert user.resident.person.last_login_at_ms == tenant.clock.millis()


async def test_wrong_passwords_are_refused_alike_and_noted(browser, house, tenant):
    texts = set()
    for name in ("ada", "nobody"):
        page = await sign_in(browser, name, "wrong")
        assert page.status_code == 401
        texts.add(page.text.replace(name, ""))
    assert len({re.sub(r'nonce[-="\w]+', "", text) for text in texts}) == 1
    assert [each.is_success for each in (await house.user(tenant.administrator.id)).attempts] == [False]


async def test_a_locked_name_is_told_how_long_to_wait(browser):
    for _ in range(6):
        await sign_in(browser, password="wrong")
    locked = await sign_in(browser, headers=JSON)
    assert (locked.status_code, locked.headers["retry-after"]) == (429, "1")


async def test_programs_sign_in_with_the_same_form_and_get_json(browser, house):
    answer = (await sign_in(browser, headers=JSON)).json()
    assert answer["idle_timeout"] == 30
    assert (await house.callers.of_login_token(answer["token"])).user_name == "ada"
    assert (await sign_in(browser, password="wrong", headers=JSON)).status_code == 401


async def open_below(house, name, user_name="tess"):
    """Open a tenant without a host name, with somebody who has a password; return it and the person."""
    tenant = house.tenant
    password_hash = await house.people.hasher.hash(PASSWORD)

    def write(unit):
        account = open_account(
            unit, tenant.ids, tenant.clock, name=name, stack="prod", hosts=(), parent_id=tenant.account.id
        )
        person = Person(tenant.ids.new(), account.id, user_name, password_hash, f"{user_name}@{name}.example")
        unit.people.add(person)
        unit.people.put_membership(Membership(account.id, person.id, (DEVELOPER_GRANT,)))
        return account, person

    return await tenant.database.write(write)


async def test_people_of_a_tenant_without_a_host_name_come_in_by_the_door_above(browser, house):
    account, person = await open_below(house, "below")
    answer = (await sign_in(browser, "tess", headers=JSON)).json()
    caller = await house.callers.of_login_token(answer["token"])
    assert (caller.account_id, caller.person_id) == (account.id, person.id)
    assert (await sign_in(browser, "tess", "wrong", headers=JSON)).status_code == 401


async def test_a_name_at_home_in_two_tenants_or_in_a_closed_one_opens_nothing_above(browser, house):
    account, _ = await open_below(house, "below")
    database = house.tenant.database
    await database.write(lambda unit: put_status(unit, account, AccountStatus.SUSPENDED))
    assert (await sign_in(browser, "tess", headers=JSON)).status_code == 401
    await database.write(lambda unit: put_status(unit, unit.accounts.get(account.id), AccountStatus.ACTIVE))
    assert (await sign_in(browser, "tess", headers=JSON)).status_code == 200
    await open_below(house, "beside")
    assert (await sign_in(browser, "tess", headers=JSON)).status_code == 401


async def test_a_tenant_does_not_take_the_name_of_somebody_above(browser, house, tenant):
    await open_below(house, "below", "ada")
    answer = (await sign_in(browser, headers=JSON)).json()
    assert (await house.callers.of_login_token(answer["token"])).account_id == tenant.account.id


async def test_a_host_of_nobody_has_no_sign_in(browser):
    assert (await browser.get("/people/sign-in", headers={"host": "elsewhere.example"})).status_code == 404
    assert (await sign_in(browser, headers={"host": "elsewhere.example"})).status_code == 404


async def test_what_is_no_form_and_other_methods_are_refused_plainly(browser):
    assert (await browser.post("/people/sign-in", content=b"\xff\xfe")).status_code == 401
    assert (await browser.put("/people/sign-in")).status_code == 405
    for path in ("/people/code", "/people/second-factor", "/people/new-password"):
        for ticket in ("", "x", "A" * 3000, "é"):
            assert (await browser.post(path, data={"ticket": ticket, "code": "1"})).status_code == 410


# Sessions


async def test_a_token_ends_after_the_idle_time_of_the_account_and_use_keeps_it(browser, house, tenant):
    await house.set_profile(idle_timeout=2)
    token = hidden(await sign_in(browser))["token"]
    for _ in range(4):
        tenant.clock.advance(timedelta(seconds=100))
        await house.callers.of_login_token(token)
    tenant.clock.advance(timedelta(seconds=136))
    with pytest.raises(CredentialRefused):
        await house.callers.of_login_token(token)


async def test_a_changed_password_ends_every_session(browser, house):
    token = hidden(await sign_in(browser))["token"]
    house.people.recovery.ask_for_password(house.tenant.account, "ada")
    await house.people.settled()
    await house.people.recovery.set_password(house.people.post.last_token(), NEW_PASSWORD)
    with pytest.raises(CredentialRefused):
        await house.callers.of_login_token(token)


async def test_sessions_are_listed_and_ended_one_by_one(browser, house):
    first, second = [hidden(await sign_in(browser))["token"] for _ in range(2)]
    page = await browser.post("/people/sessions", data={"session": second})
    assert page.text.count("Browser/1 &lt;b&gt;") == 2
    assert page.text.count("(this one)") == 1
    ended = await browser.post("/people/sessions", data={"session": second, "end": first[4:36]})
    assert ended.text.count("Browser/1") == 1
    with pytest.raises(CredentialRefused):
        await house.callers.of_login_token(first)
    assert (await browser.post("/people/sign-out", data={"session": second})).status_code == 200
    assert (await browser.post("/people/sign-out", data={"session": second})).status_code == 410
    assert (await browser.post("/people/sessions", data={"session": "cst_x"})).status_code == 410


@pytest.mark.parametrize("path", ["", "/", "/sessions", "/sign-out", "/code", "/second-factor", "/new-password"])
async def test_whoever_comes_to_a_step_without_its_form_is_led_to_the_door(browser, path):
    answer = await browser.get(f"/people{path}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/people/sign-in")


async def test_whoever_has_come_in_is_told_where_to_go_on(browser):
    page = (await sign_in(browser)).text
    assert '<a href="/">' in page
    assert '<a href="/docs/account-management">' in page


async def test_nobody_ends_the_session_of_somebody_else(browser, house, tenant):
    await tenant.add_person("bob", Grant("root", "Read"))
    ada, bob = hidden(await sign_in(browser))["token"], hidden(await sign_in(browser, "bob"))["token"]
    await browser.post("/people/sessions", data={"session": bob, "end": ada[4:36]})
    assert (await house.callers.of_login_token(ada)).user_name == "ada"


@pytest.mark.parametrize("token", ["", "cst_", f"cst_{'0' * 32}_{'0' * 64}", f"cst_{'g' * 32}_{'0' * 64}"])
async def test_what_is_no_token_of_ours_opens_nothing(house, token):
    with pytest.raises(CredentialRefused):
        await house.callers.of_login_token(token)


# Second factor


async def test_an_account_that_enforces_it_sends_people_to_set_up_first(browser, house, tenant):
    await house.set_profile(mfa_status=MfaStatus.ENFORCED)
    with pytest.raises(LoginRefused):
        await house.sign_in.login(tenant.account, "ada", password=PASSWORD)
    page = await sign_in(browser)
    assert "<svg" in page.text
    assert "Login token" not in page.text
    authenticator, done = await set_up(browser, page, tenant)
    codes = re.findall(r"<li><code>(\w+)</code>", done.text)
    assert len(codes) == 10
    tenant.clock.advance(timedelta(seconds=60))
    asked = await sign_in(browser)
    assert "<svg" not in asked.text
    data = {"ticket": hidden(asked)["ticket"], "code": authenticator.at(tenant.clock.now())}
    assert (await browser.post("/people/code", data=data)).status_code == 200
    again = await browser.post("/people/code", data=data)
    assert again.status_code == 422
    assert (await house.user(tenant.administrator.id)).is_totp_on


async def test_a_login_of_cloud_connect_is_told_where_to_set_it_up_and_only_to_the_right_password(house, tenant):
    await house.set_profile(mfa_status=MfaStatus.ENFORCED)
    with pytest.raises(LoginRefused, match="/people/sign-in"):
        await house.sign_in.login(tenant.account, "ada", password=PASSWORD)
    with pytest.raises(LoginRefused, match="user name or the password is wrong"):
        await house.sign_in.login(tenant.account, "ada", password="something else")


async def test_whoever_logged_in_before_it_was_enforced_sets_it_up_before_the_login_is_renewed(browser, house, tenant):
    login = await house.sign_in.login(tenant.account, "ada", password=PASSWORD)
    await house.set_profile(mfa_status=MfaStatus.ENFORCED)
    with pytest.raises(LoginRefused):
        await house.sign_in.refresh(tenant.account, login.refresh_token)
    await set_up(browser, await sign_in(browser), tenant)
    assert (await house.sign_in.refresh(tenant.account, login.refresh_token)).person.user_name == "ada"


async def test_whoever_comes_by_a_provider_alone_renews_no_login_by_password(house, tenant):
    login = await house.sign_in.login(tenant.account, "ada", password=PASSWORD)
    person_id = tenant.administrator.id
    provider = IdentityProvider(id="9" * 32, account_id=tenant.account.id, name="SSO", created_at_ms=1, updated_at_ms=1)

    def bind(unit):
        unit.identity_providers.add(provider)
        unit.identity_providers.bind(tenant.account.id, person_id, [provider.id])

    await tenant.database.write(bind)
    with pytest.raises(LoginRefused):
        await house.sign_in.refresh(tenant.account, login.refresh_token)


async def test_a_wrong_first_code_shows_the_same_secret_again(browser, house, tenant):
    await house.set_profile(mfa_status=MfaStatus.ENFORCED)
    page = await sign_in(browser)
    wrong = await browser.post("/people/second-factor", data={"ticket": hidden(page)["ticket"], "code": "000000"})
    assert wrong.status_code == 422
    assert _SECRET.search(wrong.text)[1] == _SECRET.search(page.text)[1]
    _, done = await set_up(browser, wrong, tenant)
    assert done.status_code == 200


async def test_a_scratch_code_lets_in_once(browser, house, tenant):
    await house.set_profile(mfa_status=MfaStatus.ENFORCED)
    _, done = await set_up(browser, await sign_in(browser), tenant)
    code = re.findall(r"<li><code>(\w+)</code>", done.text)[0]
    for expected in (200, 422):
        ticket = hidden(await sign_in(browser))["ticket"]
        answer = await browser.post("/people/code", data={"ticket": ticket, "code": code.upper()})
        assert answer.status_code == expected


async def test_guessing_codes_locks_like_guessing_passwords(browser, house, tenant):
    await house.set_profile(mfa_status=MfaStatus.ENFORCED)
    authenticator, _ = await set_up(browser, await sign_in(browser), tenant)
    tenant.clock.advance(timedelta(seconds=60))
    ticket = hidden(await sign_in(browser))["ticket"]
    for _ in range(6):
        await browser.post("/people/code", data={"ticket": ticket, "code": "000000"})
    good = {"ticket": ticket, "code": authenticator.at(tenant.clock.now())}
    locked = await browser.post("/people/code", data=good, headers=JSON)
    assert locked.status_code == 429
    tenant.clock.advance(timedelta(seconds=2))
    assert (await browser.post("/people/code", data=good)).status_code == 200


async def test_a_ticket_ends_after_ten_minutes_and_with_the_password(browser, house, tenant):
    await house.set_profile(mfa_status=MfaStatus.ENFORCED)
    page = await sign_in(browser)
    tenant.clock.advance(timedelta(minutes=10))
    _, late = await set_up(browser, page, tenant)
    assert late.status_code == 410


async def test_cloud_connect_takes_the_code_behind_the_password(browser, house, tenant):
    await house.set_profile(mfa_status=MfaStatus.ENFORCED)
    authenticator, _ = await set_up(browser, await sign_in(browser), tenant)
    tenant.clock.advance(timedelta(seconds=60))
    code = authenticator.at(tenant.clock.now())
    for password in (PASSWORD, f"{PASSWORD}000000", f"wrong{code}"):
        with pytest.raises(LoginRefused):
            await house.sign_in.login(tenant.account, "ada", password=password)
    login = await house.sign_in.login(tenant.account, "ada", password=PASSWORD + code)
    assert login.person.user_name == "ada"
    with pytest.raises(LoginRefused):
        await house.sign_in.login(tenant.account, "ada", password=PASSWORD + code)


async def test_the_clock_of_a_device_may_be_one_step_off_and_no_more(browser, house, tenant):
    await house.set_profile(mfa_status=MfaStatus.ENFORCED)
    authenticator, _ = await set_up(browser, await sign_in(browser), tenant)
    tenant.clock.advance(timedelta(minutes=5))
    now = tenant.clock.now()
    for seconds, expected in ((-60, 422), (60, 422), (-30, 200), (30, 200)):
        ticket = hidden(await sign_in(browser))["ticket"]
        data = {"ticket": ticket, "code": authenticator.at(now + timedelta(seconds=seconds))}
        assert (await browser.post("/people/code", data=data)).status_code == expected


async def test_a_secret_is_never_stored_readable(browser, house, tenant):
    await house.set_profile(mfa_status=MfaStatus.ENFORCED)
    page = await sign_in(browser)
    secret = _SECRET.search(page.text)[1].replace(" ", "")
    stored = await tenant.database.read(lambda unit: unit.second_factors.get(tenant.administrator.id))
    assert secret.encode() not in stored.sealed_secret
    assert secret not in repr(stored)


# A password for one time


async def test_a_generated_password_is_good_for_choosing_another_one(browser, house, tenant):
    password_hash = await house.people.hasher.hash("given for one time")
    new = NewUser(email="dora@cloud.example", user_name="dora", password_hash=password_hash, must_set_password=True)
    made = await tenant.database.write(lambda unit: house.rooms.users.create(unit, house.acting, new))
    with pytest.raises(LoginRefused):
        await house.sign_in.login(tenant.account, "dora", password="given for one time")
    page = await sign_in(browser, "dora", "given for one time")
    ticket = hidden(page)["ticket"]
    short = await browser.post("/people/new-password", data={"ticket": ticket, "password": "short", "again": "short"})
    assert short.status_code == 422
    other = await browser.post("/people/new-password", data={"ticket": ticket, "password": NEW_PASSWORD, "again": "x"})
    assert other.status_code == 422
    good = {"ticket": ticket, "password": NEW_PASSWORD, "again": NEW_PASSWORD}
    assert "Login token" in (await browser.post("/people/new-password", data=good)).text
    assert (await browser.post("/people/new-password", data=good)).status_code == 410
    assert (await house.user(made.resident.person.id)).resident.status == "ACTIVE"
    assert (await house.sign_in.login(tenant.account, "dora", password=NEW_PASSWORD)).person.user_name == "dora"


# Invitations


def answer_of(token, **changes):
    fields = {"token": token, "userName": "newcomer", "fullName": "New Comer", "password": NEW_PASSWORD}
    return {**fields, "again": NEW_PASSWORD, **changes}


async def test_an_invitation_is_accepted_once_and_opens_every_door(browser, house, tenant):
    administrators = await tenant.database.read(
        lambda unit: unit.policy_groups.of_kind(tenant.account.id, GroupKind.ADMINISTRATORS)
    )
    invitation, token = await house.invite(group_ids=[administrators.id])
    for _ in range(3):
        page = await browser.get("/people/accept", params={"token": token})
        assert "new@cloud.example" in page.text
    done = await browser.post("/people/accept", data=answer_of(token))
    assert "newcomer" in done.text
    assert (await browser.post("/people/accept", data=answer_of(token))).status_code == 404
    assert (await browser.get("/people/accept", params={"token": token})).status_code == 404
    user = await house.user(invitation.person_id)
    assert (user.resident.status, user.groups) == ("ACTIVE", [administrators.id])
    assert user.resident.person.is_email_verified
    login = await house.sign_in.login(tenant.account, "newcomer", password=NEW_PASSWORD)
    assert login.membership.grants == (ADMINISTRATOR_GRANT,)
    assert "Login token" in (await sign_in(browser, "newcomer", NEW_PASSWORD)).text


@pytest.mark.parametrize(
    "changes",
    [{"userName": "x"}, {"userName": "ada "}, {"password": "short", "again": "short"}, {"again": "another"}],
)
async def test_what_does_not_fit_is_said_and_the_invitation_stays_good(browser, house, changes):
    _, token = await house.invite()
    refused = await browser.post("/people/accept", data=answer_of(token, **changes))
    assert refused.status_code == 422
    assert (await browser.post("/people/accept", data=answer_of(token))).status_code == 200


async def test_what_an_invited_person_was_given_in_the_meantime_is_kept_and_held_once(browser, house, tenant):
    administrators = await tenant.database.read(
        lambda unit: unit.policy_groups.of_kind(tenant.account.id, GroupKind.ADMINISTRATORS)
    )
    invitation, token = await house.invite(group_ids=[administrators.id])
    await tenant.database.write(
        lambda unit: house.rooms.users.join(unit, house.acting, invitation.person_id, [administrators.id])
    )
    await browser.post("/people/accept", data=answer_of(token))
    assert (await house.user(invitation.person_id)).groups == [administrators.id]
    login = await house.sign_in.login(tenant.account, "newcomer", password=NEW_PASSWORD)
    assert login.membership.grants == (ADMINISTRATOR_GRANT,)


async def test_a_taken_name_is_refused(browser, house, tenant):
    await tenant.add_person("newcomer", Grant("root", "Read"))
    _, token = await house.invite()
    refused = await browser.post("/people/accept", data=answer_of(token))
    assert refused.status_code == 422
    assert "taken" in refused.text


async def test_the_accounts_password_rule_holds_for_whoever_comes_in(browser, house):
    await house.set_profile(password_minimum_length=30)
    _, token = await house.invite()
    page = await browser.get("/people/accept", params={"token": token})
    assert "At least 30 characters" in page.text
    assert (await browser.post("/people/accept", data=answer_of(token))).status_code == 422


async def test_somebody_known_elsewhere_comes_in_with_the_own_password_and_logs_in_here_too(browser, house, tenant):
    other = await tenant.open_another_account()
    person = replace(
        tenant.administrator,
        id=tenant.ids.new(),
        home_account_id=other.id,
        user_name="guest",
        email="guest@cloud.example",
        is_email_verified=True,
    )
    await tenant.database.write(lambda unit: unit.people.add(person))
    await tenant.add_person("bob", Grant("root", "Read"))
    invitation, token = await house.invite("Guest@cloud.example")
    assert invitation.person_id == person.id
    page = await browser.get("/people/accept", params={"token": token})
    assert "guest" in page.text
    assert "The same again" not in page.text
    refused = await browser.post("/people/accept", data={"token": token, "password": "wrong"})
    assert refused.status_code == 422
    assert (await browser.post("/people/accept", data=answer_of(token))).status_code == 422
    done = await browser.post("/people/accept", data={"token": token, "password": PASSWORD})
    assert done.status_code == 200
    login = await house.sign_in.login(tenant.account, "guest", password=PASSWORD)
    assert login.person.id == person.id
    assert (await house.user(person.id)).resident.status == "ACTIVE"


@pytest.mark.parametrize("token", ["", "x", "0" * 75, "0" * 32 + "A" * 43])
async def test_what_is_no_invitation_is_told_so(browser, token):
    assert (await browser.get("/people/accept", params={"token": token})).status_code == 404
    assert (await browser.post("/people/accept", data=answer_of(token))).status_code == 404
