"""What is served, held against the contract, and the description for boto3 held against what is served."""

from __future__ import annotations

import json
from dataclasses import fields
from types import SimpleNamespace

import msgspec
import pytest

from cloudstead.core.errors import CloudsteadError
from cloudstead.dialects.provision_device.errors import ERRORS, REGISTRATION_ERRORS
from cloudstead.dialects.provision_device.ports import Backend
from cloudstead.dialects.provision_device.table import provision_device_faces
from cloudstead.web.errors import WebError
from cloudstead.web.openapi import describe
from factories.panorama import MODELS
from factories.provisioning import operations as promised


@pytest.fixture(scope="module")
def faces():
    return provision_device_faces(SimpleNamespace(**dict.fromkeys(each.name for each in fields(Backend))))


@pytest.fixture(scope="module")
def served(faces):
    return {row.name: row for row in faces[0].routes.operations}


@pytest.fixture(scope="module")
def model():
    return json.loads((MODELS / "panorama" / "2019-07-24" / "service-2.json").read_text())


def test_every_operation_is_one_of_the_contract_at_its_place(served):
    assert {name: (row.method, row.path) for name, row in served.items()} == {
        name: (method, path) for name, (method, path, _) in promised().items()
    }


def test_boto3_is_told_of_every_operation_at_its_place(served, model):
    assert {name: (row.method, row.path) for name, row in served.items()} == {
        name: (each["http"]["method"], each["http"]["requestUri"]) for name, each in model["operations"].items()
    }


def test_every_operation_takes_the_queries_that_the_contract_names(served):
    for name, row in served.items():
        wanted = {each["name"] for each in promised()[name][2].get("parameters", ()) if each["in"] == "query"}
        known = set() if row.query is None else {each.encode_name for each in msgspec.structs.fields(row.query)}
        assert wanted - {"tagKeys"} == known, name


def test_nobody_is_asked_in_without_a_signature_but_a_device(faces):
    assert not any(row.is_open for row in faces[0].routes.operations)
    assert [row.name for row in faces[1].routes.operations if row.is_open] == ["registerProvisionedDevice"]


@pytest.mark.parametrize("errors", [ERRORS, REGISTRATION_ERRORS])
def test_every_error_has_words(errors):
    assert errors.unworded(CloudsteadError) == set()
    assert errors.unworded(WebError) == set()


def test_the_document_describes_what_is_served(faces, served):
    document = describe(faces[0].document, faces)
    described = {each["operationId"] for item in document["paths"].values() for each in item.values()}
    assert described == {*served, "registerProvisionedDevice"}


def test_the_document_puts_operations_together_that_are_about_the_same(faces):
    document = describe(faces[0].document, faces)
    assert list(dict.fromkeys(each["tags"][0] for item in document["paths"].values() for each in item.values())) == [
        "devices",
        "tags",
        "registration",
    ]
