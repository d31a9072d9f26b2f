from __future__ import annotations

from dataclasses import replace
from html import escape

from cloudstead.web.openapi import describe
from cloudstead.web.page import index_page, operations_page
from cloudstead.web.routes import PathRoutes
from cloudstead.web.table import op
from unit.web.faces import DOCUMENT, FACE, ROWS


def test_every_row_is_described_once():
    document = describe(DOCUMENT, [FACE])
    shown = [(m.upper(), path, each["operationId"]) for path, ms in document["paths"].items() for m, each in ms.items()]
    assert sorted(shown) == sorted((row.method, row.path, row.name) for row in ROWS)


def test_shapes_become_schemas():
    document = describe(DOCUMENT, [FACE])
    order = document["paths"]["/v1/orders"]["post"]
    assert order["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Order"}
    answer = order["responses"]["201"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/Order"}
    assert set(document["components"]["schemas"]) == {"Item", "Order"}
    assert order["x-permission"] == "order:place"


def test_a_body_that_a_handler_reads_itself_is_told_by_its_media_types():
    picture = {"type": "string", "format": "binary"}
    row = op("POST", "/v1/pictures", name="hang", run=ROWS[0].run, reads={"image/png": picture}, is_open=True)
    document = describe(DOCUMENT, [replace(FACE, routes=PathRoutes([row]))])
    body = document["paths"]["/v1/pictures"]["post"]["requestBody"]
    assert body == {"required": True, "content": {"image/png": {"schema": picture}}}
    assert "image/png" in operations_page(document, name="shop")


def test_a_query_becomes_parameters():
    document = describe(DOCUMENT, [FACE])
    limit, after = document["paths"]["/v1/items"]["get"]["parameters"]
    assert (limit["name"], limit["in"], limit["required"]) == ("limit", "query", False)
    assert limit["schema"] == {"type": "integer", "default": 50}
    assert after["name"] == "after"


def test_path_parameters_are_required():
    document = describe(DOCUMENT, [FACE])
    [name] = document["paths"]["/v1/items/{name}"]["get"]["parameters"]
    assert name == {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}


def test_open_rows_need_no_credential():
    document = describe(DOCUMENT, [FACE])
    assert document["paths"]["/v1/door"]["get"]["security"] == []
    assert document["paths"]["/v1/items"]["get"]["security"] == [{"shop": []}]
    assert document["components"]["securitySchemes"] == {"shop": {"type": "http", "scheme": "bearer"}}


def test_a_page_shows_the_operations_and_loads_nothing():
    page = operations_page(describe(DOCUMENT, [FACE]), name="shop")
    assert "/v1/orders" in page
    assert "Shop &lt;1&gt;" in page
    assert "<script" not in page
    assert "src=" not in page


SMALL = {
    "title": "SMALL",
    "description": "Take < one.",
    "required": ["action"],
    "properties": {
        "action": {"const": "SMALL"},
        "with": {"type": "object", "required": ["count"], "properties": {"count": {"type": ["integer", "string"]}}},
    },
    "examples": [{"action": "SMALL", "with": {"count": 3}}],
}
SPELLED_OUT = replace(
    FACE,
    path_items={
        "/v1/take": {
            "post": {
                "operationId": "take",
                "summary": "Take.",
                "parameters": [],
                "requestBody": {"content": {"application/json": {"schema": {"oneOf": [SMALL]}}}},
                "responses": {},
                "security": [],
            }
        }
    },
)


def test_a_face_may_spell_out_its_paths_itself():
    document = describe(DOCUMENT, [SPELLED_OUT])
    assert list(document["paths"]) == ["/v1/take"]
    assert document["paths"]["/v1/take"]["post"]["tags"] == ["shop"]


def test_a_page_shows_each_choice_of_a_body_with_its_properties_and_an_example():
    page = operations_page(describe(DOCUMENT, [SPELLED_OUT]), name="shop")
    assert "<b>SMALL</b><span>Take &lt; one.</span>" in page
    assert "<code>with.count</code></td><td>required</td><td><code>integer or string</code>" in page
    sent = """curl -s "$CLOUD/v1/take" -d '{"action": "SMALL", "with": {"count": 3}}'"""
    assert f"<pre>{escape(sent)}</pre>" in page


def test_a_page_shows_what_a_shape_is_made_of_and_not_only_its_name():
    page = operations_page(describe(DOCUMENT, [FACE]), name="shop")
    order = page.partition("/v1/orders</code>")[2].partition("</details>")[0]
    assert '<td><code>items</code></td><td>required</td><td><code>list of <a href="#Item">Item</a></code></td>' in order
    assert '<div id="Item">' in page


def test_a_page_tells_what_is_required_of_who_asks_and_not_of_the_answer():
    page = operations_page(describe(DOCUMENT, [FACE]), name="shop")
    taken, _, given = page.partition("/v1/orders</code>")[2].partition("</details>")[0].partition("Gives 201")
    assert "required" in taken
    assert "<code>items</code>" in given
    assert "required" not in given


def test_a_page_shows_first_what_is_required():
    shape = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["b"]}
    document = describe(DOCUMENT, [FACE])
    document["components"]["schemas"]["Order"] = shape
    order = operations_page(document, name="shop").partition("/v1/orders</code>")[2]
    assert order.index("<code>b</code>") < order.index("<code>a</code>")


def test_a_page_groups_operations_by_their_tags_and_lists_the_groups():
    document = describe(DOCUMENT, [replace(FACE, tag_of=lambda path: path.split("/")[2])])
    page = operations_page(document, name="shop")
    assert document["paths"]["/v1/orders"]["post"]["tags"] == ["orders"]
    assert page.count('<h2 id="group-items">items</h2>') == 1
    assert '<a href="#group-items">items</a>' in page


def test_a_page_leads_back_to_the_first_one():
    assert '<a href="/">First page</a>' in operations_page(describe(DOCUMENT, [FACE]), name="shop")


def test_the_index_escapes_what_it_shows():
    assert "Sells &amp; buys." in index_page([DOCUMENT])
