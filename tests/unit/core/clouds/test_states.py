"""The life of clouds as a table."""

from __future__ import annotations

import pytest

from cloudstead.core.clouds.errors import CloudStateForbids
from cloudstead.core.clouds.model import Cloud, CloudState, CloudType
from cloudstead.core.clouds.states import BORN, MOVES, CloudEvent, may, moved

S, E = CloudState, CloudEvent


def cloud(state, *, connected=True):
    return Cloud(
        id="c",
        account_id="a",
        name="n",
        type=CloudType.DEDICATED,
        state=state,
        created_at_ms=0,
        updated_at_ms=0,
        connected=connected,
        status="CREATE_COMPLETE",
    )


@pytest.mark.parametrize(
    ("before", "event", "after", "status"),
    [
        (S.DRAFT, E.WAITED_FOR, S.LAUNCHING, "REVIEW_IN_PROGRESS"),
        (S.DRAFT, E.CONNECTED, S.CONNECTED, "CREATE_COMPLETE"),
        (S.LAUNCHING, E.CONNECTED, S.CONNECTED, "CREATE_COMPLETE"),
        (S.ERROR, E.CONNECTED, S.CONNECTED, "CREATE_COMPLETE"),
        (S.DISCONNECTED, E.CONNECTED, S.CONNECTED, "CREATE_COMPLETE"),
        (S.UPDATING, E.CONNECTED, S.READY, "UPDATE_COMPLETE"),
        (S.CONNECTED, E.PROVISION, S.PROVISIONING, "CREATE_COMPLETE"),
        (S.READY, E.PROVISION, S.PROVISIONING, "CREATE_COMPLETE"),
        (S.ERROR, E.PROVISION, S.PROVISIONING, "CREATE_COMPLETE"),
        (S.PROVISIONING, E.PROVISIONED, S.READY, "CREATE_COMPLETE"),
        (S.PROVISIONING, E.PROVISION_FAILED, S.ERROR, "CREATE_COMPLETE"),
        (S.READY, E.UPDATE, S.UPDATING, "UPDATE_IN_PROGRESS"),
        (S.UPDATING, E.UPDATED, S.READY, "UPDATE_COMPLETE"),
        (S.UPDATING, E.ROLLED_BACK, S.READY, "UPDATE_ROLLBACK_COMPLETE"),
        (S.REMOVING, E.REMOVE_FAILED, S.REMOVING, "CREATE_COMPLETE"),
        (S.REMOVING, E.CONNECT_FAILED, S.REMOVING, "CREATE_COMPLETE"),
    ],
)
def test_an_event_leads_where_the_table_says(before, event, after, status):
    then = moved(cloud(before), event)
    assert (then.state, then.status) == (after, status)


@pytest.mark.parametrize("state", [state for state in S if state is not S.REMOVING])
def test_every_cloud_but_one_that_goes_may_fail_be_left_and_be_removed(state):
    assert moved(cloud(state), E.CONNECT_FAILED).state is S.ERROR
    assert moved(cloud(state), E.CONNECT_FAILED).connected
    left = moved(cloud(state), E.DISCONNECTED)
    assert (left.state, left.connected, left.status) == (S.DISCONNECTED, False, "DELETE_IN_PROGRESS")
    assert moved(cloud(state), E.REMOVE).state is S.REMOVING


def test_what_the_table_does_not_have_cannot_happen():
    forbidden = [(state, event) for state in S for event in E if (state, event) not in MOVES]
    assert (S.DRAFT, E.PROVISION) in forbidden
    assert (S.REMOVING, E.CONNECTED) in forbidden
    for state, event in forbidden:
        assert not may(cloud(state), event)
        with pytest.raises(CloudStateForbids):
            moved(cloud(state), event)


def test_nothing_is_provisioned_that_is_not_connected():
    with pytest.raises(CloudStateForbids, match="not connected"):
        moved(cloud(S.ERROR, connected=False), E.PROVISION)


def test_every_type_has_a_beginning():
    assert set(BORN) == set(CloudType)
    assert BORN[CloudType.DEDICATED].to is S.DRAFT
    assert {BORN[each].connected for each in CloudType if each is not CloudType.DEDICATED} == {True}
