"""A small face for the tests, and calls of an application without a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
import msgspec
import structlog
from prometheus_client import CollectorRegistry
from starlette.responses import JSONResponse, StreamingResponse

from cloudstead.core.access.permissions import Permission
from cloudstead.core.clock import ManualClock
from cloudstead.core.errors import CloudsteadError, NotPermitted
from cloudstead.core.ids import Uuid7Source
from cloudstead.web import errors as web
from cloudstead.web.app import WebApp
from cloudstead.web.bearer import bearer_token
from cloudstead.web.face import CorsPolicy, Document, ErrorMap, Face, below
from cloudstead.web.metrics import WebMetrics
from cloudstead.web.routes import PathRoutes
from cloudstead.web.table import op

if TYPE_CHECKING:
    from cloudstead.web.call import Call

DOCUMENT = Document(name="shop", title="Shop <1>", version="1", summary="Sells & buys.")


class Item(msgspec.Struct):
    name: str
    price: int = 0


class Order(msgspec.Struct):
    items: list[Item]
    note: str | None = None


class ListQuery(msgspec.Struct):
    limit: int = 50
    after: str | None = None


class Keeper:
    """Who holds the one token; may do what the token says."""

    account_id = "shop-1"
    principal = "key:1"

    def __init__(self, token: str) -> None:
        self.token = token

    def require(self, permission: Permission) -> None:
        if permission != self.token:
            raise NotPermitted(permission)


async def list_items(call: Call[Keeper]) -> list[Item]:
    """List the items."""
    options = call.options(ListQuery)
    return [Item(options.after or "first", options.limit)]


async def read_item(call: Call[Keeper]) -> Item:
    """Show one item."""
    return Item(call.path["name"])


async def place_order(call: Call[Keeper], order: Order) -> Order:
    """Place an order."""
    return order


async def drop_item(call: Call[Keeper]) -> None:
    """Drop an item."""


async def break_down(call: Call[Keeper]) -> None:
    """Break."""
    raise RuntimeError("the secret of the house")


async def open_door(call: Call[None]) -> str:
    """Answer anybody."""
    return "come in"


async def stream(call: Call[None]) -> StreamingResponse:
    """Answer in pieces."""

    async def pieces() -> Any:
        yield b"one "
        yield b"two"

    return StreamingResponse(pieces())


async def authenticate(call: Call[Keeper]) -> Keeper:
    token = bearer_token(call.authorization)
    if token is None:
        raise web.Unauthenticated("Who are you?")
    return Keeper(token)


def worded(status: int) -> Any:
    return lambda error, call: JSONResponse({"error": type(error).__name__, "text": str(error)}, status)


ERRORS = ErrorMap(
    {
        web.WebError: worded(400),
        web.RouteNotFound: worded(404),
        web.MethodNotAllowed: worded(405),
        web.BodyTooLarge: worded(413),
        web.Unauthenticated: worded(401),
        CloudsteadError: worded(409),
        NotPermitted: worded(403),
    },
    unexpected=lambda call: JSONResponse({"error": "unexpected", "id": call.request_id}, 500),
)

ROWS = (
    op("GET", "/v1/items", name="list_items", run=list_items, gives=list[Item], query=ListQuery),
    op("GET", "/v1/items/{name}", name="read_item", run=read_item, gives=Item),
    op("DELETE", "/v1/items/{name}", name="drop_item", run=drop_item, status=204, permission=Permission("item:drop")),
    op(
        "POST",
        "/v1/orders",
        name="place_order",
        run=place_order,
        takes=Order,
        gives=Order,
        status=201,
        permission=Permission("order:place"),
    ),
    op("GET", "/v1/broken", name="break_down", run=break_down),
    op("GET", "/v1/door", name="open_door", run=open_door, gives=str, is_open=True),
    op("GET", "/v1/stream", name="stream", run=stream, is_open=True),
)

FACE = Face(
    name="shop",
    matches=below("/v1/"),
    routes=PathRoutes(ROWS),
    errors=ERRORS,
    authenticate=authenticate,
    body_limit=1000,
    request_id_header="x-shop-id",
    cors=CorsPolicy(allowed_headers=("authorization", "x-a"), exposed_headers=("x-b",)),
    document=DOCUMENT,
)


class Shop:
    """The face served by an application, with a client and what it measured."""

    def __init__(self, *faces: Face, **options: Any) -> None:
        self.registry = CollectorRegistry()
        self.app = WebApp(
            faces or (FACE,),
            ids=Uuid7Source(ManualClock()),
            metrics=WebMetrics.registered(self.registry),
            **{"log": structlog.get_logger(), **options},
        )

    async def request(self, method: str, path: str, *, token: str | None = "any", **options: Any) -> httpx2.Response:
        headers = options.pop("headers", {})
        if token is not None:
            headers = {"authorization": f"Bearer {token}", **headers}
        transport = httpx2.ASGITransport(app=self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://shop.example") as client:
            return await client.request(method, path, headers=headers, **options)

    def counted(self, operation: str, status: int, face: str = "shop") -> float:
        labels = {"face": face, "operation": operation, "status": str(status)}
        return self.registry.get_sample_value("cloudstead_http_requests_total", labels) or 0.0
