"""WebSocket upgrades, recognised by the signature in their URL; and accounts that may not be used."""

from __future__ import annotations

import dataclasses

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.credentials.errors import CredentialExpired, CredentialRefused
from cloudstead.dialects.aws.table import signed_callers
from cloudstead.web.sigv4 import SignatureMismatch
from contract.aws.installation import REGION, Installation, send

HOST = (b"host", b"iot.example")


def signed_query(session) -> str:
    """Return the query of a URL signed as device SDKs do: without the token, which is appended."""
    request = AWSRequest(method="GET", url="https://iot.example/mqtt")
    keys = Credentials(session.access_key_id, session.secret_access_key)
    SigV4QueryAuth(keys, "iotdevicegateway", REGION, expires=86400).add_auth(request)
    token = AWSRequest(method="GET", url="https://x/", params={"X-Amz-Security-Token": session.session_token})
    return f"{request.url.partition('?')[2]}&{token.prepare().url.partition('?')[2]}"


@pytest.fixture
def signed(cloud):
    return signed_callers(cloud.parts)


async def test_a_person_is_recognised_with_the_address_of_the_request(cloud, signed):
    who = await signed.of_websocket(
        "/mqtt", signed_query(cloud.session(cloud.anna)), headers=[HOST], source_address="192.0.2.1"
    )
    assert who.account == cloud.home
    assert who.caller is not None
    assert (who.caller.user_name, who.caller.source_address) == ("person11", "192.0.2.1")


async def test_a_guest_is_recognised_as_nobody(cloud, signed):
    who = await signed.of_websocket("/mqtt", signed_query(cloud.session()), headers=[HOST])
    assert (who.account, who.caller) == (cloud.home, None)


async def test_a_url_for_another_path_is_refused(cloud, signed):
    with pytest.raises(SignatureMismatch):
        await signed.of_websocket("/other", signed_query(cloud.session(cloud.anna)), headers=[HOST])


async def test_expired_credentials_are_refused_even_where_the_url_lasts_longer(cloud, signed):
    with pytest.raises(CredentialExpired):
        await signed.of_websocket("/mqtt", signed_query(cloud.session(cloud.anna, lifetime_s=-1)), headers=[HOST])


async def test_somebody_disabled_is_refused(cloud, signed):
    cloud.callers.disabled.add(cloud.anna.id)
    with pytest.raises(CredentialRefused):
        await signed.of_websocket("/mqtt", signed_query(cloud.session(cloud.anna)), headers=[HOST])


async def test_a_url_without_a_token_is_refused(cloud, signed):
    query = signed_query(cloud.session(cloud.anna)).partition("&X-Amz-Security-Token")[0]
    with pytest.raises(CredentialRefused):
        await signed.of_websocket("/mqtt", query, headers=[HOST])


@pytest.fixture
def suspended(cloud) -> Installation:
    accounts = cloud.parts.database.accounts.by_host_name
    accounts["127.0.0.1"] = dataclasses.replace(cloud.home, status=AccountStatus.SUSPENDED)
    yield cloud
    accounts["127.0.0.1"] = cloud.home


async def test_a_suspended_account_opens_no_websocket(suspended):
    query = signed_query(suspended.session(suspended.anna))
    with pytest.raises(AccountNotUsable):
        await signed_callers(suspended.parts).of_websocket("/mqtt", query, headers=[HOST])


def test_a_suspended_account_is_refused_by_every_face(suspended):
    for service, path in (("lambda", "/2015-03-31/functions/x/invocations"), ("iotdata", "/things/a/shadow")):
        answer = send(suspended.signed("POST", path, service=service, session=suspended.session(suspended.anna)))
        assert answer.status_code == 403
    assert suspended.request("POST", "/functions/AuthLambda").status_code == 403
    assert suspended.request("GET", "/prod/manifest").status_code == 403
    guest = suspended.identities.new_guest(suspended.home)
    answer = suspended.request(
        "POST",
        "/",
        json={"IdentityId": guest},
        headers={"x-amz-target": "AWSCognitoIdentityService.GetCredentialsForIdentity"},
    )
    assert answer.json()["__type"] == "NotAuthorizedException"
