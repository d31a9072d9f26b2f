"""Whoever comes to an address of nobody: programs are told, people are led on."""

from __future__ import annotations

import httpx2
import pytest
import structlog
from prometheus_client import CollectorRegistry

from cloudstead.app.operation import Operation, operation_face
from cloudstead.core.clock import ManualClock
from cloudstead.core.ids import Uuid7Source
from cloudstead.web.app import WebApp
from cloudstead.web.metrics import WebMetrics

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


async def unasked(*_):
    raise AssertionError


@pytest.fixture
async def visitor():
    parts = Operation(
        troubles=unasked,
        registry=CollectorRegistry(),
        root_certificate=unasked,
        revocation_list=unasked,
        signing_keys=unasked,
        page=unasked,
        trace_page=unasked,
    )
    app = WebApp(
        [operation_face(parts)],
        ids=Uuid7Source(ManualClock()),
        log=structlog.get_logger(),
        metrics=WebMetrics.registered(CollectorRegistry()),
    )
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://cloud.test") as client:
        yield client


async def test_a_browser_is_shown_where_people_mostly_want_to_go(visitor):
    answer = await visitor.get("/console/<b>", headers=BROWSER)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    for path in ("/", "/people/sign-in", "/docs"):
        assert f'href="{path}"' in answer.text
    assert "<b>" not in answer.text


async def test_a_long_address_is_not_repeated_whole(visitor):
    answer = await visitor.get("/" + "x" * 5000, headers=BROWSER)
    assert "x" * 99 + "..." in answer.text
    assert "x" * 100 not in answer.text


@pytest.mark.parametrize("headers", [{}, {"accept": "*/*"}, {"accept": "application/json"}])
async def test_a_program_is_told_as_before(visitor, headers):
    answer = await visitor.get("/console", headers=headers)
    assert answer.status_code == 404
    assert answer.json()["message"] == "Nothing is served at /console."
