"""One OpenAPI 3.1 document for each group of faces, made from their rows and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.responses import HTMLResponse, JSONResponse, Response

from cloudstead.web.errors import MethodNotAllowed, RouteNotFound
from cloudstead.web.face import Document, ErrorMap, Face, below
from cloudstead.web.page import index_page, operations_page
from cloudstead.web.routes import PathRoutes
from cloudstead.web.table import op

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cloudstead.web.call import Call
    from cloudstead.web.table import Operation

_PARAMETER: Final = re.compile(r"\{([^}:*]+)(?::raw|\*)?\}")
_SCHEMAS: Final = "#/components/schemas/{name}"


def describe(document: Document, faces: Iterable[Face]) -> dict[str, Any]:
    """Return the OpenAPI document of the faces that appear in ``document``."""
    faces = [face for face in faces if face.document == document]
    rows = [(face, row) for face in faces if not face.path_items for row in face.routes.operations]
    kinds = [kind for _, row in rows for kind in _kinds(row)]
    # One call for all rows, so that shapes of the same name in two modules get names of their own.
    written, components = msgspec.json.schema_components(kinds, ref_template=_SCHEMAS)
    schemas = iter(written)
    paths: dict[str, dict[str, Any]] = {
        path: {method: {"tags": [face.name], **described} for method, described in methods.items()}
        for face in faces
        for path, methods in face.path_items.items()
    }
    queries = set()
    for face, row in rows:
        described = _operation(face, row)
        if row.query is not None:
            name = next(schemas)["$ref"].rpartition("/")[2]
            queries.add(name)
            described["parameters"] += _query_parameters(components[name])
        if row.takes is not None:
            described["requestBody"] = {"required": True, "content": {"application/json": {"schema": next(schemas)}}}
        if row.reads is not None:
            content = {media_type: {"schema": schema} for media_type, schema in row.reads.items()}
            described["requestBody"] = {"required": True, "content": content}
        if row.gives is not None:
            described["responses"][str(row.status)]["content"] = {face.media_type: {"schema": next(schemas)}}
        paths.setdefault(_PARAMETER.sub(r"{\1}", row.path), {})[row.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": document.title, "version": document.version, "description": document.summary},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in queries},
            "securitySchemes": {
                face.name: dict(face.security_scheme) for face in faces if face.authenticate is not None
            },
        },
    }


def _kinds(row: Operation) -> Iterable[Any]:
    """Return the shapes of a row in the order in which ``describe`` takes their schemas."""
    if row.query is not None:
        yield row.query
    if row.takes is not None:
        yield row.takes.type
    if row.gives is not None:
        yield row.gives


def _operation(face: Face, row: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": row.name,
        "summary": row.summary,
        "tags": [face.name if face.tag_of is None else face.tag_of(row.path)],
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in _PARAMETER.findall(row.path)
        ],
        "responses": {
            str(row.status): {"description": "Done."},
            "default": {"description": "Refused, in the error form of this face."},
        },
        "security": [] if row.is_open else [{face.name: []}],
    }
    if row.permission is not None:
        described["x-permission"] = row.permission
    return described


def _query_parameters(schema: dict[str, Any]) -> list[dict[str, Any]]:
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": field}
        for name, field in schema["properties"].items()
    ]


class Documents:
    """Serves the documents, each as JSON and as a page; they are made when first asked for."""

    def __init__(self, faces: Sequence[Face]) -> None:
        self._faces = tuple(faces)
        self._documents = {face.document.name: face.document for face in faces if face.document is not None}
        self._made: dict[str, dict[str, Any]] = {}

    async def index(self, call: Call[None]) -> Response:  # noqa: ARG002 - every handler is given the call
        """List the documents."""
        return _page(index_page(list(self._documents.values())))

    async def as_page(self, call: Call[None]) -> Response:
        """Show one document as a page."""
        return _page(operations_page(self._document(call.path["document"]), name=call.path["document"]))

    async def as_json(self, call: Call[None]) -> Response:
        """Return one document as JSON."""
        return JSONResponse(self._document(call.path["document"]))

    def _document(self, name: str) -> dict[str, Any]:
        document = self._documents.get(name)
        if document is None:
            raise RouteNotFound(f"/docs/{name}")
        if name not in self._made:
            self._made[name] = describe(document, self._faces)
        return self._made[name]


def documents_face(faces: Sequence[Face]) -> Face:
    """Return the face that serves the documents of ``faces`` below ``/docs``."""
    documents = Documents(faces)
    return Face(
        name="docs",
        matches=below("/docs"),
        routes=PathRoutes(
            [
                op("GET", "/docs", name="list_documents", run=documents.index, is_open=True),
                op("GET", "/docs/{document}", name="show_document", run=documents.as_page, is_open=True),
                op("GET", "/docs/{document}/openapi.json", name="get_document", run=documents.as_json, is_open=True),
            ],
            ignore_last_slash=True,
        ),
        errors=ErrorMap(
            {RouteNotFound: _refusal(404), MethodNotAllowed: _refusal(405)},
            unexpected=lambda call: JSONResponse({"message": "Internal error.", "request_id": call.request_id}, 500),
        ),
    )


def _refusal(status: int) -> Any:
    return lambda error, _: JSONResponse({"message": str(error)}, status)


def _page(html: str) -> Response:
    # The page runs no script and loads nothing, and the policy keeps it so.
    return HTMLResponse(html, headers={"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"})
