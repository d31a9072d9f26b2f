"""The threads behind the sessions: who goes first."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

from cloudstead.storage.observations.engine import step_back


def niceness():
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_a_thread_that_steps_back_lets_others_go_first_and_takes_none_along():
    before = niceness()
    with ThreadPoolExecutor(1, initializer=step_back) as pool:
        assert pool.submit(niceness).result() > before
    assert niceness() == before


async def test_what_writes_to_the_index_has_stepped_back(embedded):
    assert await embedded._writer.run(lambda _: niceness()) > niceness()
    assert await embedded._readers.run(lambda _: niceness()) == niceness()
