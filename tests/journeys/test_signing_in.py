from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError

from factories.demo import REGION
from journeys.aws_user import AwsUser, Refused

if TYPE_CHECKING:
    from factories.demo import Demo


def code_of(refusal: pytest.ExceptionInfo[ClientError]) -> str:
    return refusal.value.response["Error"]["Code"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_guest_logs_in_and_becomes_somebody(demo: Demo, scheme: str) -> None:
    user = AwsUser(demo, demo.administrator, scheme)
    guest = user.identity_id
    as_guest = user.client("sts").get_caller_identity()

    user.log_in()

    as_somebody = user.client("sts").get_caller_identity()
    assert user.identity_id == user.login["credentials"]["identityId"] != guest
    assert user.login["user"]["userName"] == "admin"
    assert user.login["user"]["roleName"] == "ReadWrite"
    assert as_guest["Account"] == as_somebody["Account"] == user.manifest["AccountNumber"]
    assert as_guest["Arn"] != as_somebody["Arn"]
    assert as_somebody["Arn"].endswith("/CognitoIdentityCredentials")
    assert user.invoke("DomainLambda.LIST", name=None)["root"]["attributes"]["id"] == "root"


def test_a_client_that_does_not_trust_our_authority_does_not_come_in(demo: Demo) -> None:
    with pytest.raises(URLError, match="certificate verify failed"):
        urlopen(f"{demo.url('https')}/healthz", timeout=30)


def test_a_guest_may_log_in_and_nothing_else(demo: Demo) -> None:
    guest = AwsUser(demo, demo.administrator)

    for function in ("ThingLambda", "DomainLambda", "ObservationLambda", "ThingTypeLambda", "UserLambda"):
        with pytest.raises(ClientError, match="is not authorized to perform: lambda:InvokeFunction") as refusal:
            guest.invoke(f"{function}.LIST")
        assert code_of(refusal) == "AccessDeniedException"
    for ask in (guest.shadow, guest.update):
        with pytest.raises(ClientError) as refusal:
            ask("anything")
        assert code_of(refusal) == "ForbiddenException"


def test_empty_logins_are_those_of_a_guest(demo: Demo) -> None:
    guest = AwsUser(demo, demo.administrator)
    before = guest.identity_id

    guest.take_keys({})

    assert guest.identity_id == before
    assert "Unauth" in guest.client("sts").get_caller_identity()["Arn"]


def test_a_wrong_password_and_an_unknown_name_are_refused_alike(demo: Demo) -> None:
    guest = AwsUser(demo, demo.ron)

    for name, password in ((demo.ron.user_name, "wrong"), ("nobody", demo.ron.password)):
        with pytest.raises(Refused) as refusal:
            guest.invoke("AuthLambda.LOGIN", userName=name, password=password)
        assert refusal.value.key == "INVALID_LOGIN"


def test_a_refresh_token_logs_in_anew(demo: Demo, nora: AwsUser) -> None:
    guest = AwsUser(demo, demo.nora)

    refreshed = guest.invoke("AuthLambda.REFRESH", refreshToken=nora.login["credentials"]["refreshToken"])

    assert refreshed["user"] == nora.login["user"]
    assert refreshed["credentials"]["refreshToken"] == nora.login["credentials"]["refreshToken"]
    guest.take_keys({guest.provider: refreshed["credentials"]["token"]})
    assert guest.identity_id == nora.identity_id


def test_nobody_takes_the_identity_of_somebody_else(demo: Demo, nora: AwsUser, ron: AwsUser) -> None:
    guest = AwsUser(demo, demo.ron)

    for logins in ({}, {guest.provider: ron.token}):
        with pytest.raises(ClientError) as refusal:
            guest.cognito.get_credentials_for_identity(IdentityId=nora.identity_id, Logins=logins)
        assert code_of(refusal) == "NotAuthorizedException"


def test_a_forged_token_and_one_that_ran_out_are_refused_in_words_that_make_clients_log_in(
    demo: Demo, nora: AwsUser
) -> None:
    guest = AwsUser(demo, demo.nora)
    head, claims, signature = nora.token.split(".")
    forged = f"{head}.{claims}.{signature[::-1]}"

    for token, words in ((forged, "Invalid login token"), (demo.outdated.token, "Invalid login token. Token expired")):
        with pytest.raises(ClientError, match=words) as refusal:
            guest.cognito.get_credentials_for_identity(IdentityId=guest.identity_id, Logins={guest.provider: token})
        assert code_of(refusal) == "NotAuthorizedException"


def test_an_identity_asks_for_a_token_of_its_own(demo: Demo, nora: AwsUser) -> None:
    logins = {nora.provider: nora.token}

    answer = nora.cognito.get_open_id_token(IdentityId=nora.identity_id, Logins=logins)

    assert answer["IdentityId"] == nora.identity_id
    assert answer["Token"].count(".") == 2


def test_an_unknown_pool_is_not_found(nora: AwsUser) -> None:
    with pytest.raises(ClientError) as refusal:
        nora.cognito.get_id(IdentityPoolId=f"{REGION}:00000000-0000-4000-8000-000000000000")

    assert code_of(refusal) == "ResourceNotFoundException"


def _changed(keys: dict[str, str], name: str) -> dict[str, str]:
    value = keys[name]
    return {**keys, name: value[:-8] + value[-8:].swapcase() + "A"}


def test_keys_that_ran_out_or_were_forged_open_nothing(demo: Demo, nora: AwsUser) -> None:
    user = AwsUser(demo, demo.nora)
    refusals = {
        "ExpiredTokenException": demo.outdated.keys,
        "InvalidSignatureException": _changed(nora.keys, "SecretKey"),
        "UnrecognizedClientException": _changed(nora.keys, "SessionToken"),
    }

    for expected, keys in refusals.items():
        user.use(keys)
        for call in (lambda: user.invoke("ThingTypeLambda.LIST"), lambda: user.shadow("anything")):
            with pytest.raises(ClientError) as refusal:
                call()
            assert code_of(refusal) == expected


def test_keys_of_one_person_do_not_sign_with_the_token_of_another(demo: Demo, nora: AwsUser, ron: AwsUser) -> None:
    user = AwsUser(demo, demo.nora)
    user.use({**ron.keys, "SessionToken": nora.keys["SessionToken"]})

    with pytest.raises(ClientError) as refusal:
        user.client("sts").get_caller_identity()

    assert code_of(refusal) == "InvalidClientTokenId"
