"""Files, with the clients that people have: boto3, the AWS command line, and a browser's plain GET."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from factories.demo import REGION
from factories.files import picture
from journeys.aws_user import Refused

if TYPE_CHECKING:
    from factories.demo import Demo
    from journeys.aws_user import AwsUser

# The command line pins its own botocore, so it lives in an environment of its own (scripts/setup).
AWS = Path(sys.prefix) / "aws" / "bin" / "aws"
PATH_STYLE = {"addressing_style": "path"}


def s3_of(demo: Demo, user: AwsUser | None) -> Any:
    keys = {}
    if user is not None:
        keys = {
            "aws_access_key_id": user.keys["AccessKeyId"],
            "aws_secret_access_key": user.keys["SecretKey"],
            "aws_session_token": user.keys["SessionToken"],
        }
    config = Config(
        s3=PATH_STYLE, retries={"total_max_attempts": 1}, signature_version="s3v4" if user is not None else UNSIGNED
    )
    return boto3.client("s3", endpoint_url=demo.url(), region_name=REGION, config=config, **keys)


def aws(demo: Demo, user: AwsUser, folder: Path, *arguments: str, is_refused: bool = False) -> str:
    """Run the AWS command line as somebody; return what it prints, or its complaint."""
    config = folder / "aws-config"
    config.write_text("[default]\ns3 =\n  addressing_style = path\n  signature_version = s3v4\n")
    outcome = subprocess.run(
        [AWS, "--endpoint-url", demo.url(), "--region", REGION, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_CONFIG_FILE": str(config),
            "AWS_ACCESS_KEY_ID": user.keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": user.keys["SecretKey"],
            "AWS_SESSION_TOKEN": user.keys["SessionToken"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
        },
    )
    assert (outcome.returncode != 0) is is_refused, outcome
    return outcome.stderr if is_refused else outcome.stdout


def fetch(url: str) -> tuple[int, bytes, Any]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


@pytest.fixture(scope="module")
def images(demo: Demo, administrator: AwsUser) -> dict[str, bytes]:
    """The images of two things, one of them in the north, by their keys."""
    put = {}
    for number, domain in enumerate(("root", "north")):
        name = administrator.add_thing(demo.new_name("camera"), domain)
        content = picture(size=(40 + number, 30))
        encoded = f"data:image/png;base64,{base64.b64encode(content).decode()}"
        administrator.invoke("FileLambda.PUT_THING_IMAGE", thingId=name, thingType="sensor", encodedFile=encoded)
        put[f"sensor/{name}"] = content
    return put


def test_boto3_lists_and_fetches_what_its_user_may_see(
    demo: Demo, administrator: AwsUser, ron: AwsUser, images: dict[str, bytes]
) -> None:
    bucket = administrator.manifest["ThingFilesBucket"]
    (_, in_the_north) = images
    s3, rons = s3_of(demo, administrator), s3_of(demo, ron)

    assert bucket in {each["Name"] for each in s3.list_buckets()["Buckets"]}
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == REGION
    s3.head_bucket(Bucket=bucket)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 1})
    assert {each["Key"] for page in pages for each in page.get("Contents", ())} >= set(images)
    pages = rons.get_paginator("list_objects").paginate(Bucket=bucket, PaginationConfig={"PageSize": 1})
    assert {each["Key"] for page in pages for each in page.get("Contents", ())} & set(images) == {in_the_north}

    for key, content in images.items():
        got = s3.get_object(Bucket=bucket, Key=key)
        assert got["Body"].read() == content
        assert got["ContentType"] == "image/png"
        assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(content)
        part = s3.get_object(Bucket=bucket, Key=key, Range="bytes=1-3")
        assert (part["Body"].read(), part["ContentRange"]) == (b"PNG", f"bytes 1-3/{len(content)}")
        with pytest.raises(ClientError, match="304"):
            s3.get_object(Bucket=bucket, Key=key, IfNoneMatch=got["ETag"])


def test_boto3_is_refused_in_the_words_that_it_knows(
    demo: Demo, administrator: AwsUser, stranger: AwsUser, images: dict[str, bytes]
) -> None:
    bucket, key = administrator.manifest["ThingFilesBucket"], next(iter(images))
    s3 = s3_of(demo, administrator)

    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="sensor/nothing")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3_of(demo, stranger).list_objects_v2(Bucket=bucket)
    for write in (
        lambda: s3.put_object(Bucket=bucket, Key=key, Body=b"x"),
        lambda: s3.delete_object(Bucket=bucket, Key=key),
        lambda: s3.create_bucket(Bucket="new", CreateBucketConfiguration={"LocationConstraint": REGION}),
    ):
        with pytest.raises(ClientError, match="MethodNotAllowed"):
            write()
    with pytest.raises(ClientError, match="AccessDenied"):
        s3_of(demo, None).get_object(Bucket=bucket, Key=key)


def test_an_address_signed_by_boto3_is_fetched_by_anybody(
    demo: Demo, administrator: AwsUser, images: dict[str, bytes]
) -> None:
    bucket = administrator.manifest["ThingFilesBucket"]
    key, content = next(iter(images.items()))
    url = s3_of(demo, administrator).generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=60
    )

    status, body, headers = fetch(url)
    assert (status, body) == (200, content)
    assert "sandbox" in headers["content-security-policy"]
    status, body, _ = fetch(url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"))
    assert (status, b"SignatureDoesNotMatch" in body) == (403, True)


def test_the_command_line_lists_copies_and_signs(
    demo: Demo, administrator: AwsUser, images: dict[str, bytes], tmp_path: Path
) -> None:
    bucket = administrator.manifest["ThingFilesBucket"]
    key, content = next(iter(images.items()))
    name = key.rpartition("/")[2]

    assert bucket in aws(demo, administrator, tmp_path, "s3", "ls")
    assert "PRE sensor/" in aws(demo, administrator, tmp_path, "s3", "ls", f"s3://{bucket}")
    assert name in aws(demo, administrator, tmp_path, "s3", "ls", f"s3://{bucket}/sensor/")
    aws(demo, administrator, tmp_path, "s3", "cp", "--recursive", f"s3://{bucket}", str(tmp_path / "all"))
    copied = {
        str(file.relative_to(tmp_path / "all")): file.read_bytes()
        for file in (tmp_path / "all").rglob("*")
        if file.is_file()
    }
    assert {each: copied[each] for each in images} == images
    signed = aws(demo, administrator, tmp_path, "s3", "presign", f"s3://{bucket}/{key}", "--expires-in", "60")
    assert fetch(signed.strip())[:2] == (200, content)
    listed = json.loads(
        aws(demo, administrator, tmp_path, "s3api", "list-objects-v2", "--bucket", bucket, "--prefix", key)
    )
    assert [(each["Key"], each["Size"]) for each in listed["Contents"]] == [(key, len(content))]


def test_the_command_line_writes_nothing_and_reads_nothing_of_others(
    demo: Demo, administrator: AwsUser, stranger: AwsUser, tmp_path: Path
) -> None:
    bucket = administrator.manifest["ThingFilesBucket"]
    (tmp_path / "file").write_text("new")

    written = aws(
        demo, administrator, tmp_path, "s3", "cp", str(tmp_path / "file"), f"s3://{bucket}/x", is_refused=True
    )
    read = aws(demo, stranger, tmp_path, "s3", "ls", f"s3://{bucket}", is_refused=True)

    assert "MethodNotAllowed" in written
    assert "NoSuchBucket" in read


def test_a_link_of_a_list_is_fetched_without_any_credential_for_a_while(
    demo: Demo, ron: AwsUser, images: dict[str, bytes]
) -> None:
    (_, (key, content)) = images.items()
    page = ron.invoke("FileLambda.LIST", bucketName="ThingFilesBucket", prefix=key)
    (shown,) = page["files"]

    plain = shown["url"].replace(demo.url("https"), demo.url())
    status, body, headers = fetch(plain)

    assert (status, body) == (200, content)
    assert headers["content-type"] == "image/png"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["etag"] == shown["ETag"]
    for spoilt in (plain[:-1], plain.replace("ThingFilesBucket", "ThingCertsBucket"), plain.partition("?")[0]):
        assert fetch(spoilt)[0] == 403


def test_an_image_is_gone_with_its_thing(demo: Demo, administrator: AwsUser) -> None:
    name = administrator.add_thing(demo.new_name("camera"))
    image = base64.b64encode(picture()).decode()
    administrator.invoke("FileLambda.PUT_THING_IMAGE", thingId=name, thingType="sensor", encodedFile=image)
    (shown,) = administrator.invoke("FileLambda.LIST", bucketName="ThingFilesBucket", prefix=f"sensor/{name}")["files"]

    administrator.invoke("ThingLambda.REMOVE", thingName=name)

    assert fetch(shown["url"].replace(demo.url("https"), demo.url()))[0] == 404
    with pytest.raises(Refused) as refused:
        administrator.invoke("FileLambda.PUT_THING_IMAGE", thingId=name, thingType="sensor", encodedFile=image)
    assert refused.value.key == "THING_NOT_FOUND"
