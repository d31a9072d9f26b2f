from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.web.call import Call
from cloudstead.web.errors import MethodNotAllowed, RouteNotFound
from cloudstead.web.intake import BodyIntake
from cloudstead.web.routes import KeyRoutes, PathRoutes
from cloudstead.web.table import Operation, op


async def run(call: Call[None]) -> None:
    """Do nothing."""


def row(path: str, method: str = "GET") -> Operation:
    return op(method, path, name=f"{method} {path}", run=run)


def call(path: str, method: str = "GET") -> Call[None]:
    scope = {"method": method, "raw_path": path.encode("latin-1"), "query_string": b"", "headers": []}
    return Call(scope, None, request_id="r", body_limit=0, intake=BodyIntake())


async def find(routes: PathRoutes, path: str, method: str = "GET") -> tuple[str, dict[str, str]]:
    asked = call(path, method)
    found = await routes.find(asked)
    return found.path, asked.path


ROUTES = PathRoutes(
    [
        row("/"),
        row("/v3/accounts/me"),
        row("/v3/accounts/{account}"),
        row("/v3/accounts/{account}/keys"),
        row("/v3/accounts/{account}/keys/{key}", "DELETE"),
        row("/raw/{name:raw}"),
        row("/topics/{topic*}", "POST"),
        row("/topics/fixed", "POST"),
    ]
)


@pytest.mark.parametrize(
    ("path", "method", "found", "values"),
    [
        ("/", "GET", "/", {}),
        ("/v3/accounts/me", "GET", "/v3/accounts/me", {}),
        ("/v3/accounts/you", "GET", "/v3/accounts/{account}", {"account": "you"}),
        ("/v3/accounts/me/keys", "GET", "/v3/accounts/{account}/keys", {"account": "me"}),
        ("/v3/accounts/a%20b/keys", "GET", "/v3/accounts/{account}/keys", {"account": "a b"}),
        (
            "/v3/accounts/a/keys/b%2Fc",
            "DELETE",
            "/v3/accounts/{account}/keys/{key}",
            {"account": "a", "key": "b/c"},
        ),
        ("/v3/%61ccounts/me", "GET", "/v3/accounts/me", {}),
        ("/raw/a%2Fb%20", "GET", "/raw/{name:raw}", {"name": "a%2Fb%20"}),
        ("/topics/a/b%2Fc/", "POST", "/topics/{topic*}", {"topic": "a/b/c/"}),
        ("/topics/fixed", "POST", "/topics/fixed", {}),
        ("/topics/fixed/more", "POST", "/topics/{topic*}", {"topic": "fixed/more"}),
        ("/v3/accounts/me", "HEAD", "/v3/accounts/me", {}),
    ],
)
async def test_a_path_finds_its_row(path, method, found, values):
    assert await find(ROUTES, path, method) == (found, values)


@pytest.mark.parametrize("path", ["/v3", "/v3/accounts", "/v3/accounts/", "/v3/accounts//keys", "//", "/raw/%ff", ""])
async def test_any_other_path_finds_nothing(path):
    with pytest.raises(RouteNotFound):
        await find(ROUTES, path)


async def test_a_literal_keeps_its_methods_to_itself():
    with pytest.raises(MethodNotAllowed) as refused:
        await find(ROUTES, "/v3/accounts/me", "DELETE")
    assert refused.value.allowed == ("GET", "HEAD")


async def test_the_last_slash_counts_unless_it_is_told_not_to():
    with pytest.raises(RouteNotFound):
        await find(ROUTES, "/v3/accounts/me/")
    tolerant = PathRoutes([row("/v1/group"), row("/")], ignore_last_slash=True)
    assert await find(tolerant, "/v1/group/") == ("/v1/group", {})
    assert await find(tolerant, "/") == ("/", {})


def test_two_rows_for_one_path_and_method_are_a_mistake():
    with pytest.raises(ValueError, match="Two rows claim"):
        PathRoutes([row("/a/{x}"), row("/a/{y}")])


def test_the_methods_of_a_path_are_listed():
    assert ROUTES.methods(call("/topics/x")) == ("POST",)
    assert ROUTES.methods(call("/nothing")) == ()


@settings(max_examples=200, deadline=None)
@given(value=st.text(st.characters(codec="utf-8"), min_size=1))
async def test_whatever_is_encoded_into_a_segment_comes_out_of_it(value):
    assert (await find(ROUTES, f"/v3/accounts/{quote(value, safe='')}/keys"))[1] == {"account": value}


@settings(max_examples=200, deadline=None)
@given(path=st.text(st.characters(max_codepoint=255), max_size=40))
async def test_any_path_finds_a_row_or_is_refused(path):
    for method in ("GET", "POST", "PUT"):
        try:
            await find(ROUTES, f"/{path}", method)
        except (RouteNotFound, MethodNotAllowed):
            continue


async def test_a_key_finds_its_row():
    async def key_of(asked: Call[None]) -> str:
        return asked.raw_path.removeprefix("/")

    routes = KeyRoutes([row("/#Target=A", "POST"), row("/#Target=B", "POST")], key_of=key_of)
    assert (await routes.find(call("/B", "POST"))).path == "/#Target=B"
    with pytest.raises(RouteNotFound):
        await routes.find(call("/C", "POST"))
    with pytest.raises(MethodNotAllowed):
        await routes.find(call("/A", "GET"))


def test_a_row_is_summed_up_by_its_handler():
    assert row("/").summary == "Do nothing."
    assert op("GET", "/", name="x", run=run, summary="Else.").summary == "Else."
