"""What is served, held against the contract."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace

import msgspec
import pytest

from cloudstead.core.errors import CloudsteadError
from cloudstead.core.roles.words import WORDS
from cloudstead.dialects.groups.errors import ERRORS
from cloudstead.dialects.groups.ports import Backend
from cloudstead.dialects.groups.table import groups_faces
from cloudstead.web.errors import WebError
from cloudstead.web.openapi import describe
from factories.groups import contract
from factories.groups import operations as promised


@pytest.fixture(scope="module")
def faces():
    return groups_faces(SimpleNamespace(**dict.fromkeys(each.name for each in fields(Backend))))


@pytest.fixture(scope="module")
def served(faces):
    return {row.name: row for face in faces for row in face.routes.operations}


def test_every_operation_is_one_of_the_contract_at_its_place(served):
    assert {name: (row.method, row.path) for name, row in served.items()} == {
        name: (method, path) for name, (method, path, _) in promised().items()
    }


def test_thirteen_operations_are_the_documents_and_the_others_are_marked():
    beyond = {name for name, (_, _, described) in promised().items() if described.get("x-beyond")}
    assert len(promised()) - len(beyond) == 13


def test_every_success_answers_200(served):
    assert {row.status for row in served.values()} == {200}


def test_only_the_token_call_needs_no_token(served):
    assert {name for name, row in served.items() if row.is_open} == {"issueAccessToken"}


def test_every_operation_takes_the_queries_that_the_contract_names(served):
    for name, row in served.items():
        wanted = {each["name"] for each in promised()[name][2].get("parameters", ())}
        known = set() if row.query is None else {each.encode_name for each in msgspec.structs.fields(row.query)}
        assert wanted == known, name


def test_every_error_has_words():
    assert ERRORS.unworded(CloudsteadError) == set()
    assert ERRORS.unworded(WebError) == set()


def test_the_permissions_are_those_of_the_contract():
    assert [word.id for word in WORDS] == sorted(contract()["x-permissions"], key=[word.id for word in WORDS].index)
    assert {word.id for word in WORDS} == set(contract()["x-permissions"])


def test_the_document_describes_what_is_served(faces, served):
    document = describe(faces[0].document, faces)
    described = {each["operationId"] for item in document["paths"].values() for each in item.values()}
    assert described == set(served)


def test_the_document_puts_operations_together_that_are_about_the_same(faces):
    document = describe(faces[0].document, faces)
    assert list(dict.fromkeys(each["tags"][0] for item in document["paths"].values() for each in item.values())) == [
        "groups",
        "members",
        "keys of outside systems",
        "devices",
        "roles",
        "access tokens",
        "networks",
    ]
