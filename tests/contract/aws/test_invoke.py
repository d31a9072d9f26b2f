from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from contract.aws.installation import send

SUFFIX = "14W20MERP6ET1"
THING = f"dev-ThingLambda-{SUFFIX}"
AUTH = f"dev-AuthLambda-{SUFFIX}"
ARN = f"arn:aws:lambda:eu-west-1:000000000001:function:{THING}"
PATH = f"/2015-03-31/functions/{THING}/invocations"


@pytest.fixture
def anna(cloud):
    return cloud.client("lambda", cloud.session(cloud.anna))


@pytest.fixture
def guest(cloud):
    return cloud.client("lambda", cloud.session())


def refusal(client, **parameters) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as refused:
        client.invoke(**parameters)
    answer = refused.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def test_a_person_invokes_a_function_of_the_own_account(cloud, anna):
    answer = anna.invoke(FunctionName=THING, Payload=b'{"action":"GET"}')
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in answer
    assert json.loads(answer["Payload"].read()) == {
        "function": "ThingLambda",
        "account": "000000000001",
        "user": "person11",
        "payload": {"action": "GET"},
    }


@pytest.mark.parametrize(
    "name",
    [
        THING,
        f"{THING}:$LATEST",
        f"000000000001:function:{THING}",
        f"function:{THING}",
        ARN,
        f"{ARN}:$LATEST",
    ],
)
def test_every_form_of_a_function_name_is_understood(cloud, name):
    from urllib.parse import quote

    request = cloud.signed(
        "POST",
        f"/2015-03-31/functions/{quote(name, safe='')}/invocations",
        service="lambda",
        session=cloud.session(cloud.anna),
    )
    assert send(request).json()["function"] == "ThingLambda"


def test_the_latest_version_may_be_named(anna):
    assert anna.invoke(FunctionName=ARN, Qualifier="$LATEST")["StatusCode"] == 200


def test_no_payload_counts_as_an_empty_object(cloud, anna):
    anna.invoke(FunctionName=THING)
    assert cloud.runtime.runs == [("ThingLambda", "000000000001", "person11", b"{}")]


def test_a_guest_may_invoke_the_login_and_nothing_else(cloud, guest):
    assert guest.invoke(FunctionName=AUTH)["StatusCode"] == 200
    status, code, message = refusal(guest, FunctionName=THING)
    assert (status, code) == (403, "AccessDeniedException")
    assert message == (
        f"User: arn:aws:sts::000000000001:assumed-role/dev-UnauthenticatedRole-{SUFFIX}/CognitoIdentityCredentials "
        f"is not authorized to perform: lambda:InvokeFunction on resource: {ARN}"
    )


def test_a_function_that_fails_answers_200_and_says_so(anna):
    answer = anna.invoke(FunctionName=THING, Payload=b'{"action":"FAIL"}')
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Handled")
    assert json.loads(json.loads(answer["Payload"].read())["errorMessage"]) == {"message": "no"}


def test_a_function_that_breaks_tells_nothing_but_the_request(cloud, anna):
    answer = anna.invoke(FunctionName=THING, Payload=b'{"action":"BREAK"}')
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    text = answer["Payload"].read().decode()
    assert "secret" not in text
    message = json.loads(json.loads(text)["errorMessage"])["message"]
    assert answer["ResponseMetadata"]["RequestId"] in message


def test_an_event_is_run_and_answered_without_a_body(cloud, anna):
    answer = anna.invoke(FunctionName=THING, InvocationType="Event", Payload=b"{}")
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    assert len(cloud.runtime.runs) == 1


def test_a_dry_run_checks_and_does_not_run(cloud, anna, guest):
    answer = anna.invoke(FunctionName=THING, InvocationType="DryRun")
    assert (answer["StatusCode"], answer["Payload"].read()) == (204, b"")
    assert cloud.runtime.runs == []
    assert refusal(guest, FunctionName=THING, InvocationType="DryRun")[1] == "AccessDeniedException"


def test_the_tail_of_the_log_names_the_request(anna):
    answer = anna.invoke(FunctionName=THING, LogType="Tail")
    log = base64.b64decode(answer["LogResult"]).decode()
    assert log.startswith(f"START RequestId: {answer['ResponseMetadata']['RequestId']} Version: $LATEST\n")
    assert "REPORT RequestId" in log


def test_without_being_asked_there_is_no_log(anna):
    assert "LogResult" not in anna.invoke(FunctionName=THING)


def test_a_client_context_is_accepted(anna):
    context = base64.b64encode(b'{"client":{}}').decode()
    assert anna.invoke(FunctionName=THING, ClientContext=context)["StatusCode"] == 200


# Refusals.


@pytest.mark.parametrize(
    ("name", "arn"),
    [
        (f"dev-RuleLambda-{SUFFIX}", f"arn:aws:lambda:eu-west-1:000000000001:function:dev-RuleLambda-{SUFFIX}"),
        ("ThingLambda", "arn:aws:lambda:eu-west-1:000000000001:function:ThingLambda"),
        (f"{THING}:7", f"{ARN}:7"),
        # A name is looked for in the caller's own account, so this is not there, though the other account has it.
        (
            "prod-ThingLambda-14W20MERP6ET2",
            "arn:aws:lambda:eu-west-1:000000000001:function:prod-ThingLambda-14W20MERP6ET2",
        ),
    ],
)
def test_an_unknown_function_is_not_found(anna, name, arn):
    assert refusal(anna, FunctionName=name) == (404, "ResourceNotFoundException", f"Function not found: {arn}")


@pytest.mark.parametrize(
    "name",
    [
        "arn:aws:lambda:eu-west-1:000000000002:function:prod-ThingLambda-14W20MERP6ET2",
        "arn:aws:lambda:eu-west-1:000000000002:function:prod-NoLambda-14W20MERP6ET2",
        "arn:aws:lambda:eu-west-1:000000000099:function:prod-ThingLambda-14W20MERP6ET2",
        f"arn:aws:lambda:us-east-1:000000000001:function:{THING}",
    ],
)
def test_another_accounts_function_is_denied_whether_it_is_there_or_not(anna, name):
    status, code, message = refusal(anna, FunctionName=name)
    assert (status, code) == (403, "AccessDeniedException")
    assert message.endswith(f"on resource: {name}")


def test_an_unknown_function_looks_the_same_to_a_guest_as_a_forbidden_one(guest):
    assert refusal(guest, FunctionName=f"dev-NoLambda-{SUFFIX}")[1] == "AccessDeniedException"


def test_an_unknown_version_is_not_found(anna):
    assert refusal(anna, FunctionName=THING, Qualifier="7")[1] == "ResourceNotFoundException"


def test_two_different_versions_are_invalid(anna):
    assert refusal(anna, FunctionName=f"{ARN}:$LATEST", Qualifier="7")[1] == "InvalidParameterValueException"


@pytest.mark.parametrize("payload", [b"{", b"\xff\xfe", b'"\xff"', b"{} {}", b"NaN", b"[" * 100_000])
def test_a_payload_that_is_no_json_is_refused(cloud, anna, payload):
    status, code, message = refusal(anna, FunctionName=THING, Payload=payload)
    assert (status, code) == (400, "InvalidRequestContentException")
    assert message.startswith("Could not parse request body into json")
    assert cloud.runtime.runs == []


def test_a_payload_of_more_than_six_megabytes_is_too_large(anna):
    payload = b'"' + b"x" * (6 * 1024 * 1024) + b'"'
    status, code, message = refusal(anna, FunctionName=THING, Payload=payload)
    assert (status, code) == (413, "RequestTooLargeException")
    assert message == "Request must be smaller than 6291456 bytes for the InvokeFunction operation"


def test_a_payload_of_just_less_than_six_megabytes_is_not(anna):
    payload = b'"' + b"x" * (6 * 1024 * 1024 - 2) + b'"'
    assert anna.invoke(FunctionName=THING, Payload=payload)["StatusCode"] == 200


def test_an_event_has_a_limit_of_its_own(anna):
    payload = b'"' + b"x" * (256 * 1024) + b'"'
    status, code, _ = refusal(anna, FunctionName=THING, InvocationType="Event", Payload=payload)
    assert (status, code) == (413, "RequestTooLargeException")


@pytest.mark.parametrize("header", ["X-Amz-Invocation-Type", "X-Amz-Log-Type"])
def test_an_unknown_kind_of_invocation_is_invalid(cloud, header):
    request = cloud.signed(
        "POST", PATH, service="lambda", session=cloud.session(cloud.anna), headers={header: "Sometimes"}
    )
    answer = send(request)
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, "InvalidParameterValueException")


@pytest.mark.parametrize("context", ["%%%", "e30", base64.b64encode(b"[]").decode(), "ew=="])
def test_a_client_context_that_is_none_is_refused(cloud, context):
    request = cloud.signed(
        "POST", PATH, service="lambda", session=cloud.session(cloud.anna), headers={"X-Amz-Client-Context": context}
    )
    answer = send(request)
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, "InvalidRequestContentException")


@pytest.mark.parametrize("name", ["a%20b", "%2F", "arn%3Aaws%3Alambda%3Aeu-west-1%3Adev", "x" * 65, "%24LATEST"])
def test_a_text_that_is_no_function_name_is_invalid(cloud, name):
    path = f"/2015-03-31/functions/{name}/invocations"
    answer = send(cloud.signed("POST", path, service="lambda", session=cloud.session(cloud.anna)))
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, "InvalidParameterValueException")


# Signatures.


def error(answer) -> tuple[int, str, str]:
    assert answer.json()["Type"] == "User"
    return answer.status_code, answer.headers["x-amzn-errortype"], answer.json()["message"]


def test_an_unsigned_call_lacks_its_token(cloud):
    assert error(cloud.request("POST", PATH, content=b"{}")) == (
        403,
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    )


def test_half_a_signature_is_incomplete(cloud):
    answer = cloud.request("POST", PATH, headers={"authorization": "AWS4-HMAC-SHA256 Credential=x"})
    assert error(answer)[:2] == (403, "IncompleteSignatureException")


def test_a_body_altered_on_the_way_is_refused(cloud):
    request = cloud.signed("POST", PATH, service="lambda", session=cloud.session(cloud.anna), body=b'{"a":1}')
    answer = cloud.request("POST", PATH, content=b'{"a":2}', headers=request.headers)
    assert error(answer)[:2] == (403, "InvalidSignatureException")


@pytest.mark.parametrize("shift", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_a_clock_that_is_more_than_five_minutes_off_is_refused(cloud, shift):
    request = cloud.signed("POST", PATH, service="lambda", session=cloud.session(cloud.anna))
    cloud.clock.shift = shift
    status, name, message = error(send(request))
    assert (status, name) == (403, "InvalidSignatureException")
    assert message.startswith(("Signature expired", "Signature not yet current"))


def test_expired_credentials_are_told_apart_so_that_sdks_renew_them(cloud):
    request = cloud.signed("POST", PATH, service="lambda", session=cloud.session(cloud.anna, lifetime_s=-1))
    assert error(send(request)) == (
        403,
        "ExpiredTokenException",
        "The security token included in the request is expired",
    )


@pytest.mark.parametrize("token", ["", "AAAA", "é"])
def test_a_forged_session_token_is_unknown(cloud, token):
    request = cloud.signed("POST", PATH, service="lambda", session=cloud.session(cloud.anna))
    headers = {**request.headers, "x-amz-security-token": token.encode()}
    assert error(cloud.request("POST", PATH, headers=headers)) == (
        403,
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )


def test_a_session_token_of_another_key_is_unknown(cloud):
    request = cloud.signed("POST", PATH, service="lambda", session=cloud.session(cloud.anna))
    headers = {**request.headers, "x-amz-security-token": cloud.session(cloud.anna).session_token}
    assert error(cloud.request("POST", PATH, headers=headers))[1] == "UnrecognizedClientException"


def test_somebody_disabled_is_unknown_from_that_moment_on(cloud):
    cloud.callers.disabled.add(cloud.anna.id)
    request = cloud.signed("POST", PATH, service="lambda", session=cloud.session(cloud.anna))
    assert error(send(request))[1] == "UnrecognizedClientException"


@pytest.mark.parametrize(("service", "region"), [("sts", "eu-west-1"), ("lambda", "us-east-1")])
def test_a_signature_for_elsewhere_is_refused(cloud, service, region):
    request = cloud.signed("POST", PATH, service=service, region=region, session=cloud.session(cloud.anna))
    status, name, message = error(send(request))
    assert (status, name) == (403, "InvalidSignatureException")
    assert message.startswith("Credential should be scoped to")


def test_a_stranger_is_refused_before_the_body_is_read(cloud):
    request = cloud.signed("POST", PATH, service="lambda", session=cloud.session())
    headers = {**request.headers, "x-amz-security-token": "AAAA"}
    del headers["content-length"]
    answer = cloud.request("POST", PATH, headers=headers, content=b"x" * (7 * 1024 * 1024))
    assert error(answer)[:2] == (403, "UnrecognizedClientException")


def test_another_method_is_not_allowed(cloud):
    answer = cloud.request("GET", PATH)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.headers["x-amzn-errortype"] == "MethodNotAllowedException"


def test_another_path_of_the_service_is_not_found(cloud):
    answer = cloud.request("GET", "/2015-03-31/functions/x")
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")
