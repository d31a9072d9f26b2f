"""People together with their standing, second factors, sessions, invitations and notifications, on both engines."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from cloudstead.core.caller import Grant
from cloudstead.core.invitations.model import Invitation
from cloudstead.core.notifications.model import Notification
from cloudstead.core.paging import PageRequest
from cloudstead.core.people.links import Link, LinkState, Purpose
from cloudstead.core.people.model import Membership, Stage
from cloudstead.core.people.second_factor import SecondFactor
from cloudstead.core.people.sessions import LoginAttempt, LoginSession
from cloudstead.core.people.standing import Resident, ResidentFilter, Standing, Status
from factories.rows import api_key, membership, person, refresh_token

KINDS = {
    "p1": ({}, Stage.OPEN, Status.ACTIVE),
    "p2": ({"is_enabled": False}, Stage.OPEN, Status.INACTIVE),
    "p3": ({"is_confirmed": False}, Stage.INVITED, Status.INVITED),
    "p4": ({"is_confirmed": False}, Stage.OPEN, Status.ENROLLING),
    "p5": ({"must_set_password": True}, Stage.OPEN, Status.RESET),
    "p6": ({}, Stage.SHUT, Status.INACTIVE),
    "p7": ({}, Stage.ENROLLING, Status.ENROLLING),
}
ALL = ResidentFilter()


@pytest.fixture
async def people(database, tenants):
    def add(unit):
        for person_id, (switches, stage, _) in KINDS.items():
            unit.people.add(person(person_id, email=f"{person_id.upper()}@cloud.example", **switches))
            unit.people.put_membership(replace(membership(person_id, Grant("root", "Read")), stage=stage))
        unit.people.add(person("q1", account_id="a2", email="P1@cloud.example"))
        unit.people.put_membership(membership("q1", account_id="a2"))
        unit.people.put_membership(Membership("a1", "q1", ()))

    await database.write(add)


@pytest.fixture
def ids(database, people):
    async def ids(wanted=ALL, **request):
        page = await database.read(lambda unit: unit.members.page("a1", PageRequest(**request), wanted))
        return [each.person.id for each in page.items], page.after, page.total

    return ids


async def test_members_are_paged_in_both_directions_guests_included(ids):
    assert await ids() == ([*KINDS, "q1"], None, 8)
    assert await ids(limit=3) == (["p1", "p2", "p3"], "p3", 8)
    assert await ids(limit=3, after="p6") == (["p7", "q1"], None, 8)
    assert await ids(limit=3, after="p3", descending=True) == (["p2", "p1"], None, 8)


async def test_the_engine_and_the_model_agree_about_every_status(database, ids):
    for status in Status:
        found, _, total = await ids(ResidentFilter(statuses=[status]))
        expected = [person_id for person_id, kind in KINDS.items() if kind[2] is status]
        assert found == expected + (["q1"] if status is Status.ACTIVE else [])
        assert total == len(found)
    for person_id, kind in KINDS.items():
        assert (await database.read(lambda unit, each=person_id: unit.members.get("a1", each))).status is kind[2]


async def test_filters_are_joined_and_an_address_is_found_whatever_its_case(ids):
    assert (await ids(ResidentFilter(email="p1@CLOUD.example")))[0] == ["p1", "q1"]
    both = ResidentFilter(email="p2@cloud.example", statuses=[Status.INACTIVE, Status.ACTIVE])
    assert await ids(both) == (["p2"], None, 1)
    assert await ids(replace(both, statuses=[Status.ACTIVE])) == ([], None, 0)


async def test_people_are_found_by_the_provider_they_come_by(database, ids):
    def bind(unit):
        for person_id, providers in (("p1", ["saml"]), ("p2", ["saml", "a1"]), ("p3", ["other"])):
            unit.identity_providers.bind("a1", person_id, providers)
        unit.identity_providers.bind("a2", "q1", ["saml"])

    await database.write(bind)
    assert (await ids(ResidentFilter(provider_id="saml")))[0] == ["p1", "p2"]
    assert (await ids(ResidentFilter(provider_id="a1")))[0] == ["p2", "p4", "p5", "p6", "p7", "q1"]
    assert await ids(ResidentFilter(provider_id="nothing")) == ([], None, 0)
    assert await ids(ResidentFilter(provider_id="a1", statuses=[Status.RESET])) == (["p5"], None, 1)


async def test_a_standing_is_read_as_it_was_written_and_grants_leave_it_alone(database, people):
    standing = Standing(
        account_id="a1",
        person_id="p3",
        stage=Stage.SHUT,
        created_at_ms=5,
        version=7,
        updated_at_ms=6,
        custom_fields={"a": "b"},
    )

    def write(unit):
        unit.members.put(standing)
        unit.people.put_membership(membership("p3", Grant("root", "ReadWrite")))
        return unit.members.get("a1", "p3")

    assert await database.write(write) == Resident(person("p3", email="P3@cloud.example", is_confirmed=False), standing)
    assert (await database.read(lambda unit: unit.people.membership("a1", "p3"))).stage is Stage.SHUT


async def test_touching_raises_versions_of_one_account_only(database, people):
    await database.write(lambda unit: unit.members.touch("a1", ["p1", "q1"], 99))

    def versions(unit):
        found = [unit.members.get(*key).standing for key in (("a1", "p1"), ("a1", "q1"), ("a1", "p2"), ("a2", "q1"))]
        return [(each.version, each.updated_at_ms) for each in found]

    assert await database.read(versions) == [(2, 99), (2, 99), (1, 0), (1, 0)]


async def test_removing_a_membership_leaves_the_others_of_the_person(database, people):
    def write(unit):
        unit.api_keys.add(api_key("k1", owner_id="q1"))
        unit.api_keys.add(api_key("k2", account_id="a2", owner_id="q1"))
        unit.refresh_tokens.add(refresh_token(b"h1", person_id="q1"))
        unit.sessions.add(replace(SESSION, person_id="q1"))
        unit.invitations.add(replace(INVITATION, person_id="q1"))
        unit.members.remove("a1", "q1")
        kept = (unit.api_keys.get("k1"), unit.refresh_tokens.get(b"h1"), unit.sessions.get("s1"))
        return kept, unit.invitations.get("i1"), unit.api_keys.get("k2"), unit.members.accounts_of("q1")

    kept, invitation, other_key, accounts = await database.write(write)
    assert kept == (None, None, None)
    assert invitation is None
    assert other_key is not None
    assert accounts == ["a2"]


async def test_who_belongs_elsewhere_too_is_known_in_one_question(database, people):
    found = await database.read(lambda unit: unit.members.also_elsewhere("a1", ["p1", "q1", "nobody"]))
    assert list(found) == ["q1"]


async def test_people_are_found_across_accounts_by_address_and_name(database, people):
    def read(unit):
        members = unit.members
        found = [members.with_email(account_id, "p1@cloud.EXAMPLE") for account_id in ("a1", "a2", "a3")]
        proven = [each.id for each in members.proven("p1@cloud.EXAMPLE", limit=2)]
        ids = [None if each is None else each.id for each in found]
        return ids, proven, members.any_called("q1-name"), members.any_called("q2-name")

    assert await database.read(read) == (["p1", "q1", None], [], True, False)
    await database.write(lambda unit: unit.people.replace(replace(unit.people.get("q1"), is_email_verified=True)))
    assert (await database.read(read))[1] == ["q1"]


async def test_tenants_with_somebody_of_a_name_are_found_below_their_parent(database, people):
    def read(unit):
        return [unit.members.tenants_with(parent, "p1-name", limit=2) for parent in ("a1", "a2")]

    def write(unit):
        unit.accounts.replace(replace(unit.accounts.get("a1"), parent_id="a2"))

    assert await database.read(read) == [[], []]
    await database.write(write)
    assert await database.read(read) == [[], ["a1"]]


async def test_a_guest_is_found_by_name_behind_those_at_home(database, people):
    assert (await database.read(lambda unit: unit.people.by_user_name("a1", "q1-name"))).id == "q1"
    await database.write(lambda unit: unit.people.add(person("z1", user_name="q1-name")))
    assert (await database.read(lambda unit: unit.people.by_user_name("a1", "q1-name"))).id == "z1"
    assert await database.read(lambda unit: unit.people.by_user_name("a2", "p1-name")) is None


FACTOR = SecondFactor("p1", b"sealed", is_on=True, last_step=10)


async def test_a_step_of_a_code_is_used_once_however_many_try(database, people):
    await database.write(lambda unit: unit.second_factors.put(FACTOR))
    won = await asyncio.gather(*(database.write(lambda unit: unit.second_factors.use_step("p1", 11)) for _ in range(6)))
    assert sorted(won) == [False] * 5 + [True]
    assert not await database.write(lambda unit: unit.second_factors.use_step("p1", 10))
    assert (await database.read(lambda unit: unit.second_factors.get("p1"))) == replace(FACTOR, last_step=11)


async def test_a_scratch_code_is_used_once_and_goes_with_the_factor(database, people):
    def write(unit):
        unit.second_factors.put(FACTOR)
        unit.second_factors.put(SecondFactor("p2", b"other"))
        unit.second_factors.put_scratch_codes("p1", [b"old"])
        unit.second_factors.put_scratch_codes("p1", [b"one", b"two"])
        return unit.second_factors.of_people(["p1", "p2", "p3"])

    assert list(await database.write(write)) == ["p1"]
    won = await asyncio.gather(
        *(database.write(lambda unit: unit.second_factors.use_scratch_code("p1", b"one")) for _ in range(4))
    )
    assert sorted(won) == [False, False, False, True]
    assert not await database.write(lambda unit: unit.second_factors.use_scratch_code("p1", b"old"))
    await database.write(lambda unit: unit.second_factors.remove("p1"))
    assert not await database.write(lambda unit: unit.second_factors.use_scratch_code("p1", b"two"))
    assert await database.read(lambda unit: unit.second_factors.get("p1")) is None


SESSION = LoginSession(
    id="s1",
    account_id="a1",
    person_id="p1",
    secret_hash=bytes(32),
    credential_epoch=2,
    created_at_ms=1,
    used_at_ms=1,
    address="192.0.2.1",
    user_agent="curl",
)


async def test_sessions_are_listed_noted_and_ended(database, people):
    def write(unit):
        unit.sessions.add(SESSION)
        unit.sessions.add(replace(SESSION, id="s2", used_at_ms=50))
        unit.sessions.add(replace(SESSION, id="s3", person_id="p2"))
        unit.sessions.note_use("s1", 40)
        return unit.sessions.of_person("a1", "p1")

    assert [each.id for each in await database.write(write)] == ["s2", "s1"]
    assert await database.read(lambda unit: unit.sessions.get("s1")) == replace(SESSION, used_at_ms=40)
    assert not await database.write(lambda unit: unit.sessions.remove("a1", "p2", "s1"))
    assert await database.write(lambda unit: unit.sessions.remove("a1", "p1", "s2"))
    assert await database.write(lambda unit: unit.sessions.drop_unused(30)) == 1
    assert await database.write(lambda unit: unit.sessions.drop_of("p1")) == 1


async def test_sessions_of_one_account_that_are_idle_are_ended_and_those_of_no_other(database, people):
    def write(unit):
        unit.people.put_membership(membership("p1", account_id="a2"))
        unit.sessions.add(SESSION)
        unit.sessions.add(replace(SESSION, id="s2", used_at_ms=50))
        unit.sessions.add(replace(SESSION, id="s3", account_id="a2"))
        return unit.sessions.drop_idle("a1", 50)

    assert await database.write(write) == 1
    found = await database.read(lambda unit: [unit.sessions.get(each) is not None for each in ("s1", "s2", "s3")])
    assert found == [False, True, True]


async def test_the_last_attempts_of_each_person_are_kept(database, people):
    def attempt(number, person_id="p1"):
        return LoginAttempt(id=f"t{number}", account_id="a1", person_id=person_id, at_ms=number, is_success=number > 2)

    def write(unit):
        for number in range(1, 5):
            unit.sessions.add_attempt(attempt(number), kept=3)
        unit.sessions.add_attempt(attempt(1, "p2"), kept=3)
        return unit.sessions.attempts("a1", ["p1", "p2", "p3"])

    assert await database.write(write) == {"p1": [attempt(4), attempt(3), attempt(2)], "p2": [attempt(1, "p2")]}


INVITATION = Invitation(
    id="i1",
    account_id="a1",
    person_id="p3",
    email="p3@cloud.example",
    groups=("g1", "g2"),
    secret_hash=bytes(32),
    created_at_ms=1,
    expires_at_ms=100,
)


async def test_invitations_are_listed_while_they_are_open(database, people):
    def write(unit):
        unit.invitations.add(INVITATION)
        unit.invitations.add(replace(INVITATION, id="i2", expires_at_ms=50))
        unit.invitations.add(replace(INVITATION, id="i3", person_id="p4"))
        unit.invitations.add(replace(INVITATION, id="i4", account_id="a2", person_id="q1"))
        first = unit.invitations.page("a1", PageRequest(limit=1), now_ms=50)
        unit.identity_providers.bind("a1", "p4", ["saml"])
        some = unit.invitations.page("a1", PageRequest(), now_ms=50, provider_id="saml")
        none = unit.invitations.page("a1", PageRequest(), now_ms=50, provider_id="other")
        return first, [each.id for each in some.items], none.total

    first, some, none = await database.write(write)
    assert (first.items, first.after, first.total) == ((INVITATION,), "i1", 2)
    assert (some, none) == (["i3"], 0)


async def test_an_invitation_is_taken_once(database, people):
    await database.write(lambda unit: unit.invitations.add(INVITATION))
    won = await asyncio.gather(*(database.write(lambda unit: unit.invitations.remove("i1")) for _ in range(5)))
    assert sorted(won) == [False] * 4 + [True]
    await database.write(lambda unit: unit.invitations.add(INVITATION))
    assert await database.write(lambda unit: unit.invitations.remove_of("a1", "p3")) == 1
    await database.write(lambda unit: unit.invitations.add(INVITATION))

    async def expired(now_ms, limit=9):
        return [each.id for each in await database.read(lambda unit: unit.invitations.expired(now_ms, limit=limit))]

    assert (await expired(99), await expired(100), await expired(100, limit=0)) == ([], ["i1"], [])


async def test_people_are_waited_for_who_signed_up_and_were_neither_confirmed_nor_given_anything(database, tenants):
    waiting = ("plain", "stale", "young", "sure", "demo", "placed", "linked", "called", "torn")

    def write(unit):
        for name in waiting:
            switches = {"is_confirmed": name == "sure", "is_demo": name == "demo"}
            unit.people.add(person(name, created_at_ms=50 if name == "young" else 10, **switches))
            grants = (Grant("root", "Read"),) if name == "placed" else ()
            stage = Stage.INVITED if name == "called" else Stage.OPEN
            unit.people.put_membership(Membership("a1", name, grants, stage))
        unit.people.put_membership(Membership("a2", "torn", ()))
        for name, expires_at_ms in (("linked", 101), ("stale", 100)):
            unit.links.add(
                Link(
                    id=f"l-{name}",
                    account_id="a1",
                    person_id=name,
                    purpose=Purpose.CONFIRM,
                    secret_hash=bytes(32),
                    email="",
                    state=LinkState.FRESH,
                    created_at_ms=1,
                    expires_at_ms=expires_at_ms,
                )
            )

    await database.write(write)

    async def found(before_ms, limit=99):
        waited_for = await database.read(lambda unit: unit.people.never_confirmed(before_ms, now_ms=100, limit=limit))
        return [each.id for each in waited_for]

    assert await found(10) == []
    assert await found(11) == ["plain", "stale"]
    assert await found(11, limit=1) == ["plain"]
    assert await found(51) == ["plain", "stale", "young"]


async def test_notifications_tell_what_became_of_them(database, tenants):
    entry = Notification(
        id="a1", account_id="a1", created_at_ms=1, receiver="a@b.example", subject="Hello", message="All is well."
    )

    def write(unit):
        unit.notifications.add(entry)
        unit.notifications.add(replace(entry, id="a2"))
        unit.notifications.add(replace(entry, id="a3", account_id="a2"))
        unit.notifications.note("a2", is_sent=False, fault="Refused.")
        return unit.notifications.page("a1", PageRequest(descending=True))

    page = await database.write(write)
    assert page.items == (replace(entry, id="a2", fault="Refused.", version=2), entry)
    assert page.total == 2
