"""S3, to read from: raw requests signed by botocore, over a real store."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudstead.core.files.model import Bucket
from cloudstead.core.ids import ThingName, ThingTypeId
from factories.files import as_base64, picture
from factories.s3 import HOST, presigned, s3_world
from factories.tenants import tenant

__all__ = ["tenant"]

ARCHIVE, PUBLIC, CERTS, IMAGES = Bucket.OBSERVATIONS, Bucket.PUBLIC, Bucket.CERTIFICATES, Bucket.THING_FILES
HOURS = ("2026/11/20/15/a", "2026/11/20/15/b", "2026/11/20/16/a", "2026/11/21/00/a", "top")


@pytest.fixture(scope="module")
def executor():
    with ThreadPoolExecutor(max_workers=1) as threads:
        yield threads


@pytest.fixture
def world(tenant, executor):
    return s3_world(tenant, executor)


@pytest.fixture
async def reader(world):
    return await world.reader()


# Buckets ---------------------------------------------------------------------------------------------------------


async def test_the_buckets_of_the_account_are_listed(world, reader):
    await world.tenant.open_another_account()

    reply = await world.ask(reader, "/")

    assert reply.status == 200
    assert reply.headers["content-type"] == "application/xml"
    assert reply.texts("Buckets/Bucket/Name") == sorted(world.name(bucket) for bucket in Bucket)
    assert reply.text("Owner/DisplayName") == world.tenant.account.name
    assert reply.text("Buckets/Bucket/CreationDate").endswith("Z")


async def test_a_bucket_can_be_asked_whether_it_is_there_and_where(world, reader):
    path = f"/{world.name(ARCHIVE)}"

    head = await world.ask(reader, path, method="HEAD")
    location = await world.ask(reader, f"{path}?location")

    assert (head.status, head.headers["x-amz-bucket-region"], head.content) == (200, "eu-west-1", b"")
    assert location.root.text == "eu-west-1"


async def test_the_bucket_of_another_account_is_not_there(world, reader):
    other = await world.tenant.open_another_account()
    for bucket in Bucket:
        await world.keep(bucket, "key", account=other)
        for path in (f"/{world.name(bucket, other)}", f"/{world.name(bucket, other)}/key"):
            assert (await world.ask(reader, path)).code == "NoSuchBucket"
            assert (await world.ask(reader, path, method="HEAD")).status == 404
            assert (await world.ask_by_url(reader, path)).code == "NoSuchBucket"


@pytest.mark.parametrize("name", ["nothing", "%2e%2e", "ObservationsBucket", "a%2Fb"])
async def test_a_bucket_that_is_not_there_is_told_with_its_name(world, reader, name):
    reply = await world.ask(reader, f"/{name}?list-type=2")

    assert (reply.status, reply.code) == (404, "NoSuchBucket")
    assert reply.root.findtext("RequestId") == reply.headers["x-amz-request-id"]


# Lists -----------------------------------------------------------------------------------------------------------


async def test_a_list_has_every_key_with_what_s3_tells_of_it(world, reader):
    await world.keep(ARCHIVE, *HOURS)

    reply = await world.ask(reader, f"/{world.name(ARCHIVE)}?list-type=2&fetch-owner=true")

    assert reply.keys == list(HOURS)
    assert reply.text("KeyCount") == "5"
    assert reply.text("IsTruncated") == "false"
    assert reply.text("Contents/Size") == "15"
    assert reply.text("Contents/StorageClass") == "STANDARD"
    assert reply.text("Contents/ETag").startswith('"')
    assert reply.texts("Contents/Owner/ID") == [world.tenant.account.id] * 5


async def test_a_prefix_and_a_delimiter_make_folders(world, reader):
    await world.keep(ARCHIVE, *HOURS)
    path = f"/{world.name(ARCHIVE)}?list-type=2&delimiter=%2F"

    top = await world.ask(reader, path)
    day = await world.ask(reader, f"{path}&prefix=2026%2F11%2F20%2F")
    hour = await world.ask(reader, f"{path}&prefix=2026%2F11%2F20%2F15%2F")

    assert (top.texts("CommonPrefixes/Prefix"), top.keys) == (["2026/"], ["top"])
    assert (day.texts("CommonPrefixes/Prefix"), day.keys) == (["2026/11/20/15/", "2026/11/20/16/"], [])
    assert (hour.texts("CommonPrefixes/Prefix"), hour.keys) == ([], ["2026/11/20/15/a", "2026/11/20/15/b"])
    assert day.text("KeyCount") == "2"


@pytest.mark.parametrize("delimiter", ["", "/", "1", "0/1"])
@pytest.mark.parametrize("size", [1, 2, 3])
async def test_pages_of_the_second_list_follow_one_another(world, reader, delimiter, size):
    await world.keep(ARCHIVE, *HOURS)
    path = f"/{world.name(ARCHIVE)}?list-type=2&delimiter={quote(delimiter, safe='')}"
    whole = await world.ask(reader, path)

    keys, prefixes, token = [], [], ""
    while True:
        page = await world.ask(reader, f"{path}&max-keys={size}{token}")
        keys += page.keys
        prefixes += page.texts("CommonPrefixes/Prefix")
        assert int(page.text("KeyCount")) <= size
        if page.text("IsTruncated") == "false":
            break
        token = f"&continuation-token={quote(page.text('NextContinuationToken'), safe='')}"

    assert keys == whole.keys
    assert prefixes == whole.texts("CommonPrefixes/Prefix")


@pytest.mark.parametrize("delimiter", ["", "/"])
@pytest.mark.parametrize("size", [1, 2])
async def test_pages_of_the_first_list_follow_one_another(world, reader, delimiter, size):
    await world.keep(ARCHIVE, *HOURS, "zone/a", "zone/b")
    path = f"/{world.name(ARCHIVE)}?delimiter={quote(delimiter, safe='')}"
    whole = await world.ask(reader, path)

    keys, prefixes, marker = [], [], ""
    while True:
        page = await world.ask(reader, f"{path}&max-keys={size}&marker={quote(marker, safe='')}")
        assert (page.text("Marker") or "") == marker
        keys += page.keys
        prefixes += page.texts("CommonPrefixes/Prefix")
        if page.text("IsTruncated") == "false":
            break
        marker = page.text("NextMarker")

    assert keys == whole.keys
    assert prefixes == whole.texts("CommonPrefixes/Prefix")


async def test_a_list_begins_after_a_key_and_spells_keys_as_asked(world, reader):
    await world.keep(PUBLIC, "a b+c", "ø/&<>", "z")
    path = f"/{world.name(PUBLIC)}?list-type=2"

    encoded = await world.ask(reader, f"{path}&encoding-type=url&start-after=a&prefix=")
    plain = await world.ask(reader, f"{path}&start-after=z")

    assert encoded.keys == ["a%20b%2Bc", "z", "%C3%B8/%26%3C%3E"]
    assert encoded.text("EncodingType") == "url"
    assert plain.keys == ["ø/&<>"]


@pytest.mark.parametrize(
    "query",
    [
        "max-keys=-1",
        "max-keys=many",
        "max-keys=1.5",
        "max-keys=99999999999",
        "encoding-type=base64",
        "continuation-token=%21",
        "continuation-token=" + quote(base64.urlsafe_b64encode(b"\xff")),
        "prefix=" + "x" * 5000,
    ],
)
async def test_an_argument_that_cannot_be_is_told(world, reader, query):
    reply = await world.ask(reader, f"/{world.name(PUBLIC)}?list-type=2&{query}")

    assert (reply.status, reply.code) == (400, "InvalidArgument")
    assert reply.root.findtext("ArgumentName")


@pytest.mark.parametrize("size", ["0", "", "1000", "5000"])
async def test_no_more_keys_than_a_thousand_are_given(world, reader, size):
    await world.keep(PUBLIC, "a")

    reply = await world.ask(reader, f"/{world.name(PUBLIC)}?list-type=2&max-keys={size}")

    assert reply.text("MaxKeys") == ("0" if size == "0" else "1000")
    assert reply.keys == ([] if size == "0" else ["a"])
    assert reply.text("IsTruncated") == "false"


@pytest.mark.parametrize("what", ["acl", "policy", "versioning", "versions", "uploads", "cors", "tagging"])
async def test_what_s3_has_and_we_have_not_is_told(world, reader, what):
    assert (await world.ask(reader, f"/{world.name(PUBLIC)}?{what}")).code == "NotImplemented"
    assert (await world.ask(reader, f"/{world.name(PUBLIC)}/key?{what}")).code == "NotImplemented"


# Objects ---------------------------------------------------------------------------------------------------------


async def test_an_object_is_fetched_with_what_is_known_of_it(world, reader):
    await world.keep(ARCHIVE, "2026/11/20/15/file")
    path = f"/{world.name(ARCHIVE)}/2026/11/20/15/file"

    got, head = await world.ask(reader, path), await world.ask(reader, path, method="HEAD")

    assert (got.status, got.content) == (200, b"2026/11/20/15/file")
    assert (head.status, head.content) == (200, b"")
    for name in ("content-length", "etag", "last-modified", "content-type", "accept-ranges"):
        assert got.headers[name] == head.headers[name]
    assert got.headers["content-length"] == "18"
    assert got.headers["last-modified"].endswith("GMT")


async def test_nothing_that_is_fetched_runs_as_a_page_of_ours(world, reader):
    await world.keep(PUBLIC, "page.html", "drawing.svg", "picture.png")
    await world.rooms.objects.put(f"{world.tenant.account.id}/PublicBucket/real", picture())

    for key, media_type, shown in (
        ("page.html", "application/octet-stream", "attachment"),
        ("drawing.svg", "application/octet-stream", "attachment"),
        ("picture.png", "application/octet-stream", "attachment"),
        ("real", "image/png", "inline"),
    ):
        for reply in (
            await world.ask_by_url(reader, f"/{world.name(PUBLIC)}/{key}"),
            await world.send("GET", f"/{world.name(PUBLIC)}/{key}"),
        ):
            assert reply.headers["content-type"] == media_type
            assert reply.headers["content-disposition"].startswith(shown)
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in reply.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("asked", "status", "content", "told"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=8-", 206, b"89", "bytes 8-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("bytes=5-4", 200, b"0123456789", None),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
        ("bytes=-", 200, b"0123456789", None),
        ("bytes=10-", 416, None, None),
        ("bytes=-0", 416, None, None),
    ],
)
async def test_a_part_of_an_object_is_fetched_by_its_range(world, reader, asked, status, content, told):
    await world.rooms.objects.put(f"{world.tenant.account.id}/ThingCertsBucket/ten", b"0123456789")

    reply = await world.ask(reader, f"/{world.name(CERTS)}/ten", headers={"range": asked})

    assert reply.status == status
    assert reply.headers.get("content-range") == told
    if content is None:
        assert (reply.code, reply.root.findtext("ActualObjectSize")) == ("InvalidRange", "10")
    else:
        assert reply.content == content


async def test_conditions_of_a_request_are_kept(world, reader):
    await world.keep(ARCHIVE, "file")
    path = f"/{world.name(ARCHIVE)}/file"
    first = await world.ask(reader, path)
    etag, modified = first.headers["etag"], first.headers["last-modified"]
    long_ago = "Sat, 01 Jan 2000 00:00:00 GMT"

    async def status(**headers):
        return (await world.ask(reader, path, headers={k.replace("_", "-"): v for k, v in headers.items()})).status

    assert await status(if_none_match=etag) == 304
    assert await status(if_none_match=f'"x", {etag}') == 304
    assert await status(if_none_match='"x"') == 200
    assert await status(if_modified_since=modified) == 304
    assert await status(if_modified_since=long_ago) == 200
    assert await status(if_modified_since="sometime") == 200
    assert await status(if_none_match='"x"', if_modified_since=modified) == 200
    assert await status(if_match=etag) == 200
    assert await status(if_match="*") == 200
    assert await status(if_match='"x"') == 412
    assert await status(if_unmodified_since=long_ago) == 412
    assert await status(if_match=etag, if_unmodified_since=long_ago) == 200
    assert await status(range="bytes=0-0", if_range=etag) == 206
    assert await status(range="bytes=0-0", if_range='"x"') == 200
    refused = await world.ask(reader, path, headers={"if-match": '"x"'})
    assert refused.code == "PreconditionFailed"


async def test_an_object_that_is_not_there_is_told_with_its_key(world, reader):
    reply = await world.ask(reader, f"/{world.name(ARCHIVE)}/no/such/key")
    head = await world.ask(reader, f"/{world.name(ARCHIVE)}/no/such/key", method="HEAD")

    assert (reply.status, reply.code, reply.root.findtext("Key")) == (404, "NoSuchKey", "no/such/key")
    assert (head.status, head.content) == (404, b"")


async def test_a_large_sealed_object_comes_whole_and_in_parts(world, reader):
    content = bytes(range(256)) * 2048
    await world.rooms.objects.put(f"{world.tenant.account.id}/ThingCertsBucket/large", content)
    path = f"/{world.name(CERTS)}/large"

    assert (await world.ask(reader, path)).content == content
    part = await world.ask(reader, path, headers={"range": "bytes=100000-400000"})
    assert part.content == content[100000:400001]


# Who may -----------------------------------------------------------------------------------------------------------


async def test_images_are_shown_to_those_within_whose_reach_the_thing_is(world):
    await world.tenant.add_domain("north")
    await world.tenant.add_domain("south")
    for name in ("north", "south"):
        await world.tenant.add_thing(f"thing-{name}", domain_id=name)
        await world.rooms.images.put(
            world.tenant.caller, name=ThingName(f"thing-{name}"), thing_type=ThingTypeId("1"), text=as_base64(picture())
        )
    whole, north = await world.reader(), await world.session(("north", "Read"))
    path = f"/{world.name(IMAGES)}"

    assert (await world.ask(whole, path)).keys == ["1/thing-north", "1/thing-south"]
    assert (await world.ask(north, path)).keys == ["1/thing-north"]
    assert (await world.ask(north, f"{path}?prefix=1%2Fthing-s")).keys == []
    assert (await world.ask(north, f"{path}/1/thing-north")).content == picture()
    assert (await world.ask(north, f"{path}/1/thing-north")).headers["content-type"] == "image/png"
    assert (await world.ask(north, f"{path}/1/thing-south")).code == "NoSuchKey"
    assert (await world.ask(whole, f"{path}/1/thing-south")).status == 200
    assert (await world.ask(whole, f"{path}/2/thing-south")).code == "NoSuchKey"


@pytest.mark.parametrize("bucket", [ARCHIVE, CERTS])
async def test_what_concerns_the_whole_account_is_not_there_for_those_who_see_a_part(world, bucket):
    await world.tenant.add_domain("north")
    await world.keep(bucket, "file")
    north, watcher = await world.session(("north", "ReadWrite")), await world.session(("root", "Watch"))

    assert (await world.ask(north, f"/{world.name(bucket)}?list-type=2")).keys == []
    assert (await world.ask(north, f"/{world.name(bucket)}/file")).code == "NoSuchKey"
    expected = 404 if bucket is CERTS else 200
    assert (await world.ask(watcher, f"/{world.name(bucket)}/file")).status == expected


async def test_who_has_no_role_or_is_a_guest_is_denied(world):
    await world.keep(ARCHIVE, "file")
    for session in (await world.session(), world.session_of(None)):
        for path in (f"/{world.name(ARCHIVE)}?list-type=2", f"/{world.name(ARCHIVE)}/file"):
            assert (await world.ask(session, path)).code == "AccessDenied"


async def test_only_what_is_public_is_read_without_a_signature(world):
    for bucket in (ARCHIVE, PUBLIC, CERTS):
        await world.keep(bucket, "file")

    public = await world.send("GET", f"/{world.name(PUBLIC)}/file")

    assert (public.status, public.content) == (200, b"file")
    assert (await world.send("HEAD", f"/{world.name(PUBLIC)}/file")).status == 200
    assert (await world.send("GET", f"/{world.name(PUBLIC)}/none")).code == "NoSuchKey"
    for path in (
        f"/{world.name(PUBLIC)}?list-type=2",
        f"/{world.name(ARCHIVE)}/file",
        f"/{world.name(CERTS)}/file",
        f"/{world.name(IMAGES)}/1/thing",
    ):
        assert (await world.send("GET", path)).code == "AccessDenied"
    assert (await world.send("GET", f"/{world.name(PUBLIC)}/file", url="https://elsewhere.example")).code == (
        "AccessDenied"
    )


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
async def test_nothing_is_written_this_way(world, reader, method):
    await world.keep(PUBLIC, "file")
    for path in (f"/{world.name(PUBLIC)}", f"/{world.name(PUBLIC)}/file", f"/{world.name(PUBLIC)}?delete"):
        reply = await world.ask(reader, path, method=method)

        assert (reply.status, reply.code) == (405, "MethodNotAllowed")
        assert reply.headers["allow"] == "GET, HEAD"
        assert reply.headers["connection"] == "close"
    assert await world.rooms.objects.get(f"{world.tenant.account.id}/PublicBucket/file") == b"file"


# Signatures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["plain", "a b", "a+b", "ø/é", "%", "a//b", "q?x", "=&", "(x)!*'~"])
async def test_a_key_of_any_spelling_is_signed_in_headers_and_in_the_address(world, reader, key):
    path = f"/{world.name(PUBLIC)}/{quote(key)}"

    by_headers, by_url = await world.ask(reader, path), await world.ask_by_url(reader, path)

    assert by_headers.code == by_url.code == "NoSuchKey", key


async def test_a_bucket_may_stand_in_the_host_name(world, reader):
    await world.keep(PUBLIC, "things/a/shadow", "files/x", "mqtt")
    url = f"https://{world.name(PUBLIC)}.{HOST}"

    assert (await world.ask(reader, "/?list-type=2", url=url)).keys == ["files/x", "mqtt", "things/a/shadow"]
    for key in ("things/a/shadow", "files/x", "mqtt"):
        assert (await world.ask(reader, f"/{key}", url=url)).content == key.encode()
        assert (await world.ask_by_url(reader, f"/{key}", url=url)).content == key.encode()
        assert (await world.send("GET", f"/{key}", url=url)).content == key.encode()
    assert (await world.ask(reader, "/", method="HEAD", url=url)).status == 200


async def test_a_payload_may_be_left_out_of_the_signature(world, reader):
    await world.keep(PUBLIC, "file")
    path = f"/{world.name(PUBLIC)}/file"

    for said in ("UNSIGNED-PAYLOAD", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"):
        reply = await world.ask(reader, path, headers={"X-Amz-Content-SHA256": said})
        assert reply.status == 200


async def test_a_signed_address_expires(world, reader):
    await world.keep(PUBLIC, "file")
    address = presigned(reader, f"/{world.name(PUBLIC)}/file", expires_s=60)

    world.tenant.clock.advance(timedelta(seconds=59))
    assert (await world.send("GET", address, url="")).status == 200
    world.tenant.clock.advance(timedelta(seconds=3))
    late = await world.send("GET", address, url="")
    assert (late.status, late.code) == (403, "AccessDenied")
    assert "expired" in late.root.findtext("Message")


async def test_a_clock_may_be_off_by_a_quarter_of_an_hour(world, reader):
    world.tenant.clock.advance(timedelta(minutes=14))
    assert (await world.ask(reader, "/")).status == 200

    world.tenant.clock.advance(timedelta(minutes=2))
    reply = await world.ask(reader, "/")
    assert (reply.status, reply.code) == (403, "RequestTimeTooSkewed")


async def test_credentials_expire(world):
    session = await world.session(("root", "Read"), lifetime_s=900)
    world.tenant.clock.advance(timedelta(seconds=-1))
    assert (await world.ask(session, "/")).status == 200
    world.tenant.clock.advance(timedelta(seconds=1000))
    reply = await world.ask(session, "/")

    assert (reply.status, reply.code) == (400, "ExpiredToken")


async def test_what_was_not_signed_is_refused_in_the_words_of_s3(world, reader):
    await world.keep(ARCHIVE, "file")
    path = f"/{world.name(ARCHIVE)}/file"
    address = presigned(reader, path)

    for spoilt, code in (
        (address.replace("/file?", "/fil?"), "SignatureDoesNotMatch"),
        (address + "&list-type=2", "SignatureDoesNotMatch"),
        (
            address.replace("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=NONE"),
            "AuthorizationQueryParametersError",
        ),
        (address.replace("eu-west-1", "us-east-1"), "AuthorizationQueryParametersError"),
    ):
        reply = await world.send("GET", spoilt, url="")
        assert reply.code == code
    assert (await world.ask(reader, path, region="us-east-1")).code == "AuthorizationHeaderMalformed"
    wrong = await world.send("GET", path, headers={"authorization": "AWS4-HMAC-SHA256 Credential=x/s3/aws4_request"})
    assert (wrong.status, wrong.code) == (400, "AuthorizationHeaderMalformed")
    forged = await world.send("GET", address.replace("X-Amz-Security-Token=", "X-Amz-Security-Token=A"), url="")
    assert (forged.status, forged.code) == (403, "InvalidAccessKeyId")


async def test_a_signature_of_the_old_kind_is_refused_with_what_to_use_instead(world):
    await world.keep(ARCHIVE, "file")
    path = f"/{world.name(ARCHIVE)}/file"

    for reply in (
        await world.send("GET", f"{path}?AWSAccessKeyId=ASIA&Signature=x&Expires=1"),
        await world.send("GET", path, headers={"authorization": "AWS ASIA:signature"}),
    ):
        assert (reply.status, reply.code) == (400, "InvalidRequest")
        assert "AWS4-HMAC-SHA256" in reply.root.findtext("Message")


async def test_the_head_of_a_signed_get_is_refused(world, reader):
    await world.keep(PUBLIC, "file")

    assert (await world.send("HEAD", presigned(reader, f"/{world.name(ARCHIVE)}/file"), url="")).status == 403


async def test_requests_signed_for_others_are_not_taken_for_s3(world, reader):
    reply = await world.ask(reader, "/2015-03-31/functions/x/invocations", service="lambda", method="POST")

    assert reply.headers["content-type"] == "application/json"
    assert "x-amzn-requestid" in reply.headers


async def test_a_page_of_another_origin_may_read(world):
    preflight = await world.send(
        "OPTIONS",
        f"/{world.name(PUBLIC)}/file",
        headers={"origin": "https://elsewhere.example", "access-control-request-method": "GET"},
    )

    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "GET" in preflight.headers["access-control-allow-methods"]


# Bounds ------------------------------------------------------------------------------------------------------------


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.one_of(
        st.text(st.sampled_from("./%\\ aZ!-_+\N{GRINNING FACE}") | st.characters(codec="utf-8"), max_size=30),
        st.sampled_from(["../", "..%2f", "%00", "/etc/passwd", "../../keys/installation", "\U0010ffff"]),
    ),
    bucket=st.sampled_from(list(Bucket)),
)
async def test_no_key_and_no_marker_ever_leads_out_of_the_account(world, text, bucket):
    other = await world.tenant.open_another_account(world.tenant.ids.new())
    for each in Bucket:
        await world.keep(each, "theirs!" + "0" * 32, "theirs", account=other)
    await world.keep(bucket, "mine")
    session = world.session_of(world.tenant.administrator.id)
    path = f"/{world.name(bucket)}"
    spelt = quote(text, safe="").replace(".", "%2E")  # or the client takes the dots away
    token = quote(base64.urlsafe_b64encode(text.encode()))
    for query in (
        f"list-type=2&prefix={spelt}",
        f"list-type=2&start-after={spelt}",
        f"list-type=2&delimiter={spelt}",
        f"list-type=2&continuation-token={token}",
        f"marker={spelt}&delimiter={spelt}&prefix={spelt}",
    ):
        reply = await world.ask(session, f"{path}?{query.replace('%2E', '.')}")
        assert reply.status == 200, reply.content
        assert set(reply.keys) <= {"mine"}
    for key in (spelt or "x", f"%2E%2E%2F%2E%2E%2F{other.id}/{bucket}/theirs", f"%2F{other.id}/{bucket}/theirs"):
        reply = await world.ask(session, f"{path}/{key}")
        assert reply.content == b"mine" if text == key == "mine" else reply.code in {"NoSuchKey", "NoSuchBucket"}
