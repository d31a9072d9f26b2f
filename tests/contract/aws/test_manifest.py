from __future__ import annotations

import pytest

FUNCTIONS = (
    "AuthLambda",
    "DomainLambda",
    "FileLambda",
    "ObservationLambda",
    "RuleLambda",
    "ThingBatchLambda",
    "ThingLambda",
    "ThingTypeLambda",
    "UserLambda",
)
# Cloud Connect 2.11: the keys that its example client and the other public clients read.
READ_BY_CLIENTS = {
    *FUNCTIONS,
    *("ThingFilesBucket", "ThingCertsBucket", "ObservationsBucket", "PublicBucket"),
    *("IdentityPool", "Region", "UserPool", "UserPoolClient", "AccountNumber", "Env", "StackName"),
    *("IotEndpoint", "IotEndpointATS", "ThingEvent", "ApiGatewayRootUrl", "ApiKeyId", "ApiId", "Protocol", "Rev"),
    *("Es5Endpoint", "EventLambda", "ManifestLambda", "LogLevel", "MqttFn", "SignUpVerificationMedium"),
}
HOST = {"host": "127.0.0.1"}


@pytest.mark.parametrize("path", ["/prod/manifest/", "/prod/manifest"])
def test_a_host_name_has_a_manifest_with_every_key_as_text(cloud, path):
    answer = cloud.request("GET", path, params={"hostname": "Other.Example"})
    assert answer.status_code == 200
    manifest = answer.json()
    assert set(manifest) == READ_BY_CLIENTS
    assert all(isinstance(value, str) for value in manifest.values())
    assert answer.headers["access-control-allow-origin"] == "*"


def test_the_manifest_names_what_is_the_accounts_own(cloud):
    manifest = cloud.request("GET", "/prod/manifest/", params={"hostname": "127.0.0.1"}).json()
    assert manifest["ThingLambda"] == "dev-ThingLambda-14W20MERP6ET1"
    assert manifest["ObservationsBucket"] == "dev-observationsbucket-14w20merp6et1"
    assert manifest["IdentityPool"] == "eu-west-1:00000000-0000-4000-8000-000000000001"
    assert manifest["UserPool"] == "eu-west-1_abcdefgh1"
    assert (manifest["Env"], manifest["StackName"]) == ("dev", "dev")
    assert (manifest["IotEndpoint"], manifest["ThingEvent"]) == ("iot.example", "https://cloud.example:8444")
    assert manifest["Protocol"] == "https"


def test_every_function_of_the_manifest_can_be_named_in_an_invocation(cloud):
    manifest = cloud.request("GET", "/prod/manifest/", params={"hostname": "127.0.0.1"}).json()
    client = cloud.client("lambda", cloud.session(cloud.anna))
    assert client.invoke(FunctionName=manifest["ThingLambda"])["StatusCode"] == 200


def test_without_a_host_name_the_host_of_the_request_counts(cloud):
    assert cloud.request("GET", "/prod/manifest").json()["AccountNumber"] == "000000000001"


def test_an_account_number_and_its_stack_find_the_manifest_too(cloud):
    answer = cloud.request("GET", "/", params={"account": "000000000002", "env": "prod"})
    assert answer.json()["AccountNumber"] == "000000000002"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/prod/manifest/", {"hostname": "nobody.example"}),
        ("/prod/manifest/", {"hostname": ""}),
        ("/prod/manifest/", {"hostname": "\x00☃" * 500}),
        ("/", {"account": "000000000002", "env": "dev"}),
        ("/", {"account": "000000000002"}),
        ("/", {"account": "", "env": "prod"}),
        ("/", {"account": "x", "env": "prod"}),
    ],
)
def test_whatever_is_unknown_or_malformed_answers_an_empty_manifest(cloud, path, query):
    answer = cloud.request("GET", path, params=query)
    assert (answer.status_code, answer.json()) == (200, {})


def test_the_root_without_an_account_is_left_to_others(cloud):
    answer = cloud.request("GET", "/")
    assert (answer.status_code, answer.json()["message"]) == (404, "Nothing is served here.")


def test_another_method_is_not_allowed(cloud):
    answer = cloud.request("POST", "/prod/manifest/")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
