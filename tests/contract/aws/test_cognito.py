from __future__ import annotations

from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from contract.aws.installation import REGION

TARGET = "AWSCognitoIdentityService"
JSON = "application/x-amz-json-1.1"


def pool(account) -> str:
    return f"{REGION}:{account.identity_pool}"


def refusal(call, **parameters) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def cognito(cloud):
    return cloud.client("cognito-identity")


def test_a_guest_gets_an_identity_and_credentials_that_work(cloud, cognito):
    identity = cognito.get_id(IdentityPoolId=pool(cloud.home))["IdentityId"]
    assert len(identity) <= 55
    answer = cognito.get_credentials_for_identity(IdentityId=identity)
    assert answer["IdentityId"] == identity
    keys = answer["Credentials"]
    session = cloud.sessions.open(keys["AccessKeyId"], keys["SessionToken"], now_s=0)
    assert (session.person_id, session.secret_access_key) == (None, keys["SecretKey"])
    assert abs(keys["Expiration"].timestamp() - cloud.clock.now().timestamp() - 3600) < 60


def test_two_guests_are_two_identities(cloud, cognito):
    first, second = (cognito.get_id(IdentityPoolId=pool(cloud.home))["IdentityId"] for _ in range(2))
    assert first != second


def test_a_person_has_one_identity_for_ever(cloud, cognito):
    first, second = (
        cognito.get_id(IdentityPoolId=pool(cloud.home), Logins=cloud.logins(cloud.anna))["IdentityId"] for _ in range(2)
    )
    assert first == second == cloud.identities.of_person(cloud.home, cloud.anna.id)


def test_a_login_turns_the_guests_identity_into_the_persons_own(cloud, cognito):
    # What SDKs send after LOGIN: the identity of the guest, and the token.
    guest = cognito.get_id(IdentityPoolId=pool(cloud.home))["IdentityId"]
    answer = cognito.get_credentials_for_identity(IdentityId=guest, Logins=cloud.logins(cloud.anna))
    own = cloud.identities.of_person(cloud.home, cloud.anna.id)
    assert answer["IdentityId"] == own
    again = cognito.get_credentials_for_identity(IdentityId=own, Logins=cloud.logins(cloud.anna))
    assert again["IdentityId"] == own
    keys = again["Credentials"]
    assert cloud.sessions.open(keys["AccessKeyId"], keys["SessionToken"], now_s=0).person_id == cloud.anna.id


def test_empty_logins_are_a_guests(cloud, cognito):
    identity = cognito.get_id(IdentityPoolId=pool(cloud.home), Logins={})["IdentityId"]
    answer = cognito.get_credentials_for_identity(IdentityId=identity, Logins={})
    keys = answer["Credentials"]
    assert cloud.sessions.open(keys["AccessKeyId"], keys["SessionToken"], now_s=0).person_id is None


def test_a_guest_of_an_account_of_another_host_is_found_by_the_identity(cloud, cognito):
    identity = cognito.get_id(IdentityPoolId=pool(cloud.other))["IdentityId"]
    keys = cognito.get_credentials_for_identity(IdentityId=identity)["Credentials"]
    session = cloud.sessions.open(keys["AccessKeyId"], keys["SessionToken"], now_s=0)
    assert session.account_id == cloud.other.id


def test_an_open_id_token_speaks_of_the_identity(cloud, cognito):
    identity = cognito.get_id(IdentityPoolId=pool(cloud.home))["IdentityId"]
    guest = cognito.get_open_id_token(IdentityId=identity)
    assert guest["IdentityId"] == identity
    person = cognito.get_open_id_token(IdentityId=identity, Logins=cloud.logins(cloud.anna))
    assert person["IdentityId"] == cloud.identities.of_person(cloud.home, cloud.anna.id)
    assert person["Token"].count(".") == 2


def test_an_open_id_token_of_an_unknown_identity_is_refused(cloud, cognito):
    code, _ = refusal(cognito.get_open_id_token, IdentityId=f"{REGION}:00000000-0000-8000-8000-000000000000")
    assert code == "ResourceNotFoundException"


# Refusals.


@pytest.mark.parametrize(
    "pool_id", [f"{REGION}:00000000-0000-4000-8000-000000000009", "us-east-1:00000000-0000-4000-8000-000000000001"]
)
def test_an_unknown_pool_is_not_found(cognito, pool_id):
    assert refusal(cognito.get_id, IdentityPoolId=pool_id) == (
        "ResourceNotFoundException",
        f"IdentityPool '{pool_id}' not found.",
    )


def test_an_invented_identity_is_not_found(cognito):
    invented = f"{REGION}:00000000-0000-8000-8000-000000000000"
    code, message = refusal(cognito.get_credentials_for_identity, IdentityId=invented)
    assert (code, message) == ("ResourceNotFoundException", f"Identity '{invented}' not found.")


def test_a_persons_identity_without_a_login_is_forbidden(cloud, cognito):
    own = cloud.identities.of_person(cloud.home, cloud.anna.id)
    code, message = refusal(cognito.get_credentials_for_identity, IdentityId=own)
    assert (code, message) == ("NotAuthorizedException", f"Access to Identity '{own}' is forbidden.")


def test_another_persons_identity_is_forbidden_whatever_the_login(cloud, cognito):
    theirs = cloud.identities.of_person(cloud.home, "f" * 32)
    code, _ = refusal(cognito.get_credentials_for_identity, IdentityId=theirs, Logins=cloud.logins(cloud.anna))
    assert code == "NotAuthorizedException"


def test_a_guest_of_another_account_cannot_become_a_person_here(cloud, cognito):
    guest = cloud.identities.new_guest(cloud.other)
    code, _ = refusal(cognito.get_credentials_for_identity, IdentityId=guest, Logins=cloud.logins(cloud.anna))
    assert code == "ResourceNotFoundException"


def test_a_login_of_another_account_does_not_open_the_pool(cloud, cognito):
    code, message = refusal(cognito.get_id, IdentityPoolId=pool(cloud.home), Logins=cloud.logins(cloud.olaf))
    assert code == "NotAuthorizedException"
    assert message.startswith("Invalid login token.")


def test_an_expired_login_says_since_when(cloud, cognito):
    logins = cloud.logins(cloud.anna)
    cloud.clock.shift = timedelta(minutes=16)
    guest = cloud.identities.new_guest(cloud.home)
    code, message = refusal(cognito.get_credentials_for_identity, IdentityId=guest, Logins=logins)
    assert code == "NotAuthorizedException"
    prefix, _, times = message.partition("Token expired: ")
    assert prefix == "Invalid login token. "
    expired, _, now = times.partition(" >= ")
    assert int(now) - int(expired) in range(50, 70)


def test_a_login_of_somebody_disabled_is_refused(cloud, cognito):
    cloud.callers.disabled.add(cloud.anna.id)
    code, message = refusal(cognito.get_id, IdentityPoolId=pool(cloud.home), Logins=cloud.logins(cloud.anna))
    assert code == "NotAuthorizedException"
    assert message.startswith("Invalid login token.")


@pytest.mark.parametrize("token", ["a.b.c", "not a token", "x" * 9000])
def test_a_forged_login_is_refused(cloud, cognito, token):
    [provider] = cloud.logins(cloud.anna)
    code, message = refusal(cognito.get_id, IdentityPoolId=pool(cloud.home), Logins={provider: token})
    assert code == "NotAuthorizedException"
    assert message.startswith("Invalid login token. ")


def test_a_login_of_another_provider_is_refused(cloud, cognito):
    logins = {"graph.facebook.com": cloud.id_token(cloud.anna)}
    code, message = refusal(cognito.get_id, IdentityPoolId=pool(cloud.home), Logins=logins)
    assert (code, message) == ("NotAuthorizedException", "Invalid login token. Issuer doesn't match providerName")


def test_two_logins_at_once_are_refused(cloud, cognito):
    logins = {**cloud.logins(cloud.anna), "graph.facebook.com": "x"}
    code, _ = refusal(cognito.get_id, IdentityPoolId=pool(cloud.home), Logins=logins)
    assert code == "NotAuthorizedException"


# Malformed input.

OPERATIONS = ("GetId", "GetCredentialsForIdentity", "GetOpenIdToken")


def post(cloud, operation: str, body: bytes):
    return cloud.request(
        "POST", "/", content=body, headers={"x-amz-target": f"{TARGET}.{operation}", "content-type": JSON}
    )


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000 + b"]"])
def test_a_body_that_is_no_json_is_a_serialization_error(cloud, operation, body):
    answer = post(cloud, operation, body[:60_000])
    assert answer.status_code == 400
    assert answer.headers["x-amzn-errortype"] in {"SerializationException", "InvalidParameterException"}
    assert answer.json()["__type"] == answer.headers["x-amzn-errortype"]
    assert answer.headers["content-type"] == JSON


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"IdentityId":1,"IdentityPoolId":1}',
        b'{"IdentityId":"x","IdentityPoolId":"x"}',
        b'{"IdentityId":"eu-west-1:%s","IdentityPoolId":"eu-west-1:%s"}' % (b"0" * 99, b"0" * 99),
        b'{"IdentityId":"eu-west-1:0","IdentityPoolId":"eu-west-1:0","Logins":[]}',
    ],
)
def test_a_parameter_of_the_wrong_shape_is_invalid(cloud, operation, body):
    answer = post(cloud, operation, body)
    assert answer.status_code == 400
    assert answer.json()["__type"] == "InvalidParameterException"
    assert answer.json()["message"].startswith("1 validation error detected")


@pytest.mark.parametrize("target", [f"{TARGET}.DeleteIdentityPool", "DynamoDB_20120810.GetItem", ""])
def test_an_unknown_target_is_an_unknown_operation(cloud, target):
    answer = cloud.request("POST", "/", content=b"{}", headers={"x-amz-target": target})
    assert (answer.status_code, answer.json()["__type"]) == (400, "UnknownOperationException")


def test_a_body_beyond_all_measure_is_refused_before_it_is_read(cloud):
    answer = post(cloud, "GetId", b"x" * (64 * 1024 + 1))
    assert (answer.status_code, answer.json()["__type"]) == (413, "RequestEntityTooLargeException")
