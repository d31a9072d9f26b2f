"""The store of objects on every engine: a test that takes ``objects`` runs on a folder, in memory and on S3."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from obstore.store import MemoryStore

from cloudstead.storage.objects import BucketAddress, BucketObjects, FolderObjects, open_objects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cloudstead.core.files.ports import ObjectStore

BUCKET = "cloud"
REGION = "eu-west-1"
_numbers = count()


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name=REGION, aws_access_key_id="anybody", aws_secret_access_key="anything"
    )
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    yield endpoint
    server.stop()


def open_bucket(endpoint: str, *, bucket: str = BUCKET) -> ObjectStore:
    """Open a bucket below a prefix that nobody else has."""
    address = BucketAddress(
        url=f"s3://{bucket}/test/{next(_numbers)}",
        region=REGION,
        endpoint=endpoint,
        access_key_id="anybody",
        secret_access_key="anything",
    )
    return open_objects(None, address)


@pytest.fixture(params=["folder", "memory", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return FolderObjects.open(tmp_path / "objects")
    if request.param == "memory":
        return BucketObjects(MemoryStore())
    return open_bucket(request.getfixturevalue("s3_endpoint"))
