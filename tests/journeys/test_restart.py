from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from factories.demo import Doors, require_silence
from factories.running import running_cloud
from journeys.aws_user import AwsUser, Refused
from journeys.mqtt_user import Device, NotLetIn

if TYPE_CHECKING:
    from pathlib import Path

REPORTS = 100
WISH = {"light": "off"}

# In a process of its own: the embedded column store opens one folder per process. No interface tells a history yet.
HISTORY = """
import asyncio, json, sys
from pathlib import Path
from cloudstead.storage.observations import open_observations
from cloudstead.storage.sql import Database

async def tell(data, name):
    database = await Database.open(f"sqlite:///{data / 'state.sqlite'}", on_events=lambda _: None)
    account = (await database.read(lambda unit: unit.accounts.all()))[0]
    thing = await database.read(lambda unit: unit.things.get(account.id, name))
    await database.close()
    index = await open_observations(data / "observations")
    changes = await index.shadow_history(account.id, thing.uid, before_offset=None, limit=1000)
    await index.close()
    print(json.dumps([[change.offset, change.version, change.author, change.outcome] for change in changes]))

asyncio.run(tell(Path(sys.argv[1]), sys.argv[2]))
"""


def history(data: Path, thing: str) -> list[tuple[int, int, str, int]]:
    """Return offset, version, author and outcome of every change of a shadow, the oldest first."""
    command = [sys.executable, "-c", HISTORY, str(data), thing]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [tuple(change) for change in reversed(json.loads(told))]


def everything(user: AwsUser, thing: str) -> dict[str, Any]:
    """Return what must be the same after a restart."""
    terms = {"bool": {"must": [{"range": {"timestamp": {"gte": 0}}}, {"term": {"thingName": thing}}]}}
    query = {"size": 1000, "query": terms, "sort": ["timestamp", "state.n"]}
    shadow = user.shadow(thing)
    return {
        "observations": user.invoke("ObservationLambda.FIND", query=query)["hits"],
        "found": user.invoke("ThingLambda.FIND", query={"query": {"term": {"thingName": thing}}})["hits"],
        "shadow": (shadow["state"], shadow["metadata"], shadow["version"]),
        "thing": user.invoke("ThingLambda.GET", thingName=thing, label=None, domain=None, createdAt=None),
        "type": user.invoke("ThingTypeLambda.GET", id="sensor", resources=None, label=None, viewMode=None),
        "tree": user.invoke("DomainLambda.LIST", name=None, description=None),
        "identity": user.identity_id,
        "manifest": {name: user.manifest[name] for name in ("ThingLambda", "IdentityPool", "UserPool")},
    }


def report(device: Device, numbers: range) -> None:
    """Report the numbers as fast as can be, and return when all of them are acknowledged."""
    sent = [
        device.client.publish(f"{device.prefix}update", f'{{"state":{{"reported":{{"n":{n}}}}}}}', qos=1)
        for n in numbers
    ]
    for each in sent:
        each.wait_for_publish(15)
    assert device.acknowledged >= {each.mid for each in sent}


@pytest.mark.slow
def test_a_cloud_that_stops_or_is_killed_goes_on_with_everything(tmp_path: Path) -> None:
    with running_cloud(tmp_path) as cloud:
        doors = Doors(cloud.ready)
        user = AwsUser(doors, doors.administrator).log_in()
        user.invoke("DomainLambda.CREATE", id="attic", parentId="root", name="Attic", description="Dusty")
        kept = user.fetch_certificate(user.add_thing("kept", "attic"), tmp_path)
        replaced = user.fetch_certificate(user.add_thing("replaced", "attic"), tmp_path)
        removed = user.fetch_certificate(user.add_thing("removed", "attic"), tmp_path)
        user.invoke("ThingLambda.REPLACE_CERTIFICATE", thingName="replaced")
        user.invoke("ThingLambda.REMOVE", thingName="removed")
        user.update("kept", state={"desired": WISH})
        with Device(doors, kept) as device:
            report(device, range(REPORTS))
            before = everything(user, "kept")
            assert before["observations"]["total"] == REPORTS
            assert before["shadow"][2] == REPORTS + 1
            assert cloud.stop() == 0
            device.wait_until_gone()

    with running_cloud(tmp_path) as cloud:
        again = Doors(cloud.ready)
        assert again.administrator == doors.administrator
        user = AwsUser(again, again.administrator).log_in()
        assert everything(user, "kept") == before
        with Device(again, kept) as device:
            report(device, range(REPORTS, 2 * REPORTS))
            before = everything(user, "kept")
            report(device, range(2 * REPORTS, 3 * REPORTS))
            cloud.kill()
            device.wait_until_gone()

    with running_cloud(tmp_path) as cloud:
        doors = Doors(cloud.ready)
        user = AwsUser(doors, doors.administrator).log_in()
        after = everything(user, "kept")
        numbers = [hit["_source"]["state"]["n"] for hit in after["observations"]["hits"]]
        assert sorted(numbers) == list(range(3 * REPORTS))
        state, _, version = after["shadow"]
        assert state == {"desired": WISH, "reported": {"n": 3 * REPORTS - 1}, "delta": WISH}
        assert version == 3 * REPORTS + 1
        for part in ("thing", "type", "tree", "identity", "manifest"):
            assert after[part] == before[part]
        for files in (replaced, removed):
            with pytest.raises(NotLetIn):
                Device(doors, files).__enter__()
        with pytest.raises(Refused, match="removed"):
            user.invoke("ThingLambda.GET", thingName="removed")
        with Device(doors, kept) as device:
            device.listen("get/accepted")
            device.ask("get")
            assert device.answers()[0][1]["version"] == 3 * REPORTS + 1
        assert cloud.stop() == 0
    require_silence(tmp_path, but="cloudstead.agent")  # which may say that the cloud was gone

    offsets, versions, authors, outcomes = zip(*history(tmp_path / "data", "kept"), strict=True)
    assert sorted(set(offsets)) == list(offsets)
    assert versions == tuple(range(1, 3 * REPORTS + 2))
    assert authors[0].startswith("person:")
    assert set(authors[1:]) == {"thing:kept"}
    assert set(outcomes) == {0}
