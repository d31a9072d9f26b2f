"""Whatever anybody sends to device clouds is answered as its document says, and breaks nothing."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from cloudstead.dialects.device_clouds.ports import Backend
from cloudstead.dialects.device_clouds.table import device_clouds_face
from cloudstead.web.openapi import describe
from factories.running import running_cloud

_FACE = device_clouds_face(SimpleNamespace(**dict.fromkeys(each.name for each in fields(Backend)) | {"own_names": ()}))
_DOCUMENT = describe(_FACE.document, [_FACE])
for _described in (each for item in _DOCUMENT["paths"].values() for each in item.values()):
    _described["security"] = []  # every call carries a good token, or none would come further than to the door
SCHEMA = schemathesis.openapi.from_dict(_DOCUMENT)
OPERATIONS = {each.label: each for each in (found.ok() for found in SCHEMA.get_all_operations())}
CHECKS = [not_a_server_error, response_schema_conformance, content_type_conformance]
STATUSES = {200, 400, 403, 404, 409, 429}
DEVICE = "FUZZED0001"


class Site:
    """A cloud of our own with a device cloud and a device in it, and what calls need to get anywhere."""

    def __init__(self, ready, session):
        self.url, self.session = ready["http"], session
        login = {"action": "LOGIN", "attributes": {"userName": ready["user_name"], "password": ready["password"]}}
        answer = session.post(f"{self.url}/functions/AuthLambda", json=login, timeout=30).json()
        self.person = answer["credentials"]["token"]
        self.builder = self.ask("/token/create", {"type": "BuilderAPI", "description": "b"})["token"]
        product = self.ask("/token/create", {"type": "ProductID", "description": "p", "product": "P"})["token"]
        cloud = self.ask("/cloud/create", {"name": "fuzzed", "type": "local"})
        self.ask("/cloud/provision?invoke=sync", {"id": cloud["id"]})
        caller = self.ask("/token/create", {"type": "CloudToBuilder", "description": "c", "cloudId": cloud["id"]})
        claimed = {"id": DEVICE, "account": cloud["accountId"], "cloud": cloud["id"]}
        device = session.post(
            f"{self.url}/api/tok/device/register", json=claimed, headers={"Authorization": product}, timeout=30
        ).json()
        self.cloud = {"id": cloud["id"], "cloud": cloud["id"], "cloudId": cloud["id"], "accountId": cloud["accountId"]}
        self.tokens = {
            "/api/tok/cloud/connect": caller["token"],
            "/api/tok/cloud/report": caller["token"],
            "/api/tok/device/register": product,
            "/api/tok/device/provision": device["token"],
        }

    def ask(self, path, body):
        """Call an operation that has to succeed."""
        answer = self.session.post(f"{self.url}/api{path}", json=body, headers=self.headers("/api"), timeout=30)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    def headers(self, path):
        """Return what opens a path."""
        if path.startswith("/api/tok/"):
            return {"Authorization": self.tokens.get(path, self.builder)}
        return {"Authorization": self.person, "Origin": self.url}

    def names(self, path):
        """Return names of what is there."""
        return self.cloud | {"id": DEVICE} if "/device/" in path else self.cloud


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with running_cloud(tmp_path_factory.mktemp("malformed")) as cloud, requests.Session() as session:
        yield Site(cloud.ready, session)


@pytest.mark.parametrize("label", sorted(OPERATIONS))
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@drawn(data=st.data(), is_there=st.booleans())
def test_generated_calls_are_answered_as_documented(site, label, data, is_there):
    operation = OPERATIONS[label]
    case = data.draw(st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)))
    if is_there and isinstance(case.body, dict) and "remove" not in operation.path:
        case.body |= {name: value for name, value in site.names(operation.path).items() if name in case.body}
    headers = site.headers(operation.path)
    response = case.call(base_url=site.url, session=site.session, headers=headers, timeout=60)
    case.validate_response(response, checks=CHECKS)
    # The device may have been released, or have registered anew, by a call before.
    statuses = STATUSES | ({401} if operation.path == "/api/tok/device/provision" else set())
    assert response.status_code in statuses, (case.as_curl_command(), response.content)
    assert response.content
