from __future__ import annotations

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
