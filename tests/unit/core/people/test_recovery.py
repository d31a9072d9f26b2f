"""Signing up where nobody may."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from cloudstead.core.people.errors import SignUpClosed
from cloudstead.core.people.profile import ProfileChange
from cloudstead.core.people.recovery import Recovery
from factories.people import people_rooms
from factories.tenants import tenant

__all__ = ["tenant"]


async def test_nobody_signs_up_where_that_is_closed(tenant):
    with ThreadPoolExecutor(max_workers=1) as executor:
        rooms = people_rooms(tenant, executor)
        closed = Recovery(
            tenant.database,
            rooms.hasher,
            links=rooms.links,
            mails=rooms.mails,
            clock=tenant.clock,
            ids=tenant.ids,
            spawn=lambda work: None,
            is_sign_up_open=False,
        )
        with pytest.raises(SignUpClosed):
            await closed.sign_up(
                tenant.account, user_name="eve", password="by the sea", profile=ProfileChange(email="eve@cloud.example")
            )
    assert await tenant.database.read(lambda unit: unit.people.by_user_name(tenant.account.id, "eve")) is None
