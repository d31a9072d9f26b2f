"""The stack: what cfn-lint says of it, and what it must never lose."""

from __future__ import annotations

import ast
import json
from types import SimpleNamespace

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
