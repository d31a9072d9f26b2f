"""The stack: what cfn-lint says of it, and what it must never lose."""

from __future__ import annotations

import ast
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace
from urllib.error import HTTPError

import pytest
from cfnlint import api, decode
from cfnlint.core import get_rules

from cloudstead.delivery.aws.template import template_body


@pytest.fixture(scope="module")
def template():
    read, faults = decode.decode_str(template_body())
    assert faults == []
    return json.loads(json.dumps(read, default=str))


def test_cfn_lint_finds_nothing():
    rules = get_rules([], [], ["I", "W", "E"], include_experimental=False)
    found = api.lint(template_body(), rules, ["eu-west-1", "us-east-1"])
    assert [str(each) for each in found if each.rule.id != "W1030"] == []


def test_it_fits_into_a_call():
    assert len(template_body().encode()) <= 51_200


@pytest.mark.parametrize("name", ["DataBucket", "TrailBucket", "DeviceTable", "UserPool", "DataFiles"])
def test_what_holds_data_stays_when_the_stack_goes(template, name):
    assert template["Resources"][name]["DeletionPolicy"] == "Retain"
    assert template["Resources"][name]["UpdateReplacePolicy"] == "Retain"


def test_nobody_assumes_the_role_without_the_external_id(template):
    (statement,) = template["Resources"]["BuilderRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}


def test_the_role_may_do_everything_nowhere(template):
    (policy,) = template["Resources"]["BuilderRole"]["Properties"]["Policies"]
    for statement in policy["PolicyDocument"]["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not any(action.endswith("*") for action in actions)
        if statement["Resource"] == "*":
            # None of these takes a resource.
            assert {action.partition(":")[0] for action in actions} <= {"iot", "cloudwatch"}


def test_cloudformation_neither_makes_nor_widens_a_role_for_the_operator(template):
    (policy,) = template["Resources"]["StackRole"]["Properties"]["Policies"]
    statements = [each.get("Fn::If", [None, each])[1] for each in policy["PolicyDocument"]["Statement"]]
    actions = {action for each in statements for action in each["Action"]}
    widening = ("iam:Create", "iam:Put", "iam:Attach", "iam:Update", "iam:*", "*")
    assert not [action for action in actions if action.startswith(widening)]
    assert not [action for action in actions if action in {"s3:DeleteBucket", "dynamodb:DeleteTable"}]


def test_secrets_are_not_shown_by_the_console(template):
    assert all(template["Parameters"][name]["NoEcho"] is True for name in ("ExternalId", "ConnectToken"))


def test_the_function_is_python_that_succeeds_when_the_stack_goes(template):
    source = template["Resources"]["ConnectFunction"]["Properties"]["Code"]["ZipFile"]
    sent = []

    class CfnResponse:
        SUCCESS, FAILED = "SUCCESS", "FAILED"

        @staticmethod
        def send(event, _context, outcome, _data, physical_id, reason=None):
            sent.append((event["RequestType"], outcome, physical_id, reason))

    properties = {
        "CloudId": "c",
        "ExternalId": "e",
        "ConnectUrl": "http://127.0.0.1:1/",
        "ConnectToken": "t",
        "Account": "1",
        "RoleArn": "r",
        "DeviceRoleName": "d",
        "TemplateVersion": "1",
    }
    tree = ast.parse(source)
    replaced = {"cfnresponse", "time"}
    tree.body = [each for each in tree.body if not (isinstance(each, ast.Import) and each.names[0].name in replaced)]
    waited = []
    space = {"cfnresponse": CfnResponse, "time": SimpleNamespace(sleep=waited.append)}
    exec(compile(tree, "index.py", "exec"), space)
    for kind in ("Create", "Update", "Delete"):
        space["handler"]({"RequestType": kind, "StackId": "s", "ResourceProperties": properties}, None)
    assert [each[:3] for each in sent] == [
        ("Create", "FAILED", "cloudstead-connect"),
        ("Update", "FAILED", "cloudstead-connect"),
        ("Delete", "SUCCESS", "cloudstead-connect"),
    ]
    assert "cannot be reached" in sent[0][3]
    # Twenty seconds for each call beside the pauses: within the function's time, which is within that of the stack.
    assert sum(waited[:5]) + 6 * 20 < template["Resources"]["ConnectFunction"]["Properties"]["Timeout"] < 300


# The monthly report ------------------------------------------------------------------------------------------------


class Iot:
    """A group of two pages."""

    def __init__(self):
        self.asked = []

    def list_things_in_thing_group(self, **given):
        self.asked.append(given)
        return {"things": ["a"]} if "nextToken" in given else {"things": ["b", "c"], "nextToken": "more"}


class CloudWatch:
    """Two days' messages over each protocol."""

    def __init__(self):
        self.asked = []

    def get_metric_statistics(self, **given):
        self.asked.append(given)
        return {"Datapoints": [{"Sum": 44_640.0}, {"Sum": 22_320.0}]}


def report_of(template, monkeypatch, url):
    """Run the function as on the first of January, and return whom it asked."""
    asked = {"iot": Iot(), "cloudwatch": CloudWatch()}
    function = template["Resources"]["ReportFunction"]["Properties"]
    given = {"ACCOUNT": "acc", "CLOUD": "c", "GROUP": "cloudstead-c", "REPORT_URL": url, "TOKEN": "t"}
    assert set(given) == set(function["Environment"]["Variables"])
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "boto3", SimpleNamespace(client=asked.__getitem__))
    space = {}
    exec(compile(function["Code"]["ZipFile"], "index.py", "exec"), space)
    space["handler"]({"time": "2026-01-01T03:17:00Z"}, None)
    return asked


@pytest.fixture
def operator():
    """An operator who writes down what is reported, and answers with a status."""
    heard = []

    class Door(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            heard.append((self.path, self.headers["authorization"], body))
            self.send_response(self.server.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Door) as server:
        server.heard, server.status = heard, 200
        server.url = f"http://127.0.0.1:{server.server_port}/cloud/report"
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_month_before_is_reported(template, monkeypatch, operator):
    asked = report_of(template, monkeypatch, operator.url)
    said = {"accountId": "acc", "cloudId": "c", "count": 3, "load": 3.0, "usage": [{"devices": 3}]}
    assert operator.heard == [("/cloud/report", "bearer t", said)]
    assert [each.get("nextToken") for each in asked["iot"].asked] == [None, "more"]
    months = {(f"{each['StartTime']:%m-%d}", f"{each['EndTime']:%m-%d}") for each in asked["cloudwatch"].asked}
    assert months == {("12-01", "01-01")}


def test_a_report_that_is_refused_fails_the_run_so_that_it_is_tried_again(template, monkeypatch, operator):
    operator.status = 502
    with pytest.raises(HTTPError, match="502") as failure:
        report_of(template, monkeypatch, operator.url)
    failure.value.close()
