"""Clouds: made, found, changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from cloudstead.core.clouds.switches import set_suspended, tell_enabled
from cloudstead.dialects.device_clouds.paging import find_query
from cloudstead.dialects.device_clouds.shapes.clouds import (
    CloudAnswer,
    CloudIdBody,
    CloudIdWithAccount,
    CloudPageAnswer,
    CreateCloud,
    FindCloud,
    FindHosts,
    HostAnswer,
    HostPage,
    InitCloud,
    UpdateCloud,
    cloud_answer,
    cloud_id,
    launch_answer,
    template,
)
from cloudstead.dialects.device_clouds.shapes.words import account_of, given, shown

if TYPE_CHECKING:
    from cloudstead.core.clouds.actor import Actor
    from cloudstead.core.clouds.listing import CloudPage
    from cloudstead.core.clouds.model import Cloud
    from cloudstead.core.unit import Unit
    from cloudstead.dialects.device_clouds.ports import Backend
    from cloudstead.web.call import Call


class CloudHandlers:
    """What the rows of clouds run."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._clouds = backend.clouds
        self._finder = backend.finder
        self._provisioning = backend.provisioning
        self._log = backend.log

    async def create(self, call: Call[Actor], body: CreateCloud) -> CloudAnswer:
        """Create a cloud record ahead of running its stack."""
        change = body.as_change()
        made = await self._database.write(lambda unit: self._clouds.create(unit, call.caller, change))
        launch = UNSET if made.launch is None else launch_answer(made.launch)
        return cloud_answer(made.cloud, launch=launch)

    async def find(self, call: Call[Actor], body: FindCloud) -> CloudPageAnswer:
        """List clouds of the account."""
        asked = given(body.id)
        sent, query = find_query(call, None if asked is None else cloud_id(asked))
        actor = call.caller
        shows_hidden = sent.hidden and actor.is_admin

        def read(unit: Unit) -> tuple[CloudPage, dict[str, str | None]]:
            page = self._finder.find(unit, actor.account_id, query, only=actor.only_cloud)
            externals = {each.id: self._clouds.external(unit, each) for each in page.items} if shows_hidden else {}
            return page, {str(name): value for name, value in externals.items()}

        page, externals = await self._database.read(read)
        if sent.log:
            self._log.info(
                "cloud_find",
                request_id=call.request_id,
                principal=actor.principal,
                index=sent.index,
                where=sent.where,
                found=len(page.items),
            )
        return CloudPageAnswer(
            data=[
                cloud_answer(each, is_hidden_shown=shows_hidden, external=externals.get(each.id)) for each in page.items
            ],
            next=shown(page.next),
            prev=shown(page.prev),
        )

    async def get(self, call: Call[Actor], body: CloudIdBody) -> CloudAnswer:
        """Read one cloud."""
        wanted = cloud_id(body.id)
        return cloud_answer(await self._database.read(lambda unit: self._clouds.get(unit, call.caller, wanted)))

    async def init(self, call: Call[Actor], body: InitCloud) -> dict[str, Any]:
        """Blank cloud record with defaults, not saved."""
        return template(self._clouds.template(call.caller.account_id, body.as_change()))

    async def update(self, call: Call[Actor], body: UpdateCloud) -> CloudAnswer:
        """Change a cloud."""
        wanted, change = cloud_id(body.id), body.as_change()
        actor = call.caller

        def write(unit: Unit) -> Cloud:
            before = self._clouds.get(unit, actor, wanted)
            after, has_to_be_made_anew = self._clouds.update(unit, actor, wanted, change)
            tell_enabled(unit, before, after)
            if has_to_be_made_anew:
                after = self._provisioning.begin(unit, actor.caller, after)
            return after

        return cloud_answer(await self._database.write(write))

    async def hosts(self, call: Call[Actor], body: FindHosts) -> HostPage:
        """List host clouds that can carry a hosted cloud."""
        del call
        found = await self._database.read(
            lambda unit: self._clouds.hosts(unit, is_open=given(body.open), region=given(body.region))
        )
        return HostPage(data=[HostAnswer(name=each.name, region=shown(each.region)) for each in found])

    async def suspend(self, call: Call[Actor], body: CloudIdWithAccount) -> CloudAnswer:
        """Suspend a cloud of any account (operator only)."""
        return await self._switch(call, body, to=True)

    async def resume(self, call: Call[Actor], body: CloudIdWithAccount) -> CloudAnswer:
        """Let a suspended cloud go on (operator only)."""
        return await self._switch(call, body, to=False)

    async def _switch(self, call: Call[Actor], body: CloudIdWithAccount, *, to: bool) -> CloudAnswer:
        account_id, wanted = account_of(body.account_id), cloud_id(body.id)
        cloud = await self._database.write(
            lambda unit: set_suspended(unit, call.caller, self._clouds, account_id, wanted, to=to)
        )
        return cloud_answer(cloud)
