"""Accounts hear by mail what happened to them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from cloudstead.app.account_news import AccountNews
from cloudstead.core.accounts.enrolling import put_status
from cloudstead.core.accounts.errors import AccountLimitExceeded
from cloudstead.core.accounts.limits import PEOPLE, require_room
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.notifications.tidings import Tidings
from cloudstead.core.paging import PageRequest
from factories.people import PostBox
from factories.tenants import tenant

__all__ = ["tenant"]


@pytest.fixture
async def told(tenant):
    """Return what the account was told so far: subjects and receivers."""
    post, tasks = PostBox(), []
    news = AccountNews(
        tenant.database, Tidings(tenant.clock, tenant.ids, post), lambda work: tasks.append(asyncio.ensure_future(work))
    )
    news.listen(tenant.bus)

    def set_profile(unit):
        profile = unit.accounts.profile(tenant.account.id)
        unit.accounts.put_profile(replace(profile, email="owner@cloud.example", limits={PEOPLE: "5"}))

    await tenant.database.write(set_profile)

    async def told():
        while tasks:
            await tasks.pop()
        page = await tenant.database.read(lambda unit: unit.notifications.page(tenant.account.id, PageRequest()))
        assert [each.receiver for each in page.items] == [each.to for each in post.letters]
        return [(each.subject, each.receiver) for each in page.items]

    return told


async def test_an_account_is_told_of_another_status(tenant, told):
    await tenant.database.write(lambda unit: put_status(unit, tenant.account, AccountStatus.RESTRICTED))
    assert await told() == [("Account status changed", "owner@cloud.example")]


async def test_an_account_that_was_written_to_about_its_status_is_not_told_again(tenant, told):
    await tenant.database.write(lambda unit: put_status(unit, tenant.account, AccountStatus.SUSPENDED, is_told=True))
    assert await told() == []


async def test_an_account_is_told_when_it_takes_the_last_of_what_it_may_have(tenant, told):
    def take(used):
        return tenant.database.write(lambda unit: require_room(unit, tenant.account.id, PEOPLE, used=used))

    await take(3)
    assert await told() == []
    await take(4)
    with pytest.raises(AccountLimitExceeded):
        await take(5)
    assert await told() == [("Limit reached", "owner@cloud.example")]
