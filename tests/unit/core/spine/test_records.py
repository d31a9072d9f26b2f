from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.core.ids import AccountId, DomainId, ThingName, ThingTypeId, ThingUid
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.records import RecordUnreadable, decode_record, encode_request
from cloudstead.core.spine.requests import Origin, ShadowRequest
from cloudstead.core.things.directory import ThingEntry
from cloudstead.core.things.model import Thing

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)


def request(payload=b"{}", *, principal="thing:lamp", name="lamp", domain="sub1", thing_type="1", verb=Verb.UPDATE):
    thing = Thing(
        uid=ThingUid("ab" * 16),
        account_id=AccountId("cd" * 16),
        name=ThingName(name),
        thing_type=ThingTypeId(thing_type),
        domain_id=DomainId(domain),
        label="",
        description=None,
        created_at_ms=0,
        created_by="",
    )
    made = ShadowRequest(ThingEntry(thing, ()), verb, payload, principal=principal, origin=Origin.PERSON)
    made.received_ms = 1_700_000_000_123
    return made


@settings(max_examples=60)
@given(payload=st.binary(max_size=40), principal=TEXT, domain=TEXT, thing_type=TEXT)
def test_a_record_gives_back_all_of_the_request(payload, principal, domain, thing_type):
    record = decode_record(
        encode_request(request(payload, principal=principal, domain=domain, thing_type=thing_type, verb=Verb.DELETE))
    )

    assert (record.verb, record.origin, record.received_ms) == (Verb.DELETE, Origin.PERSON, 1_700_000_000_123)
    assert (record.account_id, record.thing_uid, record.thing_name) == ("cd" * 16, "ab" * 16, "lamp")
    assert (record.payload, record.principal) == (payload, principal)
    assert (record.domain_id, record.thing_type) == (domain, thing_type)


@settings(max_examples=100)
@given(data=st.data())
def test_anything_else_is_refused_in_our_own_words(data):
    sound = bytearray(encode_request(request(b"")))
    if data.draw(st.booleans()):
        broken = bytes(sound[: data.draw(st.integers(0, len(sound) - 1))])
    else:
        sound[data.draw(st.integers(0, len(sound) - 1))] = data.draw(st.integers(0, 255))
        broken = bytes(sound)

    try:
        decode_record(broken)
    except RecordUnreadable:
        return
    assert len(broken) == len(sound)


@pytest.mark.parametrize("record", [b"", b"\x01" + b"x" * 60, b"\xff" * 80])
def test_a_record_of_another_version_is_refused(record):
    with pytest.raises(RecordUnreadable):
        decode_record(record)
