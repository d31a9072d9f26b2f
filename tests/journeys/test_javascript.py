"""Clients of 2017 on Node.js: aws-sdk 2.x, aws-iot-device-sdk 2.x and socket.io-client 2.x."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from factories.demo import Demo, Resident
    from journeys.aws_user import AwsUser

CLIENTS = Path(__file__).parent / "javascript"
PACKAGES = Path(sys.prefix) / "node" / "node_modules"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(
    NODE is None or not PACKAGES.is_dir(),
    reason="Node.js or its clients are missing: scripts/setup-clients brings them",
)


def travel(demo: Demo, journey: str, who: Resident | None = None, **given: Any) -> Any:
    """Run one of the scripts and return what it tells."""
    person = {} if who is None else {"userName": who.user_name, "password": who.password}
    manifest_url = f"{demo.url('https')}/prod/manifest/?hostname={demo.ready['hostname']}"
    told = subprocess.run(
        [str(NODE), f"{journey}.js"],
        cwd=CLIENTS,
        env={
            **os.environ,
            "NODE_PATH": str(PACKAGES),
            "NODE_EXTRA_CA_CERTS": demo.ca_file,
            "JOURNEY": json.dumps({"https": demo.url("https"), "manifestUrl": manifest_url, **person, **given}),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout.splitlines()[-1])


def test_a_page_calls_functions_reads_errors_and_lists_buckets(demo: Demo, administrator: AwsUser) -> None:
    name = administrator.add_thing(demo.new_name("lamp"), "harbour")
    told = travel(demo, "functions", demo.nora, thingName=name, lamp="dim")
    assert told["thing"]["domainTopic"] == "/north/harbour/"
    assert told["refused"] == {"messageKey": "PROPERTY_REQUIRED", "property": "thingName"}
    assert told["lamp"] == "dim"
    assert told["rules"] is True
    assert told["users"] >= 1
    assert ":assumed-role/" in told["arn"]
    expected = {told["manifest"][name] for name in ("ThingFilesBucket", "ThingCertsBucket", "ObservationsBucket")}
    assert expected <= set(told["buckets"])


def test_a_page_watches_a_domain_and_publishes_by_websocket(demo: Demo, administrator: AwsUser) -> None:
    domain = demo.new_name("pier")
    administrator.invoke("DomainLambda.CREATE", id=domain, parentId="root", name="Pier")
    name = administrator.add_thing(demo.new_name("lamp"), domain)
    host, port = demo.web("https")
    where = {"host": host, "port": port, "domain": domain}
    told = travel(demo, "watcher", demo.administrator, thingName=name, lamp="on", clientId=f"page-{name}", **where)
    families = ("thing-update", "thing-update-accepted", "thing-update-documents")
    assert told["topics"] == sorted(f"{family}/{domain}/{name}" for family in families)
    assert told["said"] == {"state": {"reported": {"lamp": "on"}}}


def test_a_device_keeps_its_shadow_with_its_certificate(demo: Demo, administrator: AwsUser, tmp_path: Path) -> None:
    name = administrator.add_thing(demo.new_name("lamp"))
    folder = administrator.fetch_certificate(name, tmp_path)
    host, port = demo.devices
    told = travel(
        demo,
        "device",
        thingName=name,
        host=host,
        port=port,
        ca=demo.ca_file,
        certificate=str(folder / "cert.pem"),
        key=str(folder / "privkey.pem"),
    )
    assert told["stages"] == ["accepted", "accepted", "accepted"]
    assert told["delta"] == {"lamp": "on"}
    assert told["state"]["reported"] == {"lamp": "off"}


def test_a_page_hears_of_a_thing_by_each_transport_and_of_no_foreign_one(demo: Demo, administrator: AwsUser) -> None:
    name = administrator.add_thing(demo.new_name("lamp"), "harbour")
    foreign = administrator.add_thing(demo.new_name("lamp"), "south")
    told = travel(demo, "events", demo.nora, thingName=name, foreignName=foreign)
    assert [each["transport"] for each in told] == ["polling", "websocket", "websocket"]
    for each in told:
        assert each["heard"] == ["", "/documents", "/accepted"]
        assert list(each["foreign"]) == ["error"]
