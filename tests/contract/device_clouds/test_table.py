"""What is served, held against the contract."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace

import msgspec
import pytest

from cloudstead.core.errors import CloudsteadError
from cloudstead.dialects.device_clouds.errors import ERRORS
from cloudstead.dialects.device_clouds.ports import Backend
from cloudstead.dialects.device_clouds.table import device_clouds_face
from cloudstead.web.errors import WebError
from cloudstead.web.openapi import describe
from factories.coverage import covers_each
from factories.device_clouds import contract
from factories.device_clouds import operations as promised

SERVICE = ["cloudProvisionAsync", "cloudRemoveAsync"]
CALLS_BACK = ["cloudConnect", "cloudReport"]
OF_DEVICES = ["deviceProvision", "provisionGetCerts"]
NOT_FOR_PEOPLE = [*SERVICE, *CALLS_BACK, *OF_DEVICES, "deviceRegister"]
WITHOUT_BODY = ["tokenFind", *OF_DEVICES]
TAKES_BODY = sorted(set(promised()) - set(WITHOUT_BODY))
FOR_ADMINISTRATORS = sorted(name for name, (_, _, described) in promised().items() if described["x-role"] == "admin")
FOR_WRITERS = ["deviceClaim", "deviceRelease"]


@pytest.fixture(scope="module")
def face():
    nothing = dict.fromkeys(each.name for each in fields(Backend))
    return device_clouds_face(SimpleNamespace(**nothing | {"own_names": ()}))


@pytest.fixture(scope="module")
def served(face):
    return {row.name: row for row in face.routes.operations}


def test_every_operation_is_one_of_the_contract_and_has_a_twin_for_tokens(served):
    places = {name: (row.method, row.path) for name, row in served.items()}
    wanted = {name: (method, f"/api{path}") for name, (method, path, _) in promised().items()}
    twins = {f"{name}ByToken": (method, f"/api/tok{path}") for name, (method, path, _) in promised().items()}
    assert places == wanted | twins


def test_fifteen_operations_are_the_documents_and_the_others_are_marked():
    beyond = {name for name, (_, _, described) in promised().items() if described.get("x-beyond")}
    assert len(promised()) - len(beyond) == 15


def test_every_operation_needs_a_credential_and_a_right(served):
    assert not any(row.is_open or row.permission is None for row in served.values())


def test_every_operation_takes_the_queries_that_the_contract_names(served):
    for name, (_, _, described) in promised().items():
        wanted = {each["name"] for each in described.get("parameters", ())}
        query = served[name].query
        assert wanted == (set() if query is None else {each.encode_name for each in msgspec.structs.fields(query)})


def test_the_fields_of_bodies_are_those_of_the_contract(served):
    for name, (_, _, described) in promised().items():
        if "requestBody" not in described or name == "cloudInit":
            continue
        reference = described["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        wanted = set(contract()["components"]["schemas"][reference.rpartition("/")[2]]["properties"])
        taken = {each.encode_name for each in msgspec.structs.fields(served[name].takes.type)}
        assert taken - {"test", "created"} == wanted, name  # what agents send along and nobody looks at


def test_every_error_has_words():
    assert ERRORS.unworded(CloudsteadError) == set()
    assert ERRORS.unworded(WebError) == set()


def test_the_document_describes_what_is_served(face, served):
    document = describe(face.document, [face])
    assert {each["operationId"] for item in document["paths"].values() for each in item.values()} == set(served)


@pytest.mark.parametrize("name", sorted(promised()))
async def test_nobody_comes_in_without_a_good_token(world, name):
    for by in (None, "dct_nobody", f"dct_{'0' * 32}_{'0' * 64}", "dcs_nobody", "a b c", "x" * 9000):
        answer = await world.call(name, by)
        assert (answer.status, answer.body) == (401, "Authentication failed")


@covers_each(NOT_FOR_PEOPLE, "refusal")
@pytest.mark.parametrize("name", NOT_FOR_PEOPLE)
async def test_duties_are_not_for_people_not_even_for_administrators(world, name):
    answer = await world.call(name, "admin")
    assert (answer.status, answer.body) == (403, "Access denied")


@covers_each(FOR_ADMINISTRATORS, "refusal")
@pytest.mark.parametrize("name", FOR_ADMINISTRATORS)
async def test_what_administrators_may_others_of_the_account_may_not(world, name):
    for by in ("writer", "reader"):
        assert (await world.call(name, by)).status == 403


@covers_each(FOR_WRITERS, "refusal")
@pytest.mark.parametrize("name", FOR_WRITERS)
async def test_who_only_reads_claims_and_releases_nothing(world, name):
    assert (await world.call(name, "reader")).status == 403


@covers_each(["cloudFind", "cloudGet", "cloudGetBrowserKeys", "cloudInit", "deviceGet", "deviceFind"], "refusal")
@pytest.mark.parametrize(
    "name", ["cloudFind", "cloudGet", "cloudGetBrowserKeys", "cloudInit", "deviceGet", "deviceFind"]
)
async def test_a_device_reads_nothing_about_clouds(world, name):
    cloud = await world.ready()
    assert (await world.call(name, await world.claimed(cloud))).status == 403


@pytest.mark.parametrize("name", sorted(promised()))
async def test_people_come_from_a_page_of_the_app_or_not_at_all(world, name):
    for origin in (None, "null", "https://evil.example", "https://cloud.example.evil.example", "file://cloud.example"):
        answer = await world.call(name, "admin", origin=origin)
        assert (answer.status, answer.body) == (403, "Send an Origin header that names the site of the app")


async def test_pages_of_the_installation_and_of_the_account_are_the_apps(world):
    for origin in ("https://cloud.example", "http://cloud.example:8080", "https://console.example"):
        assert (await world.call("cloudFind", "admin", origin=origin)).status == 200
    assert (await world.call("cloudFind", "stranger", origin="https://cloud.example")).status == 403
    assert (await world.call("cloudFind", "stranger", origin="https://other.cloud.example")).status == 200


async def test_a_token_may_stand_alone_or_behind_its_scheme_in_any_case(world):
    token = (await world.ok("tokenCreate", type="BuilderAPI", description="ours"))["token"]
    for sent in (token, f"bearer {token}", f"Bearer {token}", f"BEARER  {token}"):
        answer = await world.client.post("/api/tok/cloud/find", headers={"authorization": sent}, json={})
        assert answer.status_code == 200
    answer = await world.client.post("/api/tok/cloud/find", headers={"authorization": f"Basic {token}"}, json={})
    assert (answer.status_code, answer.text) == (401, "Authentication failed")


@covers_each(TAKES_BODY, "malformed")
@pytest.mark.parametrize("name", TAKES_BODY)
async def test_a_body_that_is_no_such_object_is_refused_with_a_reason(world, name):
    builder = (await world.ok("tokenCreate", type="BuilderAPI", description="ours"))["token"]
    by = {
        **dict.fromkeys(SERVICE, world.rooms.service_tokens.make()),
        **dict.fromkeys(CALLS_BACK, (await world.launched())[1]),
        "deviceRegister": await world.product(),
    }.get(name, builder)
    wrong = b'{"id": 7, "cloud": [], "type": {}, "open": "x", "cloudId": 7, "accountId": 7}'
    for raw in (b"", b"{", b"[]", b'"x"', b"null", b"\xff", wrong):
        answer = await world.call(name, by, raw=raw)
        assert answer.status == 400
        assert answer.body


@covers_each(["tokenFind"], "malformed")
async def test_a_limit_that_is_no_number_is_refused(world):
    answer = await world.call("tokenFind", query={"limit": "many"})
    assert (answer.status, answer.body.partition(":")[0]) == (400, "limit")


@covers_each(OF_DEVICES, "malformed")
@pytest.mark.parametrize("name", OF_DEVICES)
async def test_what_a_device_sends_along_is_not_looked_at(world, name):
    cloud = await world.ready()
    assert (await world.call(name, await world.claimed(cloud), raw=b"\xff{")).status == 200


async def test_what_is_not_served_is_told_in_words(world):
    assert (await world.client.post("/api/cloud/fly", json={})).text == "Not found"
    answer = await world.client.get("/api/cloud/find")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    asks = {"origin": "https://cloud.example", "access-control-request-method": "POST"}
    answer = await world.client.options("/api/cloud/find", headers=asks)
    assert answer.headers["access-control-allow-methods"] == "POST"


def test_the_document_puts_operations_together_that_are_about_the_same(face):
    document = describe(face.document, [face])
    assert {tag for item in document["paths"].values() for each in item.values() for tag in each["tags"]} == {
        *("cloud", "token", "device", "provision"),
        *("cloud, by token", "token, by token", "device, by token", "provision, by token"),
    }
