"""Plans, and the meter of what the devices of a cloud send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.core.accounts.profile import Tier
from cloudstead.core.clouds.model import CloudType
from cloudstead.core.clouds.quotas import Allowance, Meter, plan_of, quota_of


class Seconds:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def meter(per_device_hour=60, devices=60):
    """Sixty devices of sixty messages an hour: sixty messages a minute are their due."""
    seconds = Seconds()
    return Meter(Allowance(per_device_hour), devices=devices, monotonic=seconds), seconds


def send(each, number, size=100):
    """Send as long as it may go on; return how many went through."""
    for sent in range(number):
        if not each.may_go_on():
            return sent
        each.note(size)
    return number


@pytest.mark.parametrize(
    ("cloud_type", "tier", "messages"),
    [
        (CloudType.HOSTED, Tier.COMMERCIAL, 10),
        (CloudType.HOSTED, Tier.FREE, 60),
        (CloudType.DEDICATED, Tier.COMMERCIAL, 100),
        (CloudType.LOCAL, Tier.COMMERCIAL, None),
        (CloudType.HOST, Tier.COMMERCIAL, None),
    ],
)
def test_each_type_has_the_published_plan_or_none(cloud_type, tier, messages):
    quota = quota_of(plan_of(cloud_type, tier))
    assert quota.get("messagesPerDeviceHour") == messages
    allowance = Allowance.of(quota)
    assert (None if allowance is None else allowance.per_device_hour) == messages


def test_after_light_minutes_eight_times_the_due_goes_through_and_no_more():
    each, _ = meter()
    assert send(each, 10_000) == 480


def test_who_has_just_burst_is_held_to_four_times_the_due():
    each, seconds = meter()
    send(each, 10_000)
    seconds.now += 60
    assert send(each, 10_000) == 240


def test_after_five_light_minutes_there_may_be_a_burst_again():
    each, seconds = meter()
    send(each, 10_000)
    seconds.now += 6 * 60
    assert send(each, 10_000) == 480


def test_who_keeps_to_the_due_is_never_held():
    each, seconds = meter()
    for _ in range(600):
        assert send(each, 1) == 1
        seconds.now += 1


def test_a_held_meter_lets_go_by_itself_when_the_minute_is_over():
    each, seconds = meter()
    send(each, 10_000)
    assert not each.may_go_on()
    seconds.now += 29
    assert not each.may_go_on()
    seconds.now += 31
    assert each.may_go_on()


def test_a_message_of_three_kilobytes_counts_as_three():
    each, _ = meter()
    assert send(each, 10_000, size=2049) == 160
    assert each.messages == 480


def test_more_devices_may_send_more():
    each, _ = meter(devices=60)
    each.counts(120)
    assert send(each, 10_000) == 960


@pytest.mark.parametrize("devices", [0, 1])
def test_the_smallest_cloud_can_still_say_something(devices):
    each, _ = meter(10, devices)
    assert send(each, 100) == 2


@given(st.lists(st.tuples(st.floats(0, 120), st.integers(0, 300)), max_size=40))
def test_never_more_than_eight_times_the_due_goes_through_in_a_minute(steps):
    each, seconds = meter()
    went = []
    for pause_s, number in steps:
        seconds.now += pause_s
        went.append((seconds.now, send(each, number)))
        slice_begun = seconds.now // 30 * 30
        assert sum(count for at, count in went if at >= slice_begun - 30) <= 480
