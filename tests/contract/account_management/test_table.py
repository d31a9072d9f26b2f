"""What is served, held against the contract."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace

import msgspec
import pytest

from cloudstead.core.errors import CloudsteadError
from cloudstead.dialects.account_management.errors import ERRORS
from cloudstead.dialects.account_management.ports import Backend
from cloudstead.dialects.account_management.table import account_management_face
from cloudstead.web.openapi import describe
from factories.schema import operations as promised

AREAS = ("accounts", "audit", "branding", "credentials", "identityproviders", "invitations", "people", "policygroups")

# What comes up where people sign in, where devices connect, or only when something of ours is broken.
ELSEWHERE = {
    "AccessKeyNotFound",
    "CertificateNotFound",
    "CodeRefused",
    "DemoPersonStays",
    "LinkNotUsable",
    "LoginRefused",
    "NobodyVouchedFor",
    "OldPasswordWrong",
    "ProviderNotUsable",
    "SealBroken",
    "TicketOver",
    "TooManyAccessKeys",
    "VouchingRefused",
}


@pytest.fixture(scope="module")
def face():
    return account_management_face(SimpleNamespace(**dict.fromkeys(each.name for each in fields(Backend))))


@pytest.fixture(scope="module")
def served(face):
    return {row.name: row for row in face.routes.operations}


def test_every_operation_is_one_of_the_contract_at_its_place_and_with_its_status(served):
    for name, row in served.items():
        method, path, described = promised()[name]
        assert (row.method, row.path) == (method, path), name
        assert str(row.status) in described["responses"], name


def test_no_operation_is_served_twice(face):
    names = [row.name for row in face.routes.operations]
    assert len(names) == len(set(names))


def test_every_operation_needs_a_credential(served):
    assert not any(row.is_open for row in served.values())


def test_every_operation_of_the_contract_is_served(served):
    assert set(promised()) == set(served)


def test_only_the_audit_log_is_an_addition_of_ours():
    ours = {name for name, (_, _, described) in promised().items() if described.get("x-ours")}
    assert ours == {"list_audit_log", "list_account_audit_log"}
    assert len(promised()) == 147 + len(ours)


def test_every_operation_takes_the_queries_that_the_contract_names(served):
    for name, row in served.items():
        listed = promised()[name][2].get("parameters", ())
        wanted = {each["name"] for each in listed if each.get("in") == "query"}
        known = set() if row.query is None else {each.encode_name for each in msgspec.structs.fields(row.query)}
        assert wanted <= known, name


def test_every_error_of_these_rooms_has_words():
    ours = tuple(f"cloudstead.core.{area}." for area in AREAS)
    unworded = {kind.__name__ for kind in ERRORS.unworded(CloudsteadError) if kind.__module__.startswith(ours)}
    assert unworded <= ELSEWHERE


def test_the_document_describes_what_is_served(face, served):
    document = describe(face.document, [face])
    described = {each["operationId"] for item in document["paths"].values() for each in item.values()}
    assert described == set(served)
