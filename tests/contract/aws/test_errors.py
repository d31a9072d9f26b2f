from __future__ import annotations

import importlib.util
import pkgutil
from types import SimpleNamespace

import pytest

import cloudstead.core
from cloudstead.core.errors import CloudsteadError
from cloudstead.core.shadows.errors import ShadowRejected
from cloudstead.dialects.aws import errors
from cloudstead.dialects.aws.refusals import AwsRefusal, Throttled
from cloudstead.web.errors import WebError
from cloudstead.web.openapi import describe
from cloudstead.web.sigv4 import SignatureRefused

MAPS = {
    "lambda": errors.LAMBDA_ERRORS,
    "cognito": errors.COGNITO_ERRORS,
    "sts": errors.STS_ERRORS,
    "iot-data": errors.IOT_DATA_ERRORS,
    "plain": errors.PLAIN_ERRORS,
}
CALL = SimpleNamespace(request_id="r<1>")


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("root", [CloudsteadError, WebError, AwsRefusal])
def test_every_error_has_words_in_every_face(name, root):
    for feature in pkgutil.iter_modules(cloudstead.core.__path__, "cloudstead.core."):
        if feature.ispkg and importlib.util.find_spec(f"{feature.name}.errors"):
            importlib.import_module(f"{feature.name}.errors")
    assert MAPS[name].unworded(root) == set()


@pytest.mark.parametrize("name", ["lambda", "sts", "iot-data"])
def test_every_refusal_of_a_signature_has_words_where_calls_are_signed(name):
    assert MAPS[name].unworded(SignatureRefused) == set()


@pytest.mark.parametrize("name", MAPS)
def test_a_fault_of_ours_is_a_500_with_the_request_id_at_most(name):
    answer = MAPS[name].unexpected(CALL)
    assert answer.status_code == 500
    assert b"r<1>" not in answer.body or name != "sts"


@pytest.mark.parametrize("name", MAPS)
def test_too_many_requests_have_words_everywhere(name):
    answer = MAPS[name].answer(Throttled(), CALL)
    assert answer.status_code in {400, 429}
    assert b"Rate exceeded" in answer.body


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 409, 413, 415, 429, 500, 503])
def test_every_code_of_a_rejected_shadow_is_the_status(code):
    answer = errors.IOT_DATA_ERRORS.answer(ShadowRejected(code, "so it is"), CALL)
    assert answer.status_code == code
    assert answer.headers["x-amzn-errortype"].endswith("Exception")
    assert b"so it is" in answer.body


def test_the_documents_show_every_operation(cloud):
    shown = set()
    for document in {face.document for face in cloud.faces}:
        described = describe(document, cloud.faces)
        shown |= {each["operationId"] for methods in described["paths"].values() for each in methods.values()}
    assert shown == {row.name for face in cloud.faces for row in face.routes.operations}
