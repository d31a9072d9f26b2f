"""Local device clouds, ``kill -9`` while they are made and while they are removed: each is made once, and goes whole.

How far a kill gets is chance, so every cloud of a round is somewhere else on its way.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from factories.demo import Doors
from factories.running import RunningCloud, running_cloud
from journeys.aws_user import AwsUser
from journeys.builder import Builder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CLOUDS = 8
_PATIENCE_S = 60


def builder_of(cloud: RunningCloud) -> Builder:
    doors = Doors(cloud.ready)
    return Builder(doors, AwsUser(doors, doors.administrator).log_in().token)


def waited(ask: Callable[[], Any], is_there: Callable[[Any], bool]) -> Any:
    latest = time.monotonic() + _PATIENCE_S
    while not is_there(told := ask()):
        assert time.monotonic() < latest, told
    return told


def count(folder: Path, query: str) -> int:
    """Count in the store of a cloud that does not run."""
    with closing(sqlite3.connect(folder / "data" / "state.sqlite")) as connection:
        return int(connection.execute(query).fetchone()[0])


def test_clouds_are_made_once_and_go_whole_though_the_process_is_killed(tmp_path: Path) -> None:
    with running_cloud(tmp_path) as cloud:
        builder = builder_of(cloud)
        made = [builder.call("/cloud/create", name=f"C{number}", type="local")["id"] for number in range(_CLOUDS)]
        for cloud_id in made:
            builder.call("/cloud/provision", id=cloud_id)
        cloud.kill()

    with running_cloud(tmp_path) as cloud:
        builder = builder_of(cloud)
        ready = [
            waited(
                lambda cloud_id=cloud_id: builder.call("/cloud/get", id=cloud_id), lambda told: "provisioned" in told
            )
            for cloud_id in made
        ]
        assert len({each["apiGateway"] for each in ready}) == _CLOUDS
        assert not any("error" in each for each in ready)
        # One account for each, and none that was begun and forgotten.
        own = {each["userPoolId"] for each in ready}
        assert len(own) == _CLOUDS
        cloud.kill()
    accounts = count(tmp_path, "SELECT count(*) FROM accounts WHERE parent_id IS NOT NULL")
    assert accounts == _CLOUDS

    with running_cloud(tmp_path) as cloud:
        builder = builder_of(cloud)
        for cloud_id in made:
            builder.call("/cloud/remove", id=cloud_id)
        cloud.kill()

    with running_cloud(tmp_path) as cloud:
        builder = builder_of(cloud)
        for cloud_id in made:
            waited(lambda cloud_id=cloud_id: builder.ask("/cloud/get", id=cloud_id).status, lambda told: told == 404)
        assert builder.call("/cloud/find")["data"] == []
        listed = cloud.invoke("FileLambda", action="LIST", attributes={"bucketName": "ObservationsBucket"})
        keys = [file["Key"] for file in listed["files"]]
        cloud.kill()
    objects = [str(each) for each in (tmp_path / "data" / "objects").rglob("*manifest.json*")]
    for cloud_id in made:
        assert any(cloud_id in each for each in [*keys, *objects]), f"nothing was exported of {cloud_id}"
    assert count(tmp_path, "SELECT count(*) FROM clouds") == 0
    assert (
        count(
            tmp_path, "SELECT count(*) FROM things JOIN accounts a ON a.id = account_id WHERE a.parent_id IS NOT NULL"
        )
        == 0
    )
