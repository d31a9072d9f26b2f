"""How far the followers of the log are behind: in records, and in seconds."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from cloudstead.app.follower_measures import Follower, follower_metrics, waiting_seconds
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.records import encode_request
from cloudstead.core.spine.requests import Origin, ShadowRequest
from cloudstead.core.things.directory import ThingEntry
from cloudstead.core.things.model import Thing
from cloudstead.log import MemoryLog

NOW_MS = 1_000_000


def record(received_ms: int) -> bytes:
    thing = Thing(
        uid="1" * 32,
        account_id="2" * 32,
        name="lamp",
        thing_type="t",
        domain_id="root",
        label="Lamp",
        description=None,
        created_at_ms=0,
        created_by="",
    )
    request = ShadowRequest(
        ThingEntry(thing, ("root",)), Verb.UPDATE, b"{}", principal="thing:lamp", origin=Origin.DEVICE
    )
    request.received_ms = received_ms
    request.thing_type, request.domain_id = "t", "root"
    return encode_request(request)


@pytest.fixture
def log():
    """Three records, received ten, five and two seconds ago."""
    kept = MemoryLog()
    for seconds in (10, 5, 2):
        kept.append([record(NOW_MS - seconds * 1000)])
    return kept


def measured(log, *followers):
    """What is served, by name and follower."""

    class Measures(Collector):
        def collect(self):
            return follower_metrics(
                followers,
                committed=log.next_offset - 1,
                waiting_s=lambda offset: waiting_seconds(log, offset, NOW_MS),
            )

    registry = CollectorRegistry()
    registry.register(Measures())
    return lambda name, who: registry.get_sample_value(f"cloudstead_follower_{name}", {"follower": who})


def test_a_follower_lags_by_what_it_has_not_seen_and_by_the_age_of_the_oldest_of_it(log):
    of = measured(log, Follower("rules", 1, 7), Follower("index", 0, 0))

    assert [of(name, "rules") for name in ("offset", "lag_records", "lag_seconds", "hits_total")] == [1, 2, 5.0, 7]
    assert (of("lag_records", "index"), of("lag_seconds", "index")) == (3, 10.0)


def test_who_has_seen_everything_lags_by_nothing_however_old_it_is(log):
    of = measured(log, Follower("rules", 3, 0), Follower("ahead", 4, 0))

    for who in ("rules", "ahead"):
        assert (of("lag_records", who), of("lag_seconds", who)) == (0, 0.0)


def test_what_retention_has_taken_waits_for_nobody(log):
    log.truncate_before(3, keep_from=3)

    assert waiting_seconds(log, 1, NOW_MS) == 2.0
    assert waiting_seconds(log, 9, NOW_MS) == 0.0


def test_a_clock_that_was_set_back_makes_no_negative_lag(log):
    assert waiting_seconds(log, 1, 0) == 0.0
