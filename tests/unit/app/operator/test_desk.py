"""What the operator asks: the same, whether a service holds the data folder or nobody does."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog

from cloudstead.app.accounts import state_url
from cloudstead.app.data_folder import DataFolder
from cloudstead.app.errors import CannotStart
from cloudstead.app.keys import open_keys
from cloudstead.app.operator.asks import (
    Limit,
    ListAccessKeys,
    ListAccounts,
    MakeAccessKey,
    MakeLink,
    OpenAccount,
    Policy,
    PutHosts,
    PutLimits,
    PutPolicies,
    PutStatus,
    RemoveAccessKey,
    SetPassword,
    ShowAccount,
)
from cloudstead.app.operator.desk import Desk
from cloudstead.app.operator.doors import ask
from cloudstead.app.operator.sockets import OperatorSocket
from cloudstead.app.settings import Settings, load_settings
from cloudstead.core.accounts.events import AccountChanged, AccountStatusChanged
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.clock import SystemClock
from cloudstead.core.credentials.access_keys import AccessKeys
from cloudstead.core.credentials.passwords import PasswordHasher, Passwords
from cloudstead.core.identityproviders.model import IdentityProvider
from cloudstead.core.ids import Uuid7Source
from cloudstead.core.paging import PageRequest
from cloudstead.core.people.links import Links, LinkState
from cloudstead.storage.sql import Database
from factories.tenants import CHEAP

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

TWO = "two.example"
PUBLIC_URL = "https://cloud.example"


class Operator:
    """Somebody at the command line; ``service`` runs where one was started."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database: Database | None = None
        self.events: list[object] = []

    async def ask(self, asked: Any) -> Any:
        return await asyncio.to_thread(ask, self.settings, asked)

    async def refused(self, asked: Any) -> str:
        with pytest.raises(CannotStart) as refused:
            await self.ask(asked)
        return str(refused.value)

    async def read(self, work: Callable[[Any], Any]) -> Any:
        async with self._store() as database:
            return await database.read(work)

    async def write(self, work: Callable[[Any], Any]) -> Any:
        async with self._store() as database:
            return await database.write(work)

    async def account(self, host: str = TWO) -> Any:
        return await self.read(lambda unit: unit.accounts.by_host(host))

    async def trail(self, host: str = TWO) -> list[tuple[str, str]]:
        """Operations and principals of the account's audit trail, newest first."""
        account = await self.account(host)
        page = await self.read(lambda unit: unit.audit.page(account.id, PageRequest(descending=True, limit=20)))
        return [(entry.operation, entry.principal) for entry in page.items]

    @asynccontextmanager
    async def _store(self) -> AsyncIterator[Database]:
        if self.database is not None:
            yield self.database
            return
        path = Path(self.settings.data.folder)
        database = await Database.open(f"sqlite:///{path / 'state.sqlite'}", on_events=lambda _: None)
        try:
            yield database
        finally:
            await database.close()


@asynccontextmanager
async def serving(operator: Operator, path: Path) -> AsyncIterator[OperatorSocket]:
    """Hold the data folder and answer at its socket, as a service does."""
    folder = DataFolder.hold(path)
    with ThreadPoolExecutor(max_workers=1) as executor:
        database = await Database.open(state_url(operator.settings, folder), on_events=operator.events.extend)
        clock = SystemClock()
        ids = Uuid7Source(clock)
        keys = open_keys(folder, clock)
        desk = Desk(
            settings=operator.settings,
            database=database,
            hasher=PasswordHasher(executor, cost=CHEAP),
            clock=clock,
            ids=ids,
            public_url=PUBLIC_URL,
            access_keys=AccessKeys(clock, ids, keys.sealer),
        )
        answering = OperatorSocket(desk, folder.path, structlog.get_logger())
        operator.database = database
        await answering.start()
        try:
            yield answering
        finally:
            operator.database = None
            await answering.close()
            await database.close()
            folder.release()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"data": {"folder": str(tmp_path / "data")}, "public": {"url": PUBLIC_URL}}, {}, None)


@pytest.fixture(params=["nobody", "a service"])
async def operator(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> AsyncIterator[Operator]:
    """An operator of two accounts, each with an administrator called ada."""
    made = Operator(settings)
    if request.param == "nobody":
        await open_two(made)
        yield made
    else:
        async with serving(made, tmp_path / "data"):
            await open_two(made)
            yield made


async def open_two(operator: Operator) -> None:
    await operator.ask(OpenAccount(name="One", user_name="ada"))
    await operator.ask(OpenAccount(name="Two", user_name="ada", email="ada@two.example", hosts=[TWO]))


# Accounts


async def test_accounts_are_listed_oldest_first_with_their_host_names(operator: Operator) -> None:
    listed = await operator.ask(ListAccounts())

    assert [(each.name, each.hosts, each.parent) for each in listed.accounts] == [
        ("One", ["127.0.0.1", "::1", "localhost"], None),
        ("Two", [TWO], None),
    ]
    rest = await operator.ask(ListAccounts(after=listed.accounts[0].id))
    assert [each.name for each in rest.accounts] == ["Two"]
    assert (listed.after, rest.after) == (None, None)


async def test_a_tenant_is_listed_below_its_account(operator: Operator) -> None:
    one, two = await operator.account("localhost"), await operator.account()
    await operator.write(lambda unit: unit.accounts.replace(replace(two, parent_id=one.id)))

    lines = (await operator.ask(ListAccounts())).accounts
    behind = (await operator.ask(ListAccounts(after=one.id))).accounts
    assert [each.parent for each in (*lines, *behind)] == [None, one.number, one.number]
    assert (await operator.ask(ShowAccount(account="localhost"))).tenants == 1


async def test_an_account_is_shown_by_any_of_its_names(operator: Operator) -> None:
    two = await operator.account()
    shown = [await operator.ask(ShowAccount(account=name)) for name in ("TWO.example", two.number, two.id)]

    assert [each.id for each in shown] == [two.id] * 3
    assert (shown[0].administrator, shown[0].tier, shown[0].tenants) == ("ada", "commercial", 0)
    assert "No account answers to 'nope'" in await operator.refused(ShowAccount(account="nope"))


async def test_a_second_account_needs_names_of_its_own(operator: Operator) -> None:
    assert "--host" in await operator.refused(OpenAccount(name="Three", user_name="ada"))
    assert "user_name" in await operator.refused(OpenAccount(name="Three", user_name="\n", hosts=["three.example"]))


async def test_an_account_is_suspended_restricted_and_resumed(operator: Operator) -> None:
    wanted = (AccountStatus.SUSPENDED, AccountStatus.RESTRICTED, AccountStatus.ACTIVE, AccountStatus.ACTIVE)
    seen = [(await operator.ask(PutStatus(account=TWO, status=status))).status for status in wanted]

    assert seen == ["SUSPENDED", "RESTRICTED", "ACTIVE", "ACTIVE"]
    assert (await operator.trail())[:4] == [*[("account.set-status", "operator")] * 3, ("account.create", "operator")]
    if operator.database is not None:
        told = [each.status for each in operator.events if isinstance(each, AccountStatusChanged)]
        assert told == ["SUSPENDED", "RESTRICTED", "ACTIVE"]


async def test_an_account_that_ran_out_has_no_end_any_more_when_it_is_resumed(operator: Operator) -> None:
    two = await operator.account()

    def end(unit: Any) -> None:
        unit.accounts.put_profile(
            replace(unit.accounts.profile(two.id), expires_at_ms=1, status_before_end=AccountStatus.ACTIVE)
        )
        unit.accounts.replace(replace(two, status=AccountStatus.SUSPENDED))

    await operator.write(end)
    assert (await operator.ask(ShowAccount(account=TWO))).expires_at == "1970-01-01T00:00:00Z"

    shown = await operator.ask(PutStatus(account=TWO, status=AccountStatus.ACTIVE))
    assert (shown.status, shown.expires_at) == (AccountStatus.ACTIVE, None)


async def test_an_account_that_is_enrolling_is_opened_by_its_administrator_alone(operator: Operator) -> None:
    two = await operator.account()
    await operator.write(lambda unit: unit.accounts.replace(replace(two, status=AccountStatus.ENROLLING)))

    assert "enrolling" in await operator.refused(PutStatus(account=TWO, status=AccountStatus.ACTIVE))


async def test_a_limit_is_set_and_left_to_the_tier_again(operator: Operator) -> None:
    def keys(shown: Any) -> Any:
        return next(each for each in shown.limits if each.name == "api-key-count")

    before = keys(await operator.ask(ShowAccount(account=TWO)))
    few = keys(await operator.ask(PutLimits(account=TWO, limits={"api-key-count": 3})))
    other = keys(await operator.ask(PutLimits(account=TWO, limits={"cert-count": 7})))
    after = keys(await operator.ask(PutLimits(account=TWO, limits={"api-key-count": None})))

    assert few == other == Limit(name="api-key-count", value=3, is_set=True)
    assert before == after == replace_struct(few, value=before.value, is_set=False)
    assert ("account.update", "operator") in await operator.trail()
    assert "There is no limit 'nonsense'" in await operator.refused(PutLimits(account=TWO, limits={"nonsense": 1}))
    assert "number" in await operator.refused(PutLimits(account=TWO, limits={"cert-count": -1}))


def replace_struct(struct: Any, **others: Any) -> Any:
    return type(struct)(**{**{name: getattr(struct, name) for name in struct.__struct_fields__}, **others})


async def test_features_are_denied_allowed_and_forgotten(operator: Operator) -> None:
    await operator.ask(PutPolicies(account=TWO, deny=["rule", "batch: create "]))
    shown = await operator.ask(PutPolicies(account=TWO, allow=["rule:update,create"]))
    assert shown.policies == [
        Policy(feature="rule", actions=[], is_allowed=False),
        Policy(feature="batch", actions=["create"], is_allowed=False),
        Policy(feature="rule", actions=["create", "update"], is_allowed=True),
    ]
    turned = await operator.ask(PutPolicies(account=TWO, allow=["rule"], forget=["batch:create", "rule:create,update"]))
    assert turned.policies == [Policy(feature="rule", actions=[], is_allowed=True)]
    if operator.database is not None:
        assert AccountChanged((await operator.account()).id) in operator.events

    for asked, reason in (
        ({"deny": ["nonsense"]}, "no feature 'nonsense'"),
        ({"deny": ["rule:fly"]}, "no action 'fly': it has create"),
        ({"forget": ["batch"]}, "no policy on batch"),
    ):
        assert reason in await operator.refused(PutPolicies(account=TWO, **asked))


async def test_what_the_account_above_denies_is_shown_with_the_tenant(operator: Operator) -> None:
    one, two = await operator.account("localhost"), await operator.account()
    await operator.write(lambda unit: unit.accounts.replace(replace(two, parent_id=one.id)))
    await operator.ask(PutPolicies(account="localhost", deny=["rule"]))

    shown = await operator.ask(ShowAccount(account=TWO))
    assert (shown.policies, shown.inherited) == ([], [Policy(feature="rule", actions=[], is_allowed=False)])


async def test_host_names_come_and_go(operator: Operator) -> None:
    added = await operator.ask(PutHosts(account=TWO, add=["iot.two.example", TWO]))
    moved = await operator.ask(PutHosts(account="iot.two.example", remove=["TWO.example"]))

    assert (added.hosts, added.aliases) == (["iot.two.example", TWO], ["iot.two.example"])
    assert moved.hosts == ["iot.two.example"]
    assert ("account.update", "operator") in await operator.trail("iot.two.example")
    for asked, reason in (
        ({"remove": ["iot.two.example"]}, "would answer to no name"),
        ({"remove": [TWO]}, "does not answer to 'two.example'"),
        ({"add": ["localhost"]}, "cannot be an alias"),
        ({"add": ["127.0.0.1"]}, "cannot be an alias"),
        ({"add": ["a b.example"]}, "aliases"),
    ):
        assert reason in await operator.refused(PutHosts(account="iot.two.example", **asked))
    assert (await operator.account("iot.two.example")).name == "Two"


# People


@pytest.mark.parametrize("named", ["TWO.example", "number"])
async def test_a_password_is_set_in_the_account_that_was_named(operator: Operator, named: str) -> None:
    two, one = await operator.account(), await operator.account("localhost")
    untouched = await operator.read(lambda unit: unit.people.by_user_name(one.id, "ada"))
    done = await operator.ask(SetPassword(user_name="ada", account=two.number if named == "number" else named))

    kept = await operator.read(lambda unit: unit.people.by_user_name(two.id, "ada"))
    assert Passwords().verify(kept.password_hash, done.password).matches
    assert (kept.credential_epoch, done.obstacle) == (1, None)
    assert await operator.read(lambda unit: unit.people.by_user_name(one.id, "ada")) == untouched
    assert (await operator.trail())[0] == ("person.set-password", "operator")


async def test_a_password_that_was_given_is_not_told_back(operator: Operator) -> None:
    done = await operator.ask(SetPassword(user_name="ada", account=TWO, password="a long way to the sea"))

    assert done.password is None


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"user_name": "ada"}, "more than one account: name one with --account"),
        ({"user_name": "ada", "account": "nowhere"}, "No account answers to 'nowhere'"),
        ({"user_name": "bob", "account": TWO}, "no user 'bob'"),
    ],
)
async def test_whom_is_meant_has_to_be_clear(operator: Operator, asked: dict[str, str], reason: str) -> None:
    assert reason in await operator.refused(SetPassword(**asked))
    assert reason in await operator.refused(MakeLink(**asked))


@pytest.mark.parametrize(("password", "reason"), [("short", "at least 8"), ("eight\0eight", "NUL")])
async def test_a_password_that_can_be_none_is_refused(operator: Operator, password: str, reason: str) -> None:
    assert reason in await operator.refused(SetPassword(user_name="ada", account=TWO, password=password))


async def change_ada(operator: Operator, **change: Any) -> Any:
    two = await operator.account()
    ada = await operator.read(lambda unit: unit.people.by_user_name(two.id, "ada"))
    await operator.write(lambda unit: unit.people.replace(replace(ada, **change)))
    return ada


async def test_a_link_opens_and_the_old_password_works_until_then(operator: Operator) -> None:
    two = await operator.account()
    before = await operator.read(lambda unit: unit.people.by_user_name(two.id, "ada"))
    made = await operator.ask(MakeLink(user_name="ada", account=TWO))

    assert made.link.startswith(f"{PUBLIC_URL}/people/set-password?token=")
    [token] = parse_qs(urlsplit(made.link).query)["token"]
    clock = SystemClock()
    links = Links(clock, Uuid7Source(clock))
    link = await operator.read(lambda unit: links.find(unit, token))
    assert (links.state(link), link.person_id) == (LinkState.FRESH, before.id)
    assert await operator.read(lambda unit: unit.people.by_user_name(two.id, "ada")) == before
    assert (await operator.trail())[0] == ("person.make-link", "operator")
    assert token not in repr(made)


async def test_a_link_is_for_people_whom_a_password_lets_in(operator: Operator) -> None:
    ada = await change_ada(operator, is_enabled=False)
    assert "disabled" in await operator.refused(MakeLink(user_name="ada", account=TWO))
    assert (await operator.ask(SetPassword(user_name="ada", account=TWO))).obstacle == "the user is disabled"
    await change_ada(operator, is_enabled=True)
    two = await operator.account()

    def bind(unit: Any) -> None:
        unit.identity_providers.add(IdentityProvider(id="p1", account_id=two.id, name="Example"))
        unit.identity_providers.bind(two.id, ada.id, ["p1"])

    await operator.write(bind)
    assert "identity provider" in await operator.refused(MakeLink(user_name="ada", account=TWO))
    assert "identity provider" in (await operator.ask(SetPassword(user_name="ada", account=TWO))).obstacle


async def test_what_keeps_somebody_out_is_told_with_the_password(operator: Operator) -> None:
    await operator.ask(PutStatus(account=TWO, status=AccountStatus.SUSPENDED))

    assert (await operator.ask(SetPassword(user_name="ada", account=TWO))).obstacle == "the account is suspended"


@pytest.mark.parametrize("asked", [OpenAccount, SetPassword])
async def test_no_secret_is_in_the_words_for_a_log(operator: Operator, asked: type) -> None:
    more = {"name": "Three", "hosts": ["three.example"]} if asked is OpenAccount else {"account": TWO}
    done = await operator.ask(asked(user_name="ada", **more))

    assert done.password not in repr(done)
    assert "csk_" not in repr(done)
    assert "secret" not in repr(SetPassword(user_name="ada", password="a secret"))


# Access keys


async def test_an_access_key_is_made_listed_and_removed(operator: Operator) -> None:
    made = await operator.ask(MakeAccessKey(user_name="ada", account=TWO, domain="root"))
    assert (made.id[:4], len(made.id), len(made.secret), made.obstacle) == ("AKIA", 20, 40, None)
    assert made.secret not in repr(made)

    listed = await operator.ask(ListAccessKeys(user_name="ada", account=TWO))
    assert [(each.id, each.user_name, each.domain, each.is_active) for each in listed.keys] == [
        (made.id, "ada", "root", True)
    ]
    assert (await operator.ask(ListAccessKeys(user_name="ada", account="localhost"))).keys == []
    kept = await operator.read(lambda unit: unit.access_keys.get(made.id))
    assert made.secret.encode() not in kept.sealed_secret

    assert (await operator.ask(RemoveAccessKey(id=made.id))).id == made.id
    assert (await operator.ask(ListAccessKeys(user_name="ada", account=TWO))).keys == []
    assert (await operator.trail())[:2] == [("access-key.remove", "operator"), ("access-key.create", "operator")]


async def test_what_the_operator_cannot_do_with_access_keys_is_said(operator: Operator) -> None:
    made = await operator.ask(MakeAccessKey(user_name="ada", account=TWO))
    assert "more than one account" in await operator.refused(MakeAccessKey(user_name="ada"))
    assert "no user 'bob'" in await operator.refused(MakeAccessKey(user_name="bob", account=TWO))
    assert "no user 'bob'" in await operator.refused(ListAccessKeys(user_name="bob", account=TWO))
    refusal = await operator.refused(MakeAccessKey(user_name="ada", account=TWO, domain="nowhere"))
    assert "nowhere" in refusal
    await operator.ask(MakeAccessKey(user_name="ada", account=TWO))
    assert "2 access keys" in await operator.refused(MakeAccessKey(user_name="ada", account=TWO))
    for asked in (RemoveAccessKey(id="AKIA\x00"), RemoveAccessKey(id=made.id, account="localhost")):
        assert "no access key" in await operator.refused(asked)


async def test_a_key_that_opens_nothing_yet_says_why(operator: Operator) -> None:
    await operator.ask(PutStatus(account=TWO, status=AccountStatus.SUSPENDED))
    assert "suspended" in (await operator.ask(MakeAccessKey(user_name="ada", account=TWO))).obstacle
    account = await operator.account("localhost")

    def disable(unit: Any) -> None:
        unit.people.replace(replace(unit.people.by_user_name(account.id, "ada"), is_enabled=False))

    await operator.write(disable)
    assert "disabled" in (await operator.ask(MakeAccessKey(user_name="ada", account="localhost"))).obstacle
