"""Many things at once: asked for, watched, fetched with their credentials, and connected."""

from __future__ import annotations

import io
import ssl
import time
import urllib.error
import urllib.request
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from journeys.aws_user import Refused
from journeys.mqtt_user import Device

if TYPE_CHECKING:
    from pathlib import Path

    from factories.demo import Demo
    from journeys.aws_user import AwsUser

PATIENCE_S = 30


def listed(user: AwsUser, batch_id: str) -> dict[str, Any] | None:
    files = user.invoke("ThingBatchLambda.LIST", bucketName="ThingCertsBucket")["files"]
    return next((file for file in files if file["batchId"] == batch_id), None)


def finished(user: AwsUser, batch_id: str) -> dict[str, Any]:
    """Look until the batch has ended; each look is a call, so nothing turns idly."""
    latest = time.monotonic() + PATIENCE_S
    while time.monotonic() < latest:
        file = listed(user, batch_id)
        if file is not None and "finishedAt" in file:
            return file
    raise AssertionError(f"the batch did not end: {listed(user, batch_id)}")


def fetch(demo: Demo, url: str) -> bytes:
    context = ssl.create_default_context(cafile=demo.ca_file)
    with urllib.request.urlopen(url, context=context, timeout=30) as answer:
        return answer.read()


def test_the_things_of_a_batch_connect_with_what_its_archive_holds(
    demo: Demo, administrator: AwsUser, tmp_path: Path
) -> None:
    administrator.add_thing(demo.new_name("first"))  # which makes the type
    asked = administrator.invoke(
        "ThingBatchLambda.CREATE", thingType="sensor", domain="harbour", requestedSize=12, concurrency=5
    )
    file = finished(administrator, asked["batchId"])
    assert (file["currentSize"], file["requestedSize"], file["errors"]) == (12, 12, [])

    archive = zipfile.ZipFile(io.BytesIO(fetch(demo, file["url"])))
    names = sorted({name.partition("/")[0] for name in archive.namelist()})
    assert len(names) == 12
    archive.extractall(tmp_path)
    with Device(demo, tmp_path / names[-1]) as device:
        device.ask("update", {"state": {"reported": {"from": "batch"}}})
    assert administrator.invoke("ThingLambda.GET", thingName=names[0], domain=None)["domain"]["id"] == "harbour"


def test_who_sees_another_part_sees_neither_the_batch_nor_its_archive(
    demo: Demo, administrator: AwsUser, nora: AwsUser, ron: AwsUser, stranger: AwsUser
) -> None:
    administrator.add_thing(demo.new_name("first"))
    asked = administrator.invoke("ThingBatchLambda.CREATE", thingType="sensor", domain="south", requestedSize=1)
    file = finished(administrator, asked["batchId"])
    assert listed(nora, asked["batchId"]) is None
    assert listed(stranger, asked["batchId"]) is None
    with pytest.raises(Refused) as caught:
        ron.invoke("ThingBatchLambda.CREATE", thingType="sensor", domain="harbour", requestedSize=1)
    assert caught.value.key == "NOT_AUTHORIZED"
    tampered = file["url"].replace("batch-sensor", "batch-sansor")
    for url in (tampered, file["url"][:-1], file["url"].partition("&signature")[0]):
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetch(demo, url)
        with refused.value as answer:
            assert answer.code in (403, 404)
