from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from contract.aws.installation import send

FORM = {"content-type": "application/x-www-form-urlencoded"}


def test_a_person_is_told_the_own_account_and_role(cloud):
    answer = cloud.client("sts", cloud.session(cloud.anna)).get_caller_identity()
    assert answer["Account"] == "000000000001"
    assert answer["Arn"] == (
        "arn:aws:sts::000000000001:assumed-role/dev-AuthenticatedRole-14W20MERP6ET1/CognitoIdentityCredentials"
    )
    role_id, _, name = answer["UserId"].partition(":")
    assert (role_id[:4], len(role_id), name) == ("AROA", 21, "CognitoIdentityCredentials")


def test_a_guest_has_another_role(cloud):
    answer = cloud.client("sts", cloud.session()).get_caller_identity()
    assert "UnauthenticatedRole" in answer["Arn"]


def test_a_disabled_person_is_refused_at_the_next_call(cloud):
    client = cloud.client("sts", cloud.session(cloud.anna))
    client.get_caller_identity()
    cloud.callers.disabled.add(cloud.anna.id)
    with pytest.raises(ClientError) as refused:
        client.get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "InvalidClientTokenId"


def test_expired_credentials_have_their_own_name(cloud):
    with pytest.raises(ClientError) as refused:
        cloud.client("sts", cloud.session(cloud.anna, lifetime_s=-1)).get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "ExpiredToken"


def test_an_unsigned_call_is_refused_in_xml(cloud):
    answer = cloud.request("POST", "/", content="Action=GetCallerIdentity&Version=2011-06-15", headers=FORM)
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/xml")
    assert "<Code>MissingAuthenticationToken</Code>" in answer.text
    assert answer.headers["x-amzn-requestid"] in answer.text


@pytest.mark.parametrize("body", [b"Action=AssumeRole&Version=2011-06-15", b"", b"\xff=%zz&Action", b"a=1&" * 200])
def test_any_other_action_is_invalid(cloud, body):
    request = cloud.signed("POST", "/", service="sts", session=cloud.session(), body=body, headers=FORM)
    answer = send(request)
    assert answer.status_code == 400
    assert "<Code>InvalidAction</Code>" in answer.text


def test_a_body_altered_after_signing_is_refused(cloud):
    request = cloud.signed(
        "POST", "/", service="sts", session=cloud.session(), body=b"Action=GetCallerIdentity&A=1", headers=FORM
    )
    answer = cloud.request("POST", "/", content=b"Action=GetCallerIdentity&A=2", headers=request.headers)
    assert answer.status_code == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in answer.text
