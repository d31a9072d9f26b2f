"""Whatever anybody sends to Groups is answered as its document says, and breaks nothing."""

from __future__ import annotations

import base64
import json
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

from cloudstead.dialects.groups.ports import Backend
from cloudstead.dialects.groups.table import groups_faces
from cloudstead.web.openapi import describe
from factories.running import running_cloud

_FACES = groups_faces(SimpleNamespace(**dict.fromkeys(each.name for each in fields(Backend))))
_DOCUMENT = describe(_FACES[0].document, _FACES)
for _described in (each for item in _DOCUMENT["paths"].values() for each in item.values()):
    _described["security"] = []  # every call carries a good token, or none would come further than to the door
SCHEMA = schemathesis.openapi.from_dict(_DOCUMENT)
OPERATIONS = {each.label: each for each in (found.ok() for found in SCHEMA.get_all_operations())}
CHECKS = [not_a_server_error, response_schema_conformance, content_type_conformance]
STATUSES = {200, 400, 401, 403}


class Site:
    """A cloud of our own with a group and a device, and what calls need to get anywhere."""

    def __init__(self, ready, session):
        self.url, self.session = ready["http"], session
        key = ready["api_key"]
        basic = base64.b64encode(f"{key.split('_')[1]}:{key}".encode()).decode()
        granted = session.post(
            f"{self.url}/oauth2/token?grant_type=client_credentials",
            headers={"Authorization": f"Basic {basic}"},
            timeout=30,
        )
        self.token = granted.json()["access_token"]
        self.group = self.ask("POST", "/group", {"name": "group"})
        sent = {"groupId": self.group["id"], "originalDevicesIds": ["A1"], "network": "sigfox"}
        self.ask("POST", "/devices", sent)
        [device] = self.ask("GET", f"/group/devices?groupId={self.group['id']}")["items"]
        self.names = {"groupId": self.group["id"], "deviceId": device["deviceId"], "device": "A1"}

    def ask(self, method, path, body=None):
        """Call an operation that has to succeed."""
        answer = self.session.request(
            method, self.url + path, json=body, headers={"Authorization": self.token}, timeout=30
        )
        assert answer.status_code == 200, (method, path, answer.text)
        return answer.json()

    def authorization(self, path):
        """Return what opens a path: a group's token for networks, an access token for people."""
        is_callback = path.startswith(("/sigfox", "/actility"))
        return f"Bearer {self.group['token']}" if is_callback else self.token


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with running_cloud(tmp_path_factory.mktemp("malformed")) as cloud, requests.Session() as session:
        yield Site(cloud.ready, session)


@pytest.mark.parametrize("label", sorted(OPERATIONS))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@drawn(data=st.data(), is_there=st.booleans())
def test_generated_calls_are_answered_as_documented(site, label, data, is_there):
    operation = OPERATIONS[label]
    case = data.draw(st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)))
    if is_there:
        for sent in (case.query, case.body):
            if isinstance(sent, dict):
                sent |= {name: value for name, value in site.names.items() if name in sent}
    headers = {"Authorization": site.authorization(operation.path)}
    response = case.call(base_url=site.url, session=site.session, headers=headers, timeout=30)
    case.validate_response(response, checks=CHECKS)
    assert response.status_code in STATUSES, (case.as_curl_command(), response.content)
    assert response.status_code == 200 or json.loads(response.content)["message"]
