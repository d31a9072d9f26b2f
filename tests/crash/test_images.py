"""Images of things that are removed, ``kill -9`` right behind the last removal, restart: none may stay."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from factories.files import as_base64, picture
from factories.running import running_cloud

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE_S = 60
_THINGS = 12


def images_in(folder: Path) -> list[str]:
    objects = folder / "data" / "objects"
    return [str(file) for file in objects.rglob("*") if file.is_file() and "ThingFilesBucket" in str(file)]


def test_an_image_goes_with_its_thing_though_the_cloud_was_killed_in_between(tmp_path: Path) -> None:
    image = as_base64(picture())
    names = [f"lamp-{number}" for number in range(_THINGS)]
    with running_cloud(tmp_path) as cloud:
        cloud.invoke("ThingTypeLambda", action="CREATE", attributes={"id": "lamp", "domain": "root", "label": "Lamp"})
        for name in names:
            made = {"thingName": name, "thingType": "lamp", "domain": "root"}
            cloud.invoke("ThingLambda", action="CREATE", attributes=made)
            put = {"thingId": name, "thingType": "lamp", "encodedFile": image}
            cloud.invoke("FileLambda", action="PUT_THING_IMAGE", attributes=put)
        before = len(images_in(tmp_path))
        for name in names[1:]:
            cloud.invoke("ThingLambda", action="REMOVE", attributes={"thingName": name})
        cloud.kill()
    assert before == _THINGS
    with running_cloud(tmp_path) as cloud:
        latest = time.monotonic() + _PATIENCE_S
        while len(images_in(tmp_path)) > 1 and time.monotonic() < latest:
            cloud.invoke("ThingLambda", action="FIND", query={"size": 0})
        listed = cloud.invoke("FileLambda", action="LIST", attributes={"bucketName": "ThingFilesBucket"})

    assert [file["Key"] for file in listed["files"]] == ["lamp/lamp-0"]
    assert len(images_in(tmp_path)) == 1
