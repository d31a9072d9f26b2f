"""Whatever anybody sends to account management is answered as its document says, and breaks nothing."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from cloudstead.dialects.account_management.ports import Backend
from cloudstead.dialects.account_management.table import account_management_face
from cloudstead.web.openapi import describe
from factories.running import running_cloud

_FACE = account_management_face(SimpleNamespace(**dict.fromkeys(each.name for each in fields(Backend))))
_DOCUMENT = describe(_FACE.document, [_FACE])
for _described in (each for item in _DOCUMENT["paths"].values() for each in item.values()):
    _described["security"] = []  # every call carries a good key, or few would come further than to the door
SCHEMA = schemathesis.openapi.from_dict(_DOCUMENT)
OPERATIONS = {each.label: each for each in (found.ok() for found in SCHEMA.get_all_operations())}
CHECKS = [not_a_server_error, response_schema_conformance, content_type_conformance]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND")
PICTURES = "brand_logo_portrait"
NAMED = re.compile(r"\{\w+\}")


class Site:
    """A cloud of our own, with a tenant, and what calls need to get anywhere."""

    def __init__(self, ready: dict[str, Any], session: requests.Session) -> None:
        self.url = ready["http"]
        self.session = session
        self._owner = {"Authorization": f"Bearer {ready['api_key']}"}
        self._numbers = count(1)
        self._prepared: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
        self.account_id = self.ask("GET", "/v3/accounts/me")["id"]
        names = {
            "display_name": "below",
            "admin_email": "below@cloud.example",
            "admin_name": "below",
            "end_market": "IoT",
        }
        self.tenant_id = self.ask("POST", "/v3/accounts", names)["id"]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Call an operation as the owner, with a key that no generated call ever carries."""
        answer = self.session.request(method, self.url + path, json=body, headers=self._owner, timeout=30)
        assert answer.status_code in {200, 201}, (method, path, answer.text)
        return answer.json()

    def key(self) -> dict[str, str]:
        """Return the header of a new key of the administrators; calls may spoil it."""
        groups = [each["id"] for each in self.ask("GET", "/v3/policy-groups?name__eq=Administrators")["data"]]
        made = self.ask("POST", "/v3/api-keys", {"name": "generated", "groups": groups})
        return {"Authorization": f"Bearer {made['key']}"}

    def prepared(self, path: str) -> tuple[dict[str, str], dict[str, str]]:
        """Return a key and parameters for a path, the same for all calls of it."""
        if path not in self._prepared:
            self._prepared[path] = self.key(), self.places(path)
        return self._prepared[path]

    def places(self, path: str) -> dict[str, str]:
        """Return parameters of the path under which something is, as far as something can be made."""
        base = f"/v3/accounts/{self.tenant_id}" if "{account_id}/" in path else "/v3"
        number = next(self._numbers)
        made = {"account_id": self.tenant_id, "reference": PICTURES if "images" in path else "primary"}
        if "{user_id}" in path or "{apikey_id}" in path:
            person = {"username": f"person{number}", "email": f"person{number}@cloud.example"}
            made["user_id"] = self.ask("POST", f"{base}/users", person)["id"]
        if "{apikey_id}" in path:
            key = {"name": "theirs", "owner": made["user_id"]}
            made["apikey_id"] = self.ask("POST", f"{base}/api-keys", key)["id"]
        if "{group_id}" in path:
            made["group_id"] = self.ask("POST", f"{base}/policy-groups", {"name": f"group {number}"})["id"]
        if "{invitation_id}" in path:
            email = {"email": f"guest{number}@cloud.example"}
            made["invitation_id"] = self.ask("POST", f"{base}/user-invitations", email)["id"]
        return made


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with running_cloud(tmp_path_factory.mktemp("malformed")) as cloud, requests.Session() as session:
        yield Site(cloud.ready, session)


def is_refusal(answer: Any) -> bool:
    """Tell whether an answer is a refusal in the form of this dialect."""
    told = json.loads(answer.content)
    return (told["object"], told["code"]) == ("error", answer.status_code) and bool(told["request_id"])


@pytest.mark.parametrize("label", sorted(OPERATIONS))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@drawn(data=st.data(), is_there=st.booleans())
def test_generated_calls_are_answered_as_documented(site, label, data, is_there):
    operation = OPERATIONS[label]
    case = data.draw(st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)))
    key, places = site.prepared(operation.path)
    if is_there:
        case.path_parameters = {name: places.get(name, value) for name, value in case.path_parameters.items()}
    response = case.call(base_url=site.url, session=site.session, headers=key, timeout=30)
    if response.status_code == 401:
        key.update(site.key())  # a key may have switched itself off
    case.validate_response(response, checks=CHECKS)
    assert response.status_code < 400 or is_refusal(response), (case.as_curl_command(), response.content)


@pytest.mark.parametrize("path", sorted(_DOCUMENT["paths"]))
def test_methods_that_no_operation_has_are_refused(site, path):
    key = site.key()
    known = {each.upper() for each in _DOCUMENT["paths"][path]}
    for method in METHODS:
        if method not in known:
            answer = site.session.request(method, site.url + NAMED.sub("0" * 32, path), headers=key, timeout=30)
            assert answer.status_code == 405, (method, path)
            assert set(answer.headers["allow"].split(", ")) >= known
