"""Accounts take turns at searching."""

from __future__ import annotations

import asyncio

import pytest

from cloudstead.core.observations.errors import IndexUnavailable, TooManySearches
from cloudstead.storage.observations.turns import Turns


class Searches:
    """Searches that last until they are told to end, and the order in which they began."""

    def __init__(self, at_once=3, *, per_account=2, waiting=4):
        self.turns = Turns(at_once, per_account=per_account, waiting_per_account=waiting)
        self.began = []
        self._ends = {}

    def ask(self, name):
        """Ask for a search; the first letter of its name is the account."""

        async def search():
            self.began.append(name)
            self._ends[name] = asyncio.get_running_loop().create_future()
            return await self._ends[name]

        return asyncio.ensure_future(self.turns.run(name[0], search))

    async def ask_all(self, *names):
        tasks = [self.ask(name) for name in names]
        await rest()
        return tasks

    async def end(self, name, error=None):
        if error is None:
            self._ends[name].set_result(name)
        else:
            self._ends[name].set_exception(error)
        await rest()


async def rest():
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def searches():
    return Searches()


async def test_one_account_never_takes_the_last_turn(searches):
    await searches.ask_all("a1", "a2", "a3", "a4")
    assert searches.began == ["a1", "a2"]
    await searches.ask_all("b1")
    assert searches.began == ["a1", "a2", "b1"]


async def test_a_turn_that_is_free_goes_to_the_account_that_has_fewest(searches):
    await searches.ask_all("a1", "a2", "b1", "a3", "b2", "c1")
    await searches.end("b1")
    assert searches.began == ["a1", "a2", "b1", "c1"]
    await searches.end("a1")
    assert searches.began[4:] == ["b2"]
    await searches.end("a2")
    assert searches.began[5:] == ["a3"]


async def test_accounts_that_wait_go_in_turn_however_many_searches_each_has():
    searches = Searches(1, per_account=1)
    await searches.ask_all("a1", "a2", "a3", "b1", "b2", "c1")
    for name in ("a1", "b1", "c1", "a2", "b2"):
        assert searches.began[-1] == name
        await searches.end(name)
    assert searches.began[-1] == "a3"


async def test_an_account_with_too_many_waiting_searches_is_told_so_and_nobody_else(searches):
    tasks = await searches.ask_all("a1", "a2", *(f"a{number}" for number in range(3, 7)), "a7", "b1")
    with pytest.raises(TooManySearches, match="4 searches of this account wait already"):
        await tasks[6]
    assert (searches.turns.refused, searches.turns.waiting) == (1, 4)
    assert searches.began[-1] == "b1"


async def test_a_search_that_is_given_up_while_it_waits_leaves_no_trace(searches):
    tasks = await searches.ask_all("a1", "a2", "a3", "a4")
    tasks[2].cancel()
    await rest()
    await searches.end("a1")
    assert searches.began == ["a1", "a2", "a4"]
    assert searches.turns.waiting == 0


async def test_a_search_that_is_given_up_at_work_keeps_its_turn_until_it_is_over(searches):
    tasks = await searches.ask_all("a1", "a2", "a3")
    tasks[0].cancel()
    await rest()
    assert tasks[0].cancelled()
    assert searches.began == ["a1", "a2"]
    await searches.end("a1")
    assert searches.began == ["a1", "a2", "a3"]


async def test_a_turn_that_is_handed_to_somebody_who_gives_up_at_that_moment_goes_on(searches):
    tasks = await searches.ask_all("a1", "a2", "a3", "a4")
    searches._ends["a1"].set_result(None)
    tasks[2].cancel()
    await rest()
    assert searches.began == ["a1", "a2", "a4"]


async def test_a_search_that_fails_gives_its_turn_back(searches):
    tasks = await searches.ask_all("a1", "a2", "a3")
    await searches.end("a1", IndexUnavailable("searching"))
    with pytest.raises(IndexUnavailable):
        await tasks[0]
    assert searches.began == ["a1", "a2", "a3"]
