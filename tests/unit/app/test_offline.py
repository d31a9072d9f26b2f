"""Commands on accounts and people, while no server runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from cloudstead.app.accounts import create_account
from cloudstead.app.data_folder import DataFolder
from cloudstead.app.errors import CannotStart
from cloudstead.app.offline import list_accounts, set_person_password
from cloudstead.app.settings import load_settings
from cloudstead.core.accounts.model import MqttProfile
from cloudstead.core.credentials.passwords import Passwords
from cloudstead.core.paging import PageRequest
from cloudstead.storage.sql import Database

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path):
    return load_settings({"data": {"folder": str(tmp_path / "data")}}, {}, None)


@pytest.fixture
def opened(settings):
    async def open_both():
        first = await create_account(
            settings, name="One", user_name="ada", email="ada@one.example", hosts=[], mqtt_profile=MqttProfile.STANDARD
        )
        await create_account(
            settings,
            name="Two",
            user_name="ada",
            email="ada@two.example",
            hosts=["two.example"],
            mqtt_profile=MqttProfile.STANDARD,
        )
        return first

    return asyncio.run(open_both())


def read(settings, work):
    async def open_and_read():
        database = await Database.open(f"sqlite:///{settings.data.folder}/state.sqlite", on_events=lambda _: None)
        try:
            return await database.read(work)
        finally:
            await database.close()

    return asyncio.run(open_and_read())


def test_accounts_are_listed_with_their_host_names(settings, opened):
    listed = asyncio.run(list_accounts(settings))
    assert [(each.account.name, list(each.hosts)) for each in listed] == [
        ("One", ["127.0.0.1", "::1", "localhost"]),
        ("Two", ["two.example"]),
    ]


@pytest.mark.parametrize("named", ["TWO.example", "number"])
def test_a_password_is_set_in_the_account_that_was_named(settings, opened, named):
    account = read(settings, lambda unit: unit.accounts.by_host("two.example"))
    named = account.number if named == "number" else named
    done = asyncio.run(set_person_password(settings, user_name="ada", account=named, password=None))
    kept = read(settings, lambda unit: unit.people.by_user_name(account.id, "ada"))
    other = read(settings, lambda unit: unit.people.by_user_name(opened.account.id, "ada"))
    assert Passwords().verify(kept.password_hash, done.password).matches
    assert Passwords().verify(other.password_hash, opened.password).matches
    assert (kept.credential_epoch, done.obstacle) == (1, None)
    (entry,) = read(settings, lambda unit: unit.audit.page(account.id, PageRequest(descending=True, limit=1))).items
    assert (entry.operation, entry.principal, entry.object_id) == ("person.set-password", "operator", "ada")
    assert done.password not in repr(entry)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"user_name": "ada", "account": None, "password": None}, "2 accounts"),
        ({"user_name": "ada", "account": "nowhere", "password": None}, "no account answers to 'nowhere'"),
        ({"user_name": "bob", "account": "two.example", "password": None}, "no user 'bob'"),
        ({"user_name": "ada", "account": "two.example", "password": "short"}, "at least 8"),
        ({"user_name": "ada", "account": "two.example", "password": "eight\0eight"}, "NUL"),
    ],
)
def test_what_the_operator_can_put_right_is_told(settings, opened, asked, reason):
    with pytest.raises(CannotStart, match=reason):
        asyncio.run(set_person_password(settings, **asked))


def test_no_folder_is_made_by_looking(settings, tmp_path):
    with pytest.raises(CannotStart, match="no data folder"):
        asyncio.run(list_accounts(settings))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_done_behind_a_servers_back(settings, opened, tmp_path):
    held = DataFolder.hold(tmp_path / "data")
    try:
        with pytest.raises(CannotStart):
            asyncio.run(set_person_password(settings, user_name="ada", account="two.example", password=None))
    finally:
        held.release()
