from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
import structlog
from structlog.testing import capture_logs

from cloudstead.web.face import Face, below
from cloudstead.web.openapi import documents_face
from cloudstead.web.routes import PathRoutes
from cloudstead.web.table import op
from unit.web.faces import ERRORS, FACE, ROWS, Shop, open_door


@pytest.fixture
def shop() -> Shop:
    return Shop()


async def test_a_value_is_written_as_json(shop):
    answer = await shop.request("GET", "/v1/items/lamp")
    assert (answer.status_code, answer.json()) == (200, {"name": "lamp", "price": 0})
    assert answer.headers["content-type"] == "application/json"


async def test_a_row_decides_its_status(shop):
    order = {"items": [{"name": "lamp", "price": 3}], "note": None}
    answer = await shop.request("POST", "/v1/orders", token="order:place", json=order)
    assert (answer.status_code, answer.json()) == (201, order)


async def test_none_is_written_as_no_body(shop):
    answer = await shop.request("DELETE", "/v1/items/lamp", token="item:drop")
    assert (answer.status_code, answer.content) == (204, b"")


async def test_a_response_is_sent_as_it_is(shop):
    answer = await shop.request("GET", "/v1/stream")
    assert (answer.status_code, answer.text) == (200, "one two")
    assert "x-request-id" in answer.headers


async def test_the_query_is_decoded_as_the_row_says(shop):
    answer = await shop.request("GET", "/v1/items?limit=7&after=x&unknown=1")
    assert answer.json() == [{"name": "x", "price": 7}]


async def test_a_field_of_the_query_that_does_not_fit_is_named(shop):
    answer = await shop.request("GET", "/v1/items?limit=many")
    assert (answer.status_code, answer.json()["text"]) == (400, "limit: Expected `int`, got `str`")


@pytest.mark.parametrize(
    ("body", "error", "text"),
    [
        (b"", "BodyNotJson", "The body is not valid JSON: it is empty."),
        (b"{", "BodyNotJson", "The body is not valid JSON: Input data was truncated."),
        (b'{"items":[{"name":"\xff"}]}', "BodyNotJson", None),
        (b'{"note":' + b"[" * 900, "FieldInvalid", None),
        (b"{}", "FieldInvalid", "items: is missing"),
        (b'{"items":[{"name":"a"},{"name":1}]}', "FieldInvalid", "items[1].name: Expected `str`, got `int`"),
        (b"[]", "FieldInvalid", "Expected `object`, got `array`"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused_with_its_field(shop, body, error, text):
    answer = await shop.request("POST", "/v1/orders", token="order:place", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert text is None or answer.json()["text"] == text


async def test_a_document_of_endless_depth_is_refused(shop):
    face = Face(
        name="deep",
        matches=below("/v1/"),
        routes=PathRoutes(ROWS),
        errors=ERRORS,
        authenticate=FACE.authenticate,
    )
    body = b'{"items":[],"unknown":' + b"[" * 100_000
    answer = await Shop(face).request("POST", "/v1/orders", token="order:place", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "BodyNotJson")


async def test_a_body_announced_too_long_is_refused(shop):
    answer = await shop.request("POST", "/v1/orders", token="order:place", content=b"x" * 1001)
    assert (answer.status_code, answer.json()["error"]) == (413, "BodyTooLarge")


async def test_a_body_that_turns_out_too_long_is_refused_without_keeping_it(shop):
    sent = 0

    async def endless():
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b"x" * 100

    answer = await shop.request("POST", "/v1/orders", token="order:place", content=endless())
    assert answer.status_code == 413
    assert sent < 20


async def test_without_a_credential_the_handler_is_not_asked(shop):
    answer = await shop.request("GET", "/v1/items/lamp", token=None)
    assert (answer.status_code, answer.json()["error"]) == (401, "Unauthenticated")


async def test_an_open_row_needs_no_credential(shop):
    answer = await shop.request("GET", "/v1/door", token=None)
    assert (answer.status_code, answer.json()) == (200, "come in")


async def test_a_missing_permission_is_told_before_the_body_is_looked_at(shop):
    answer = await shop.request("POST", "/v1/orders", token="other", content=b"{")
    assert (answer.status_code, answer.json()["error"]) == (403, "NotPermitted")


async def test_an_unknown_path_is_answered_in_the_faces_form(shop):
    answer = await shop.request("GET", "/v1/nothing")
    assert (answer.status_code, answer.json()["error"]) == (404, "RouteNotFound")
    assert shop.counted("unrouted", 404) == 1


async def test_a_path_of_no_face_is_not_found_either(shop):
    answer = await shop.request("GET", "/elsewhere")
    assert answer.status_code == 404
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert shop.counted("unrouted", 404, face="none") == 1


async def test_another_method_is_told_which_there_are(shop):
    answer = await shop.request("PUT", "/v1/items/lamp")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, HEAD")


async def test_head_is_answered_by_the_row_of_get(shop):
    answer = await shop.request("HEAD", "/v1/items/lamp")
    assert answer.status_code == 200
    assert answer.headers["content-length"] == "25"


async def test_the_first_face_that_matches_answers():
    row = op("GET", "/v1/door", name="other_door", run=open_door, gives=str, is_open=True)
    other = Face(name="other", matches=below("/v1/door"), routes=PathRoutes([row]), errors=ERRORS)
    shop = Shop(other, FACE)
    await shop.request("GET", "/v1/door")
    assert shop.counted("other_door", 200, face="other") == 1


# Faults of ours.


async def test_a_fault_is_logged_and_answered_without_a_word_about_it(shop):
    with capture_logs() as logs:
        answer = await shop.request("GET", "/v1/broken", headers={"x-request-id": "r-1"})
    assert (answer.status_code, answer.json()) == (500, {"error": "unexpected", "id": "r-1"})
    entry, _ = logs
    assert entry["event"] == "request_failed"
    assert (entry["request_id"], entry["operation"], entry["face"]) == ("r-1", "break_down", "shop")
    assert entry["exc_info"]
    assert shop.counted("break_down", 500) == 1


# Lines about requests.


async def told(shop, *request, **options):
    with capture_logs() as logs:
        await shop.request(*request, **options)
    return logs


async def test_a_request_has_one_line_of_its_own(shop):
    [line] = await told(shop, "GET", "/v1/items/a%20b", token="any", headers={"x-request-id": "r-1"})

    assert line.pop("ms") >= 0
    assert line == {
        "event": "http_request",
        "log_level": "debug",
        "method": "GET",
        "path": "/v1/items/a%20b",
        "status": 200,
        "request_id": "r-1",
        "account": "shop-1",
        "principal": "key:1",
    }


async def test_a_line_tells_neither_query_nor_credential_nor_body(shop):
    lines = await told(
        shop, "POST", "/v1/orders?key=hush", token="order:place", json={"items": [], "note": "open sesame"}
    )

    assert (lines[0]["status"], [word for word in ("hush", "order:place", "open sesame") if word in str(lines)]) == (
        201,
        [],
    )


@pytest.mark.parametrize(("path", "status"), [("/v1/nothing", 404), ("/elsewhere", 404), ("/v1/door", 200)])
async def test_a_request_of_nobody_has_a_line_without_a_principal(shop, path, status):
    [line] = await told(shop, "GET", path)

    assert (line["path"], line["status"], line["principal"]) == (path, status, None)


async def test_a_path_is_told_no_longer_than_a_line_should_be(shop):
    [line] = await told(shop, "GET", "/v1/" + "x" * 5000)

    assert len(line["path"]) == 256


async def test_above_level_debug_no_request_has_a_line():
    quiet = structlog.wrap_logger(structlog.PrintLogger(), wrapper_class=structlog.make_filtering_bound_logger(20))

    assert await told(Shop(log=quiet), "GET", "/v1/door") == []


# The id of a request.


async def test_the_clients_own_id_comes_back_under_both_names(shop):
    answer = await shop.request("GET", "/v1/door", headers={"x-request-id": "abc-1"})
    assert answer.headers["x-request-id"] == answer.headers["x-shop-id"] == "abc-1"


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "line\tbreak", "<script>"])
async def test_an_id_that_is_not_fit_for_a_log_is_replaced(shop, sent):
    answer = await shop.request("GET", "/v1/door", headers={"x-request-id": sent})
    assert len(answer.headers["x-request-id"]) == 32


# Cross-origin calls.


async def test_a_preflight_is_answered_without_a_credential(shop):
    headers = {"origin": "https://page.example", "access-control-request-method": "DELETE"}
    answer = await shop.request("OPTIONS", "/v1/items/lamp", token=None, headers=headers)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-methods"] == "DELETE, GET, HEAD"
    assert answer.headers["access-control-allow-headers"] == "authorization, x-a"
    assert answer.headers.get_list("access-control-allow-origin") == ["*"]


async def test_refusals_may_be_read_by_pages_too(shop):
    answer = await shop.request("GET", "/v1/items/lamp", token=None)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-expose-headers"] == "x-b"


async def test_a_face_without_a_policy_says_nothing_of_origins():
    row = op("GET", "/v1/door", name="door", run=open_door, gives=str, is_open=True)
    shop = Shop(Face(name="closed", matches=below("/v1/"), routes=PathRoutes([row]), errors=ERRORS))
    answer = await shop.request("OPTIONS", "/v1/door", headers={"access-control-request-method": "GET"})
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert not [name for name in answer.headers if name.startswith("access-control")]


# What is measured.


async def test_every_operation_is_counted_and_timed(shop):
    await shop.request("GET", "/v1/items/lamp")
    await shop.request("GET", "/v1/items/lamp", token=None)
    assert (shop.counted("read_item", 200), shop.counted("read_item", 401)) == (1, 1)
    labels = {"face": "shop", "operation": "read_item"}
    assert shop.registry.get_sample_value("cloudstead_http_request_seconds_count", labels) == 2


# The protocol below.


def scope(path: str = "/v1/orders", method: str = "POST", kind: str = "http") -> dict:
    return {
        "type": kind,
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer order:place")],
        "client": ("192.0.2.1", 1),
    }


async def test_a_client_that_goes_away_is_counted_and_not_answered(shop):
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    await shop.app(scope(), receive, send)
    assert sent == []
    assert shop.counted("place_order", 499) == 1


async def never():
    return {"type": "websocket.connect"}


async def test_a_websocket_is_refused_where_nobody_serves_it(shop):
    sent = asyncio.Queue()
    await shop.app(scope(kind="websocket"), never, sent.put)
    assert sent.get_nowait()["type"] == "websocket.close"


async def test_a_websocket_is_handed_over():
    handed = []

    async def websocket(scope, receive, send):
        handed.append(scope["type"])

    await Shop(websocket=websocket).app(scope(kind="websocket"), never, None)
    assert handed == ["websocket"]


async def lived(shop: Shop) -> list[str]:
    sent = asyncio.Queue()
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive():
        return messages.pop(0)

    try:
        await shop.app({"type": "lifespan"}, receive, sent.put)
    except RuntimeError:
        sent.put_nowait({"type": "raised"})
    return [sent.get_nowait()["type"] for _ in range(sent.qsize())]


async def test_the_application_lives_without_a_lifespan_of_its_own(shop):
    assert await lived(shop) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_lifespan_is_entered_and_left():
    steps = []

    @asynccontextmanager
    async def lifespan():
        steps.append("in")
        yield
        steps.append("out")

    assert await lived(Shop(lifespan=lifespan)) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert steps == ["in", "out"]


@pytest.mark.parametrize("at_start", [True, False])
async def test_a_lifespan_that_fails_says_where(at_start):
    @asynccontextmanager
    async def lifespan():
        if at_start:
            raise RuntimeError
        yield
        raise RuntimeError

    told = ["lifespan.startup.failed"] if at_start else ["lifespan.startup.complete", "lifespan.shutdown.failed"]
    assert await lived(Shop(lifespan=lifespan)) == [*told, "raised"]


async def test_a_face_that_reads_no_credential_may_not_ask_for_one():
    with pytest.raises(ValueError, match="nobody who reads it"):
        Face(name="shop", matches=below("/"), routes=PathRoutes(ROWS), errors=ERRORS)


async def test_the_documents_face_serves_page_and_json():
    shop = Shop(documents_face([FACE]), FACE)
    assert (await shop.request("GET", "/docs/shop/openapi.json")).json()["openapi"] == "3.1.0"
    page = await shop.request("GET", "/docs/shop")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "Shop" in (await shop.request("GET", "/docs/")).text
    assert (await shop.request("GET", "/docs/pizza")).status_code == 404
    assert (await shop.request("POST", "/docs/shop")).headers["allow"] == "GET, HEAD"
