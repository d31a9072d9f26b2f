"""A client that nobody here wrote manages accounts, API keys and groups: mbed-cloud-sdk, in both of its layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mbed_cloud import SDK, AccountManagementAPI
from mbed_cloud.sdk.exceptions import ApiErrorResponse

if TYPE_CHECKING:
    from factories.demo import Demo


@pytest.fixture(scope="module")
def newer(demo: Demo) -> Any:
    return SDK(api_key=demo.ready["api_key"], host=demo.url()).foundation


@pytest.fixture(scope="module")
def older(demo: Demo) -> Any:
    return AccountManagementAPI({"api_key": demo.ready["api_key"], "host": demo.url()})


def test_the_newer_layer_makes_reads_changes_and_removes_a_key(newer: Any, demo: Demo) -> None:
    key = newer.api_key(name="robot").create()
    assert (len(key.key), key.status) == (111, "ACTIVE")
    whole = key.key
    as_robot = SDK(api_key=whole, host=demo.url()).foundation
    assert as_robot.api_key().me().id == key.id
    assert as_robot.account().me().id == newer.account().me().id

    key.name = "renamed"
    assert key.update().name == "renamed"
    assert newer.api_key(id=key.id).read().key == whole[:-32]
    assert key.id in [each.id for each in newer.api_key().list()]
    assert [each.id for each in newer.api_key().list(filter={"key": {"eq": whole}})] == [key.id]
    key.delete()
    assert key.id not in [each.id for each in newer.api_key().list()]
    with pytest.raises(ApiErrorResponse):
        as_robot.account().me()


def test_the_newer_layer_counts_before_it_pages(newer: Any) -> None:
    made = [newer.api_key(name=f"key {number}").create() for number in range(5)]
    everything = newer.api_key().list(page_size=2)
    assert len(everything) >= 6
    assert len(list(everything)) == len(everything)
    for each in made:
        each.delete()


def test_the_newer_layer_makes_changes_and_lists_tenants(newer: Any, demo: Demo) -> None:
    tenant = newer.account(
        end_market="IoT", display_name="First tenant", admin_email="boss@tenant.example", admin_name="tenant-boss"
    ).create()
    assert (tenant.status, tenant.tier, tenant.admin_name) == ("ACTIVE", "0", "tenant-boss")
    assert SDK(api_key=tenant.admin_key, host=demo.url()).foundation.account().me().id == tenant.id

    again = newer.account(id=tenant.id).read()
    again.city = "Bergen"
    assert again.update().city == "Bergen"
    assert tenant.id in [each.id for each in newer.account().list()]
    assert [each.display_name for each in newer.account().list(filter={"end_market": {"eq": "IoT"}})] == [
        "First tenant"
    ]


def test_the_older_layer_does_the_same(older: Any) -> None:
    account = older.get_account()
    assert account.status == "ACTIVE"
    groups = {each.name: each for each in older.list_groups()}
    assert older.get_group(groups["Administrators"].id).user_count >= 1
    group = groups["Developers"]
    key = older.add_api_key("old robot", groups=[group.id])
    assert (len(key.key), key.groups) == (111, [group.id])
    assert key.id in [each.id for each in older.list_api_keys()]
    assert [each.id for each in older.list_group_api_keys(group.id)] == [key.id]
    assert older.get_api_key(key.id).key == key.key[:-32]
    assert older.update_api_key(key.id, name="older robot").name == "older robot"
    older.delete_api_key(key.id)
    assert key.id not in [each.id for each in older.list_api_keys()]
    assert older.get_api_key(key.id) is None  # as this layer tells of what is not found
