"""Device clouds, their tokens and devices, on both engines."""

from dataclasses import replace

import pytest
from sqlalchemy import bindparam, func, select

from cloudstead.core.accounts.opening import add_administrator, open_account
from cloudstead.core.clock import ManualClock
from cloudstead.core.clouds.authorities import KeptAuthority
from cloudstead.core.clouds.device_model import CloudDevice
from cloudstead.core.clouds.errors import CloudNameTaken
from cloudstead.core.clouds.model import Cloud, CloudSecret, CloudState, CloudType, MonthlyUsage
from cloudstead.core.clouds.tokens import CloudToken, TokenKind, TokenState
from cloudstead.core.ids import Uuid7Source
from cloudstead.core.paging import PageRequest
from cloudstead.storage.sql.statements import Statement
from cloudstead.storage.sql.tables import metadata
from cloudstead.storage.sql.wiping import KEPT

pytestmark = pytest.mark.usefixtures("tenants")

CLOUD = Cloud(
    id="c1",
    account_id="a1",
    name="farm",
    type=CloudType.LOCAL,
    state=CloudState.READY,
    created_at_ms=1,
    updated_at_ms=2,
    region="eu-west-1",
    is_open=False,
    schema={"models": {"Lamp": [1, 2.5, None]}},
    quota={"messagesPerDeviceHour": 10},
    load=1.5,
    devices=3,
    connected=True,
    template_version=1,
    tenant_id="a2",
)
TOKEN = CloudToken(
    id="t1",
    account_id="a1",
    kind=TokenKind.CLOUD_TO_BUILDER,
    state=TokenState.ACTIVE,
    secret_hash=bytes(range(32)),
    description="calls",
    created_at_ms=1,
    created_by="person:x",
    cloud_id="c1",
    is_launch=True,
)
DEVICE = CloudDevice(id="ABCDE12345", account_id="a1", product="LAMP", created_at_ms=1, seen_at_ms=2)


def add(unit, *clouds):
    for cloud in clouds:
        unit.clouds.add(cloud, CloudSecret(cloud.id, b"sealed"))


async def test_a_cloud_comes_back_as_it_was_stored_and_to_its_account_only(database):
    await database.write(lambda unit: add(unit, CLOUD))
    assert await database.read(lambda unit: unit.clouds.get("a1", "c1")) == CLOUD
    assert await database.read(lambda unit: unit.clouds.get("a2", "c1")) is None
    assert await database.read(lambda unit: unit.clouds.of_tenant("a2")) == CLOUD
    changed = replace(CLOUD, schema=None, quota={}, load=None, is_open=None, enabled=False, error="e", tenant_id=None)
    await database.write(lambda unit: unit.clouds.replace(changed))
    assert await database.read(lambda unit: unit.clouds.get("a1", "c1")) == changed
    assert await database.read(lambda unit: (unit.clouds.count("a1"), unit.clouds.count("a2"))) == (1, 0)


async def test_a_name_is_taken_once_in_an_account(database):
    await database.write(lambda unit: add(unit, CLOUD, replace(CLOUD, id="c2", account_id="a2")))
    with pytest.raises(CloudNameTaken):
        await database.write(lambda unit: add(unit, replace(CLOUD, id="c3")))
    await database.write(lambda unit: add(unit, replace(CLOUD, id="c3", name="barn")))
    with pytest.raises(CloudNameTaken):
        await database.write(lambda unit: unit.clouds.replace(replace(CLOUD, name="barn")))


async def test_secrets_lie_apart_and_go_with_their_cloud(database):
    await database.write(lambda unit: add(unit, CLOUD))
    await database.write(lambda unit: unit.clouds.put_secret(CloudSecret("c1", b"other", "arn")))
    assert await database.read(lambda unit: unit.clouds.secret("c1")) == CloudSecret("c1", b"other", "arn")
    assert not await database.write(lambda unit: unit.clouds.remove("a2", "c1"))
    assert await database.write(lambda unit: unit.clouds.remove("a1", "c1"))
    assert await database.read(lambda unit: unit.clouds.secret("c1")) is None


async def test_clouds_are_paged_by_id_and_by_name_both_ways(database):
    names = {"c1": "delta", "c2": "alpha", "c3": "charlie", "c4": "bravo"}
    await database.write(lambda unit: add(unit, *(replace(CLOUD, id=id_, name=name) for id_, name in names.items())))
    await database.write(lambda unit: add(unit, replace(CLOUD, id="c9", account_id="a2")))

    async def ids(work):
        return [cloud.id for cloud in await database.read(work)]

    assert await ids(lambda unit: unit.clouds.after("a1", "c1", limit=2)) == ["c2", "c3"]
    assert await ids(lambda unit: unit.clouds.before("a1", "c4", limit=2)) == ["c3", "c2"]
    assert await ids(lambda unit: unit.clouds.by_name_after("a1", ("alpha", "c2"), limit=9)) == ["c4", "c3", "c1"]
    assert await ids(lambda unit: unit.clouds.by_name_before("a1", ("delta", "c1"), limit=2)) == ["c3", "c4"]


async def test_hosts_and_those_that_they_carry_are_found(database):
    host = replace(CLOUD, id="c2", name="shared", type=CloudType.HOST, account_id="a2", is_open=True)
    hosted = replace(CLOUD, id="c3", name="mine", type=CloudType.HOSTED, host="shared")
    await database.write(lambda unit: add(unit, CLOUD, host, hosted))
    assert list(await database.read(lambda unit: unit.clouds.hosts_after("", limit=9))) == [host]
    assert await database.read(lambda unit: unit.clouds.carried_by("shared")) == 1


async def test_usage_is_kept_once_for_each_month(database):
    row = MonthlyUsage(
        cloud_id="c1", account_id="a1", month="2026-01", devices=1, tenants=2, load=0.5, count=None, reported_at_ms=7
    )
    later = replace(row, month="2026-02", count=3.0)
    await database.write(lambda unit: add(unit, CLOUD, replace(CLOUD, id="c2", name="n", tenant_id=None)))
    assert [each.id for each in await database.read(lambda unit: unit.clouds.unmeasured("2026-01", "", limit=9))] == [
        "c1"
    ]

    def put(unit):
        for each in (row, later, replace(row, devices=9)):
            unit.clouds.put_usage(each)

    await database.write(put)
    assert await database.read(lambda unit: unit.clouds.usage("c1", limit=9)) == [later, replace(row, devices=9)]
    assert await database.read(lambda unit: unit.clouds.unmeasured("2026-01", "", limit=9)) == []


async def test_authorities_come_back_and_go(database):
    kept = KeptAuthority("a2", "PEM", b"sealed", 7)
    await database.write(lambda unit: unit.clouds.put_authority(kept))
    assert await database.read(lambda unit: unit.clouds.authority("a2")) == kept
    assert await database.read(lambda unit: unit.clouds.authority("a1")) is None
    assert await database.read(lambda unit: unit.clouds.authorities()) == ["PEM"]
    assert await database.write(lambda unit: unit.clouds.drop_authority("a2"))
    assert not await database.write(lambda unit: unit.clouds.drop_authority("a2"))


async def test_a_token_comes_back_as_it_was_stored(database):
    used = replace(TOKEN, stack="arn", expires_at_ms=None, state=TokenState.SUSPENDED)

    def write(unit):
        unit.cloud_tokens.add(TOKEN)
        unit.cloud_tokens.replace(used)

    await database.write(write)
    assert await database.read(lambda unit: unit.cloud_tokens.get("t1")) == used
    assert not await database.write(lambda unit: unit.cloud_tokens.remove("a2", "t1"))
    assert await database.write(lambda unit: unit.cloud_tokens.remove("a1", "t1"))


async def test_of_a_cloud_that_is_gone_only_call_backs_are_known_for_a_while(database):
    tokens = [
        TOKEN,
        replace(TOKEN, id="t2", kind=TokenKind.CLOUD_API),
        replace(TOKEN, id="t3", kind=TokenKind.DEVICE_TO_CLOUD, device_id="ABCDE12345"),
        replace(TOKEN, id="t4", expires_at_ms=50),
        replace(TOKEN, id="t5", cloud_id="c2"),
    ]

    def write(unit):
        for each in tokens:
            unit.cloud_tokens.add(each)
        unit.cloud_tokens.end_cloud("a1", "c1", late_until_ms=100)

    await database.write(write)
    found = await database.read(lambda unit: unit.cloud_tokens.page("a1", PageRequest(limit=9)))
    assert [(each.id, each.expires_at_ms) for each in found.items] == [("t1", 100), ("t4", 50), ("t5", None)]
    assert await database.write(lambda unit: unit.cloud_tokens.drop_expired(101)) == 2


async def test_tokens_of_devices_are_neither_listed_nor_counted_and_go_together(database):
    device = replace(TOKEN, id="t2", kind=TokenKind.DEVICE_TO_CLOUD, device_id="ABCDE12345")

    def write(unit):
        unit.cloud_tokens.add(TOKEN)
        unit.cloud_tokens.add(device)

    await database.write(write)
    assert await database.read(lambda unit: unit.cloud_tokens.count("a1")) == 1
    await database.write(lambda unit: unit.cloud_tokens.drop_device("a1", "ABCDE12345"))
    assert await database.read(lambda unit: unit.cloud_tokens.get("t2")) is None


async def test_devices_come_back_are_paged_and_counted(database):
    claimed = replace(DEVICE, id="ABCDE12346", cloud_id="c1", thing="x", claimed_at_ms=3, blocked_until_ms=4, name="n")

    def write(unit):
        add(unit, CLOUD)
        assert unit.cloud_devices.add(DEVICE)
        assert unit.cloud_devices.add(claimed)
        assert not unit.cloud_devices.add(DEVICE)
        assert unit.cloud_devices.add(replace(DEVICE, account_id="a2"))

    await database.write(write)
    assert await database.read(lambda unit: unit.cloud_devices.get("a1", claimed.id)) == claimed
    first = await database.read(lambda unit: unit.cloud_devices.page("a1", PageRequest(limit=1)))
    assert (first.items, first.after) == ((DEVICE,), DEVICE.id)
    rest = await database.read(lambda unit: unit.cloud_devices.page("a1", PageRequest(limit=1, after=DEVICE.id)))
    assert (rest.items, rest.after) == ((claimed,), None)
    of_cloud = await database.read(lambda unit: unit.cloud_devices.page("a1", PageRequest(limit=9), cloud_id="c1"))
    assert of_cloud.items == (claimed,)
    counts = await database.read(
        lambda unit: (unit.cloud_devices.count("a1", "c1"), unit.cloud_devices.count_all("a1"))
    )
    assert counts == (1, 2)
    assert await database.write(lambda unit: unit.cloud_devices.remove("a1", DEVICE.id))
    assert not await database.write(lambda unit: unit.cloud_devices.remove("a1", DEVICE.id))


async def test_wiping_leaves_of_an_account_itself_its_trail_and_what_was_revoked_and_nothing_of_others(database):
    clock = ManualClock()
    ids = Uuid7Source(clock)

    def fill(unit):
        account = open_account(unit, ids, clock, name="cloud", stack="prod", hosts=["x.example"], parent_id="a1")
        add_administrator(unit, account, ids=ids, clock=clock, user_name="u", password_hash="", email="u@cloud.example")
        unit.clouds.put_authority(KeptAuthority(account.id, "PEM", b"", 0))
        return account

    def rows(unit, account_id):
        transaction = unit._transaction
        counted = {}
        for table in metadata.sorted_tables:
            for name in ("account_id", "home_account_id"):
                if name in table.c:
                    statement = Statement(
                        lambda _, table=table, name=name: (
                            select(func.count()).select_from(table).where(table.c[name] == bindparam("id"))
                        ),
                        "id",
                    )
                    if number := transaction.row(statement, account_id)[0]:
                        counted[table.name] = number
        return counted

    account = await database.write(fill)
    before = await database.read(lambda unit: rows(unit, "a1"))
    assert {"domains", "people", "memberships"} <= set(await database.read(lambda unit: rows(unit, account.id)))
    await database.write(lambda unit: unit.clouds.wipe(account.id))
    assert set(await database.read(lambda unit: rows(unit, account.id))) <= KEPT
    assert await database.read(lambda unit: unit.accounts.get(account.id)) == account
    assert await database.read(lambda unit: rows(unit, "a1")) == before
