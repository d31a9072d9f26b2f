"""The rows, and the faces made of them: one face for each service, since each words its errors in its own way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cloudstead import __version__
from cloudstead.dialects.aws import cognito, errors, functions, iam, invoke, iot_data, manifest, sts
from cloudstead.dialects.aws.accounts import Accounts
from cloudstead.dialects.aws.auth import AwsCaller, BearerCallers, SignedCallers
from cloudstead.dialects.aws.cors import AWS_CORS
from cloudstead.dialects.aws.file_links import LinkedFiles, LinkQuery
from cloudstead.dialects.aws.s3.errors import S3_ERRORS
from cloudstead.dialects.aws.s3.place import S3Routes, is_s3
from cloudstead.dialects.aws.s3.reading import Buckets, ListQuery
from cloudstead.web.face import Document, Face, below
from cloudstead.web.routes import KeyRoutes, PathRoutes
from cloudstead.web.sigv4 import LAMBDA, STS_AND_IAM, Rules
from cloudstead.web.table import op

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.types import Scope
    from structlog.typing import FilteringBoundLogger

    from cloudstead.core.access.signers import Signers
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.access_keys import AccessKeys
    from cloudstead.core.credentials.identities import Identities
    from cloudstead.core.credentials.temporary import TemporaryCredentials
    from cloudstead.core.credentials.tokens import Tokens
    from cloudstead.core.files.files import Files
    from cloudstead.core.files.links import FileLinks
    from cloudstead.core.ids import IdSource
    from cloudstead.core.unit import Database
    from cloudstead.dialects.aws.ports import Callers, Devices, FunctionRuntime, ShadowPort, TopicPort
    from cloudstead.web.call import Call
    from cloudstead.web.signed import SignatureReader

AWS_DOCUMENT: Final = Document(
    name="aws",
    title="AWS services",
    version=__version__,
    summary="The AWS services that clients speak: Cognito Identity, STS, Lambda, IoT data plane, S3 to read from.",
)
CLOUD_CONNECT_DOCUMENT: Final = Document(
    name="cloud-connect",
    title="Cloud Connect",
    version="2.11",
    summary="Functions called over plain HTTP, and the manifest. Lambda Invoke runs the same functions.",
)
_SIGV4: Final = {"type": "apiKey", "in": "header", "name": "Authorization", "description": "AWS Signature Version 4"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsParts:
    """Everything that the AWS faces are made of.

    ``described_functions`` holds, by logical name, the ``summary`` and ``requestBody`` of their OpenAPI operations.
    """

    database: Database
    identities: Identities
    sessions: TemporaryCredentials
    access_keys: AccessKeys
    signers: Signers
    signatures: SignatureReader
    tokens: Tokens
    callers: Callers
    runtime: FunctionRuntime
    shadows: ShadowPort
    topics: TopicPort
    devices: Devices
    files: Files
    file_links: FileLinks
    endpoints: manifest.Endpoints
    clock: Clock
    ids: IdSource
    log: FilteringBoundLogger
    described_functions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def signed_callers(parts: AwsParts) -> SignedCallers:
    """Return who recognises signed requests, for the faces here and for WebSocket upgrades at the gateway."""
    accounts = Accounts(parts.database, parts.identities, parts.clock)
    return SignedCallers(parts.signatures, parts.signers, accounts)


def aws_faces(parts: AwsParts) -> tuple[Face, ...]:
    """Return the faces, in the order in which they are to be asked."""
    accounts = Accounts(parts.database, parts.identities, parts.clock)
    signed = signed_callers(parts)
    bearers = BearerCallers(parts.callers)
    return (
        # First, because a key may look like any path of the others.
        _s3(parts, accounts, signed),
        _cognito(parts, accounts),
        _query_protocol(parts, signed),
        _lambda(parts, signed),
        _iot_data(parts, signed, bearers),
        _functions(parts, accounts, bearers),
        _file_links(parts),
        _manifest(parts, accounts),
    )


def _s3(parts: AwsParts, accounts: Accounts, signed: SignedCallers) -> Face:
    buckets = Buckets(parts.files, accounts, signed, region=parts.endpoints.region)
    bucket, key = "/{bucket}", "/{bucket}/{key*}"
    rows = [
        op("GET", "/#ListBuckets", name="ListBuckets", run=buckets.list_buckets),
        op("HEAD", bucket, name="HeadBucket", run=buckets.head_bucket),
        op("GET", f"{bucket}#location", name="GetBucketLocation", run=buckets.get_location),
        op("GET", bucket, name="ListObjects", run=buckets.list_objects, query=ListQuery),
        op("GET", f"{bucket}#list-type=2", name="ListObjectsV2", run=buckets.list_objects_v2, query=ListQuery),
        op("GET", key, name="GetObject", run=buckets.get_object),
        op("HEAD", key, name="HeadObject", run=buckets.head_object),
    ]
    return Face(
        name="s3",
        matches=is_s3,
        routes=S3Routes(rows),
        errors=S3_ERRORS,
        authenticate=buckets.authenticate,
        media_type="application/xml",
        body_limit=64 * 1024,
        request_id_header="x-amz-request-id",
        cors=AWS_CORS,
        document=AWS_DOCUMENT,
        security_scheme=_SIGV4,
    )


def _file_links(parts: AwsParts) -> Face:
    service = LinkedFiles(parts.files, parts.file_links)
    row = op(
        "GET",
        "/files/{account}/{bucket}/{key*}",
        name="fetch_file",
        run=service.fetch,
        query=LinkQuery,
        is_open=True,
    )
    return Face(
        name="files",
        matches=below("/files/"),
        routes=PathRoutes([row]),
        errors=errors.PLAIN_ERRORS,
        cors=AWS_CORS,
        document=CLOUD_CONNECT_DOCUMENT,
    )


def _cognito(parts: AwsParts, accounts: Accounts) -> Face:
    region = parts.endpoints.region
    service = cognito.CognitoIdentity(
        accounts, parts.identities, parts.sessions, parts.tokens, parts.callers, region=region
    )
    rows = [
        op(
            "POST",
            f"/#X-Amz-Target={cognito.TARGET}.GetId",
            name="GetId",
            run=service.get_id,
            takes=cognito.GetIdInput,
            gives=cognito.GetIdOutput,
            is_open=True,
        ),
        op(
            "POST",
            f"/#X-Amz-Target={cognito.TARGET}.GetCredentialsForIdentity",
            name="GetCredentialsForIdentity",
            run=service.get_credentials,
            takes=cognito.GetCredentialsInput,
            gives=cognito.GetCredentialsOutput,
            is_open=True,
        ),
        op(
            "POST",
            f"/#X-Amz-Target={cognito.TARGET}.GetOpenIdToken",
            name="GetOpenIdToken",
            run=service.get_open_id_token,
            takes=cognito.GetOpenIdTokenInput,
            gives=cognito.GetOpenIdTokenOutput,
            is_open=True,
        ),
    ]
    return Face(
        name="cognito-identity",
        matches=_is_cognito,
        routes=KeyRoutes(rows, key_of=_target_of),
        errors=errors.COGNITO_ERRORS,
        media_type="application/x-amz-json-1.1",
        body_limit=64 * 1024,
        request_id_header="x-amzn-requestid",
        cors=AWS_CORS,
        document=AWS_DOCUMENT,
    )


def _is_cognito(scope: Scope) -> bool:
    """Match ``POST /`` with a target, and every preflight of ``/``, which says nothing of its target."""
    if scope["raw_path"] != b"/":
        return False
    if scope["method"] == "OPTIONS":
        return True
    return scope["method"] == "POST" and any(name == b"x-amz-target" for name, _ in scope["headers"])


async def _target_of(call: Call[Any]) -> str:
    return call.headers.get("x-amz-target", "")


def _query_protocol(parts: AwsParts, signed: SignedCallers) -> Face:
    keys = iam.AccessKeyCalls(parts.database, parts.access_keys)
    runs = {
        "GetCallerIdentity": sts.get_caller_identity,
        "CreateAccessKey": keys.create,
        "ListAccessKeys": keys.list_own,
        "UpdateAccessKey": keys.update,
        "DeleteAccessKey": keys.delete,
    }
    rows = [op("POST", f"/#Action={action}", name=action, run=run) for action, run in runs.items()]
    return Face(
        name="sts",
        matches=_is_form,
        routes=KeyRoutes(rows, key_of=sts.action_of),
        errors=errors.STS_ERRORS,
        authenticate=_signed_for(signed, STS_AND_IAM),
        media_type="text/xml",
        body_limit=64 * 1024,
        request_id_header="x-amzn-requestid",
        cors=AWS_CORS,
        document=AWS_DOCUMENT,
        security_scheme=_SIGV4,
    )


def _is_form(scope: Scope) -> bool:
    if scope["method"] != "POST" or scope["raw_path"] != b"/":
        return False
    return any(
        name == b"content-type" and value.startswith(b"application/x-www-form-urlencoded")
        for name, value in scope["headers"]
    )


def _lambda(parts: AwsParts, signed: SignedCallers) -> Face:
    service = invoke.Invocations(parts.runtime, parts.clock, region=parts.endpoints.region, log=parts.log)
    row = op(
        "POST",
        "/2015-03-31/functions/{function}/invocations",
        name="Invoke",
        run=service.invoke,
        query=invoke.InvokeQuery,
    )
    return Face(
        name="lambda",
        matches=below("/2015-03-31/functions/"),
        routes=PathRoutes([row], ignore_last_slash=True),
        errors=errors.LAMBDA_ERRORS,
        authenticate=_signed_for(signed, LAMBDA),
        body_limit=invoke.MAX_PAYLOAD,
        request_id_header="x-amzn-requestid",
        cors=AWS_CORS,
        document=AWS_DOCUMENT,
        security_scheme=_SIGV4,
    )


def _iot_data(parts: AwsParts, signed: SignedCallers, bearers: BearerCallers) -> Face:
    service = iot_data.IotData(
        parts.shadows, parts.topics, parts.devices, signed=signed, bearers=bearers, ids=parts.ids, log=parts.log
    )
    shadow = "/things/{thing}/shadow"
    rows = [
        op("GET", shadow, name="GetThingShadow", run=service.get_shadow, query=iot_data.ShadowQuery),
        op("POST", shadow, name="UpdateThingShadow", run=service.update_shadow, query=iot_data.ShadowQuery),
        op("DELETE", shadow, name="DeleteThingShadow", run=service.delete_shadow, query=iot_data.ShadowQuery),
        op(
            "GET",
            f"{shadow}/history",
            name="GetThingShadowHistory",
            run=service.get_history,
            gives=iot_data.History,
            query=iot_data.HistoryQuery,
        ),
        op(
            "POST",
            "/topics/{topic*}",
            name="Publish",
            run=service.publish,
            gives=iot_data.Published,
            query=iot_data.PublishQuery,
        ),
    ]
    return Face(
        name="iot-data",
        matches=_is_iot_data,
        routes=PathRoutes(rows),
        errors=errors.IOT_DATA_ERRORS,
        authenticate=service.authenticate,
        body_limit=iot_data.MAX_PAYLOAD,
        request_id_header="x-amzn-requestid",
        cors=AWS_CORS,
        document=AWS_DOCUMENT,
        security_scheme=_SIGV4,
    )


def _is_iot_data(scope: Scope) -> bool:
    return bool(scope["raw_path"].startswith((b"/things/", b"/topics/")))


def _functions(parts: AwsParts, accounts: Accounts, bearers: BearerCallers) -> Face:
    service = functions.Functions(parts.runtime, accounts, bearers)
    return Face(
        name="functions",
        matches=below("/functions/"),
        routes=PathRoutes([op("POST", "/functions/{function}", name="invoke_function", run=service.invoke)]),
        errors=errors.PLAIN_ERRORS,
        authenticate=service.authenticate,
        body_limit=invoke.MAX_PAYLOAD,
        cors=AWS_CORS,
        document=CLOUD_CONNECT_DOCUMENT,
        path_items=functions.path_items(parts.described_functions, face="functions"),
    )


def _manifest(parts: AwsParts, accounts: Accounts) -> Face:
    service = manifest.Manifest(accounts, parts.endpoints)
    gives, query = dict[str, str], manifest.ManifestQuery
    rows = [
        op(
            "GET",
            "/prod/manifest",
            name="get_manifest",
            run=service.by_host,
            gives=gives,
            query=query,
            is_open=True,
        ),
        op("GET", "/", name="get_manifest_by_number", run=service.by_number, gives=gives, query=query, is_open=True),
    ]
    return Face(
        name="manifest",
        matches=_is_manifest,
        routes=PathRoutes(rows, ignore_last_slash=True),
        errors=errors.PLAIN_ERRORS,
        cors=AWS_CORS,
        document=CLOUD_CONNECT_DOCUMENT,
    )


def _is_manifest(scope: Scope) -> bool:
    """Match the manifest's own path, and ``/`` only when it is asked for an account: the page lives there too."""
    path = scope["raw_path"]
    if path == b"/":
        return any(part.startswith(b"account=") for part in scope["query_string"].split(b"&"))
    return path in {b"/prod/manifest", b"/prod/manifest/"}


def _signed_for(signed: SignedCallers, rules: Rules) -> Callable[[Call[AwsCaller]], Awaitable[AwsCaller]]:
    async def authenticate(call: Call[AwsCaller]) -> AwsCaller:
        return await signed.of_call(call, rules)

    return authenticate
