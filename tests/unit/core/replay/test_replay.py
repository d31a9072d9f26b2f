from __future__ import annotations

import json

import pytest

from cloudstead.core.archive.errors import ObjectUnreadable
from cloudstead.core.archive.model import ArchivedObject
from cloudstead.core.domains.model import Domain, DomainTree
from cloudstead.core.replay.judging import Judge, Place
from cloudstead.core.replay.rebuild import Shadows, index_batch
from cloudstead.core.replay.sources import Span, SpanNotThere, from_archive, from_log
from cloudstead.core.rules.book import AccountRules
from cloudstead.core.rules.model import Expression, Filter, Operator, Rule, Threshold
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.records import ShadowRecord, encode_request
from cloudstead.core.spine.requests import Origin, ShadowRequest
from cloudstead.core.things.directory import ThingEntry
from cloudstead.core.things.model import Thing
from cloudstead.log import MemoryLog
from factories.objects import MemoryObjects

A, B = "a" * 32, "b" * 32


def record(n: int = 1, *, account_id: str = A, at_ms: int = 1_000, verb: Verb = Verb.UPDATE, **body) -> ShadowRecord:
    payload = b"" if verb is Verb.DELETE else json.dumps({"state": {"reported": {"n": n}}, **body}).encode()
    return ShadowRecord(
        verb=verb,
        origin=Origin.DEVICE,
        received_ms=at_ms,
        account_id=account_id,
        thing_uid="1" * 32,
        thing_name="lamp",
        thing_type="light",
        domain_id="root",
        principal="thing:lamp",
        payload=payload,
    )


def log_of(*records: ShadowRecord) -> MemoryLog:
    log = MemoryLog()
    for each in records:
        thing = Thing(each.thing_uid, each.account_id, "lamp", "light", "root", "lamp", None, 0, "")
        request = ShadowRequest(
            ThingEntry(thing, ("root",)), each.verb, each.payload, principal=each.principal, origin=each.origin
        )
        request.received_ms = each.received_ms
        log.append([encode_request(request)])
    return log


async def offsets(chunks) -> list[int]:
    return [offset async for chunk in chunks for offset, _ in chunk.records]


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (Span(), [1, 2, 3, 4]),
        (Span(first_offset=2, last_offset=3), [2, 3]),
        (Span(since_ms=3_000_000), [3, 4]),
        (Span(until_ms=2_000_000), [1, 2]),
        (Span(since_ms=2_000_000, until_ms=3_000_000, accounts={A}), [3]),
        (Span(first_offset=9), []),
    ],
)
async def test_a_span_of_the_log_is_one_of_offsets_times_and_accounts(span, expected):
    log = log_of(*(record(at_ms=n * 1_000_000, account_id=B if n == 2 else A) for n in range(1, 5)))
    assert await offsets(from_log(log, span)) == expected


async def test_what_the_log_no_longer_has_is_told_not_passed_over():
    log = log_of(record(), record(), record())
    log.truncate_before(3, keep_from=3)

    with pytest.raises(SpanNotThere, match="begins at offset 3"):
        await offsets(from_log(log, Span(first_offset=2)))
    assert await offsets(from_log(log, Span())) == [3]


async def test_progress_counts_up_to_all_that_there_is():
    steps = [(chunk.through, chunk.total) async for chunk in from_log(log_of(*[record()] * 5), Span(first_offset=2))]
    assert steps[-1] == (4, 4)


async def test_an_object_that_is_gone_is_told():
    row = ArchivedObject(
        account_id=A, first_offset=1, last_offset=1, key="k", count=1, left_out=0, size=9, first_ms=0, last_ms=0
    )
    with pytest.raises(ObjectUnreadable, match="k cannot be read"):
        await offsets(from_archive(MemoryObjects(), [row], Span()))


def test_an_index_gets_every_request_and_what_was_accepted_of_it():
    batch = index_batch(
        Shadows(are_known=True),
        [(1, record(1)), (2, record(2, version=7)), (3, record(3, version=1)), (4, record(verb=Verb.DELETE))],
    )

    assert [(seen.offset, seen.state_json) for seen in batch.observations] == [(1, b'{"n":1}'), (3, b'{"n":3}')]
    assert [(change.offset, change.version, change.outcome) for change in batch.changes] == [
        (1, 1, 0),
        (2, 1, 409),
        (3, 2, 0),
        (4, 2, 0),
    ]


def test_a_version_is_believed_where_the_beginning_of_the_shadow_is_not_known():
    batch = index_batch(Shadows(are_known=False), [(50, record(1, version=7)), (51, record(2, version=7))])
    assert [(change.version, change.outcome) for change in batch.changes] == [(8, 0), (8, 409)]


def test_a_delete_is_believed_there_too():
    batch = index_batch(Shadows(are_known=False), [(50, record(verb=Verb.DELETE))])
    assert [change.outcome for change in batch.changes] == [0]


def judge(*, threshold: Threshold | None = None) -> Judge:
    rule = Rule(
        account_id=A,
        uid="u",
        id="hot",
        name="hot",
        description=None,
        is_enabled=True,
        filter=Filter("root", "light"),
        expression=Expression(Operator.GT, "n", 2),
        threshold=threshold or Threshold(),
        sealed=b"",
        since_offset=10**6,
    )
    tree = DomainTree.build([Domain(A, "d", "root", None, "root")])
    return Judge({A: Place(tree, AccountRules({"u": rule}))}, Shadows(are_known=True))


def test_todays_rules_are_held_against_what_came_before_they_were_made():
    hits = judge().judge([(1, record(1)), (2, record(3)), (3, record(9, version=55))])
    assert [(hit.sighting.offset, hit.found.value) for hit in hits] == [(2, 3)]


def test_a_dry_run_counts_thresholds_from_zero():
    replayed = judge(threshold=Threshold(count=2))
    hits = replayed.judge([(n, record(n + 10)) for n in range(1, 6)])

    assert [hit.sighting.offset for hit in replayed.that_run(hits)] == [2, 4]
    assert (replayed.observations, replayed.hits) == (5, 5)


def test_other_accounts_and_domains_that_are_gone_have_no_rules():
    gone = record(9)
    moved = ShadowRecord(**{name: getattr(gone, name) for name in gone.__slots__} | {"domain_id": "gone"})
    assert judge().judge([(1, record(9, account_id=B)), (2, moved)]) == []
