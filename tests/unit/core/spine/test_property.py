"""Any run of updates, gets and deletes, however often it crashes, ends where a run without crashes ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.core.observations.errors import IndexUnavailable
from cloudstead.core.shadows.changes import Verb
from factories.spine import World
from factories.tenants import open_tenant

NAMES = ("one", "two", "three")
VALUES = st.dictionaries(
    st.sampled_from("ab"), st.one_of(st.none(), st.integers(0, 2), st.dictionaries(st.just("c"), st.integers(0, 2)))
)
UPDATES = st.builds(
    lambda section, value, version: msgspec.json.encode(
        {"state": {section: value}} | ({"version": version} if version is not None else {})
    ),
    st.sampled_from(["desired", "reported"]),
    st.one_of(st.none(), VALUES),
    st.one_of(st.none(), st.none(), st.integers(1, 3)),
)
REQUESTS = st.one_of(
    st.tuples(st.just(Verb.UPDATE), UPDATES),
    st.tuples(st.just(Verb.UPDATE), UPDATES),
    st.tuples(st.just(Verb.UPDATE), st.just(b"no JSON")),
    st.tuples(st.just(Verb.GET), st.sampled_from([b"", b'{"clientToken":5}'])),
    st.tuples(st.just(Verb.DELETE), st.sampled_from([b"", b'{"clientToken":5}'])),
)
STEPS = st.one_of(
    st.tuples(st.sampled_from(NAMES), REQUESTS),
    st.tuples(st.sampled_from(NAMES), REQUESTS),
    st.sampled_from(
        ["commit", "commit", "settle", "settle things", "index fails", "state fails", "crash stored", "crash applied"]
    ),
)
FAILURE = OSError(5, "Input/output error")


class Run:
    """One run through its own stores; every run has its own things, so that stores may be shared."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.life = None

    async def begin(self, number: int) -> None:
        self.prefix = f"r{number}-"
        self.world.index.observations.clear()
        self.world.index.changes.clear()
        self.first = self.world.log.next_offset
        for name in NAMES:
            await self.world.tenant.add_thing(self.prefix + name)
        self.life = self.life or await self.world.live()

    async def submit(self, name, verb, payload) -> None:
        await self.life.submit(self.prefix + name, verb, payload)

    async def take(self, step: str) -> None:
        life, index = self.life, self.world.index
        if step == "commit":
            await life.commit()
        elif step == "settle":
            await life.spine.settle()
        elif step == "settle things":
            await life.spine.settle_things()
        elif step == "index fails":
            await self._fail_index()
        elif step == "state fails":
            await self._fail_state()
        else:
            if step == "crash stored":
                life.writer.store()
            else:
                await life.commit()
            await life.crash()
            self.life = await self.world.live()
        assert index.is_down is False

    async def _fail_index(self) -> None:
        await self.life.commit()
        self.world.index.breaks_after = 1
        with suppress(IndexUnavailable):
            await self.life.spine.settle()
        self.world.index.breaks_after = None

    async def _fail_state(self) -> None:
        await self.life.commit()
        self.life.database.write_failure = FAILURE
        with suppress(OSError):
            await self.life.spine.settle()
        self.life.database.write_failure = None

    async def end(self):
        """Return all that can be seen, with what differs between the stores taken out."""
        life, index = self.life, self.world.index
        await life.commit()
        await life.spine.settle_things()
        shadows = [await life.shadow(self.prefix + name) for name in NAMES]
        account = self.world.tenant.account.id
        return (
            [(each.version, each.offset - self.first, each.desired, each.reported) for each in shadows if each.offset],
            [(each.updated_at_s, each.desired_metadata, each.reported_metadata) for each in shadows],
            [
                (offset - self.first, seen.thing_name, seen.domain, seen.timestamp_ms, seen.state_json)
                for offset, seen in sorted(index.observations.items())
            ],
            [
                (offset - self.first, each.thing_name, each.verb, each.version, each.author, each.outcome)
                for offset, each in sorted(index.changes.items())
            ],
            [
                document.state_json
                for name in NAMES
                if (document := index.things.get((account, self.prefix + name))) is not None
            ],
        )


async def open_run(folder) -> Run:
    folder.mkdir()
    return Run(World(await open_tenant(folder)))


@pytest.mark.filterwarnings("error")
def test_crashes_change_nothing_that_can_be_seen(tmp_path):
    with asyncio.Runner() as runner:
        straight = runner.run(open_run(tmp_path / "straight"))
        crashing = runner.run(open_run(tmp_path / "crashing"))
        count = 0

        async def compare(steps):
            nonlocal count
            count += 1
            for run in (straight, crashing):
                await run.begin(count)
            for step in steps:
                if isinstance(step, str):
                    await crashing.take(step)
                else:
                    name, (verb, payload) = step
                    await straight.submit(name, verb, payload)
                    await straight.life.commit()
                    await crashing.submit(name, verb, payload)
            assert await crashing.end() == await straight.end()

        @settings(max_examples=60)
        @given(st.lists(STEPS, min_size=10, max_size=30))
        def every_run(steps):
            runner.run(compare(steps))

        try:
            every_run()
        finally:
            for run in (straight, crashing):
                for life in run.world.lives:
                    runner.run(life.crash())
                runner.run(run.world.tenant.database.close())
