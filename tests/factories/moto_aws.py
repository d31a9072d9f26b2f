"""moto's server as AWS, with what it leaves out: a role that demands its external id, and refusals on order."""

from __future__ import annotations

import io
import re
import threading
import urllib.request
from collections import deque
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlencode

import boto3
from botocore.exceptions import ClientError
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from cloudstead.delivery.aws.template import template_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

REGION = "eu-west-1"
CUSTOMER = "222222222222"
NEIGHBOUR = "333333333333"
OPERATOR = "123456789012"  # moto's own account
_REFUSAL = (
    '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>{code}</Code>'
    "<Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
)
_SERVICE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([a-z0-9-]+)/aws4_request")


class _Silent(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """Tell nobody."""


class MotoAws:
    """A server on loopback. ``external_ids`` are those that its roles demand, by the name of the role.

    ``stack_status`` is how every stack is said to stand, whatever moto knows: its stacks take no time and never fail.
    """

    def __init__(self) -> None:
        self.external_ids: dict[str, str | None] = {}
        self.calls: list[str] = []
        self._refusals: deque[tuple[str, int, str]] = deque()
        self.stack_status: str | None = None
        self._held: tuple[str, threading.Event, threading.Event] | None = None
        self._server = make_server(
            "127.0.0.1",
            0,
            self._filter(DomainDispatcherApplication(create_backend_app)),
            threaded=True,
            request_handler=_Silent,
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def reset(self) -> None:
        """Forget everything."""
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset", method="POST"), timeout=30):
            pass
        self.external_ids.clear()
        self.calls.clear()
        self._refusals.clear()
        self.stack_status = None
        self.let_go()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def refuse(self, service: str, code: str, *, times: int = 1, status: int = 400) -> None:
        """Answer the next calls of a service with an error, before moto sees them."""
        self._refusals.extend([(service, status, code)] * times)

    def hold(self, call: str) -> threading.Event:
        """Let the next call that begins so wait, such as ``iot POST /keys``; the event tells that it has come."""
        came = threading.Event()
        self._held = (call, came, threading.Event())
        return came

    def let_go(self) -> None:
        """Answer what is held."""
        if self._held is not None:
            self._held[2].set()
            self._held = None

    def session(self, **keys: str) -> boto3.Session:
        given = {"aws_access_key_id": "operator", "aws_secret_access_key": "secret", "region_name": REGION, **keys}
        return boto3.Session(**given)

    def customer(self, service: str, account: str = CUSTOMER) -> Any:
        """Return a client of a customer's account."""
        sts = self.session().client("sts", endpoint_url=self.url)
        self.external_ids.setdefault("me", None)
        keys = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/me", RoleSessionName="me")["Credentials"]
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    def _filter(self, app: Any) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
        def serve(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
            service = _SERVICE.search(environ.get("HTTP_AUTHORIZATION", ""))
            name = service[1] if service else ""
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            if name == "cloudformation":
                body = _with_what_moto_makes(body)
                environ["CONTENT_LENGTH"] = str(len(body))
            environ["wsgi.input"] = io.BytesIO(body)
            call = f"{name} {environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
            self.calls.append(call)
            self._wait(call)
            refusal = self._refusal(name, body)
            if refusal is None and self.stack_status is not None and b"Action=DescribeStacks" in body:
                return self._described(app, environ, start)
            if refusal is None:
                return app(environ, start)
            status, content, kind, code = refusal
            start(f"{status} Refused", [("content-type", kind), ("x-amzn-errortype", code)])
            return [content.encode()]

        return serve

    def _wait(self, call: str) -> None:
        held = self._held
        if held is not None and call.startswith(held[0]) and not held[1].is_set():
            held[1].set()
            held[2].wait(30)

    def _described(self, app: Any, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        told: list[Any] = []
        body = b"".join(app(environ, lambda *given: told.extend(given)))
        start(told[0], [each for each in told[1] if each[0].lower() != "content-length"])
        said = f"<StackStatus>{self.stack_status}<".encode()
        return [re.sub(rb"<StackStatus>\w+<", said, body)]

    def launch(self, name: str, given: Mapping[str, str], account: str = CUSTOMER) -> dict[str, str]:
        """Make the parts of a stack that moto knows, in a customer's account; return its outputs and ``StackId``."""
        # moto knows the previous value of a parameter only where one was given.
        defaults = dict.fromkeys(("Image", "PublicHostname", "VpcId", "SubnetA", "SubnetB"), "")
        defaults |= {"KeepsTrail": "no", "Cpu": "1024", "Memory": "4096"}
        formation = self.customer("cloudformation", account)
        cognito = self.customer("cognito-idp", account)
        pool = cognito.create_user_pool(PoolName=name)["UserPool"]["Id"]
        client = cognito.create_user_pool_client(UserPoolId=pool, ClientName=name)["UserPoolClient"]["ClientId"]
        pools = f"  UserPoolId: {{Value: {pool}}}\n  UserPoolClientId: {{Value: {client}}}\n"
        stack_id = formation.create_stack(
            StackName=name,
            TemplateBody=made_by_moto(given["CloudId"]).rstrip() + "\n" + pools,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in {**defaults, **given}.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )["StackId"]
        (stack,) = formation.describe_stacks(StackName=stack_id)["Stacks"]
        return {"StackId": stack_id, **{each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}}

    def found(self, name: str, account: str = CUSTOMER) -> dict[str, Any]:
        """Return what there is of a cloud in a customer's account, by kind."""
        iot = self.customer("iot", account)
        try:
            (stack,) = self.customer("cloudformation", account).describe_stacks(StackName=name)["Stacks"]
            status = stack["StackStatus"]
        except ClientError:
            status = "DELETE_COMPLETE"
        return {
            "things": [each["thingName"] for each in iot.list_things()["things"]],
            "certificates": [each["status"] for each in iot.list_certificates()["certificates"]],
            "rules": [each["ruleName"] for each in iot.list_topic_rules()["rules"]],
            "aliases": iot.list_role_aliases()["roleAliases"],
            "groups": [each["groupName"] for each in iot.list_thing_groups()["thingGroups"]],
            "stack": status,
        }

    def _refusal(self, service: str, body: bytes) -> tuple[int, str, str, str] | None:
        if self._refusals and self._refusals[0][0] == service:
            _, status, code = self._refusals.popleft()
            if service in {"sts", "cloudformation"}:
                return status, _REFUSAL.format(code=code, message="on order"), "text/xml", code
            return status, f'{{"__type": "{code}", "message": "on order"}}', "application/json", code
        form = parse_qs(body.decode("latin-1")) if service == "sts" else {}
        if form.get("Action") != ["AssumeRole"]:
            return None
        role = form["RoleArn"][0].rpartition("/")[2]
        demanded = self.external_ids.get(role, "nobody knows")
        if demanded is None or form.get("ExternalId") == [demanded]:
            return None
        denial = _REFUSAL.format(code="AccessDenied", message="not authorized to perform: sts:AssumeRole")
        return 403, denial, "text/xml", "AccessDenied"


def _with_what_moto_makes(body: bytes) -> bytes:
    """Let an update of a stack bring what moto can make."""
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    if form.get("Action") != "UpdateStack":
        return body
    match = re.search("cloudstead-([0-9A-Z]{26})", form["StackName"])
    assert match is not None
    return urlencode({**form, "TemplateBody": made_by_moto(match[1])}).encode()


def made_by_moto(cloud_id: str) -> str:
    """Return the template without what moto cannot make: the custom resource with its function, and Cognito."""
    body = template_body()
    left_out = ("Connect", "ConnectFunction", "UserPool", "UserPoolClient", "IdentityPool", "BrowserRoleAttachment")
    left_out += ("ReportFunction", "ReportSchedule", "ReportPermission")
    for name in (*left_out, "BrowserRole"):
        body = re.sub(rf"(?ms)^  {name}:\n.*?(?=^  \w|^  #|^\w)", "", body)
    for name in ("UserPoolId", "UserPoolClientId"):
        body = re.sub(rf"(?ms)^  {name}:\n.*?(?=^  \w|\Z)", "", body)
    for name in ("UserPool.Arn", "ConnectFunction.Arn", "ReportFunction.Arn", "ReportSchedule.Arn"):
        body = body.replace(f"Resource: !GetAtt {name}", 'Resource: "*"')
    body = re.sub(r'Resource: !Sub ".*identitypool.*"', 'Resource: "*"', body)
    body = body.replace("                  - !GetAtt BrowserRole.Arn\n", "")
    # moto deletes policies by literal names only
    return body.replace('PolicyName: !Sub "cloudstead-${CloudId}"', f"PolicyName: cloudstead-{cloud_id}")
