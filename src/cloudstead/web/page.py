"""An OpenAPI document as a page for people: one file, no script, nothing loaded from elsewhere, light and dark."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cloudstead.web.face import Document

_STYLE: Final = """
:root { color-scheme: light dark; --line: #d5dae0; --soft: #f4f6f8; --ink: #1c2733; --mute: #5b6875; --mark: #0b6bcb; }
@media (prefers-color-scheme: dark) {
  :root { --line: #37414d; --soft: #202932; --ink: #e4e9ee; --mute: #9aa7b4; --mark: #6db3f8; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: Canvas; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem } h2 { font-size: 1.1rem; margin-top: 2rem }
p, small { color: var(--mute) } a { color: var(--mark) }
details { border: 1px solid var(--line); border-radius: 6px; margin: .4rem 0; }
summary { padding: .4rem .7rem; cursor: pointer; display: flex; gap: .8rem; align-items: baseline; flex-wrap: wrap }
summary::before { content: "\\25b8"; color: var(--mute) } details[open] > summary::before { content: "\\25be" }
summary b { font: 600 .8rem ui-monospace, monospace; color: var(--mark); min-width: 3.6rem }
code, pre { font: .85rem/1.45 ui-monospace, monospace }
pre { background: var(--soft); padding: .7rem; margin: .4rem 0; border-radius: 4px; overflow-x: auto }
details > div { padding: 0 .9rem .7rem } table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line) }
"""


def index_page(documents: Iterable[Document]) -> str:
    """Return the list of documents."""
    entries = "".join(
        f'<h2><a href="/docs/{escape(document.name)}">{escape(document.title)}</a></h2>'
        f"<p>{escape(document.summary)}</p>"
        for document in documents
    )
    return _whole("Interfaces", f"<h1>Interfaces</h1>{entries}")


def operations_page(document: dict[str, Any], *, name: str) -> str:
    """Return an OpenAPI document as a list of operations, grouped by tag, and its schemas."""
    info = document["info"]
    link = f'<a href="/docs/{escape(name)}/openapi.json">OpenAPI document</a>, <a href="/docs">all interfaces</a>'
    about = f"{escape(info['description'])} Version {escape(info['version'])}. {link}"
    parts = [f"<h1>{escape(info['title'])}</h1><p>{about}</p>"]
    tag = None
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation["tags"][0] != tag:
                tag = operation["tags"][0]
                parts.append(f"<h2>{escape(tag)}</h2>")
            parts.append(_operation(method, path, operation))
    schemas = document["components"]["schemas"]
    if schemas:
        parts.append("<h2>Schemas</h2>")
        parts += [_schema(title, schema) for title, schema in schemas.items()]
    return _whole(info["title"], "".join(parts))


def _schema(title: str, schema: dict[str, Any]) -> str:
    heading = f"<summary><code>{escape(title)}</code></summary>"
    return f'<details id="{escape(title)}">{heading}<div>{_json(schema)}</div></details>'


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    inside = [f"<p><code>{escape(operation['operationId'])}</code>"]
    inside.append(" needs a credential.</p>" if operation["security"] else " needs no credential.</p>")
    if operation["parameters"]:
        inside.append(_parameters(operation["parameters"]))
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = content["schema"]
        inside.append(f"<small>Takes {'' if media_type == 'application/json' else escape(media_type)}</small>")
        inside += map(_variant, schema["oneOf"]) if "oneOf" in schema else [_json(schema)]
    for status, response in operation["responses"].items():
        inside += [
            f"<small>Gives {escape(status)}</small>" + _json(content["schema"])
            for content in response.get("content", {}).values()
        ]
    return (
        f"<details><summary><b>{escape(method.upper())}</b><code>{escape(path)}</code>"
        f"<span>{escape(operation['summary'])}</span></summary><div>{''.join(inside)}</div></details>"
    )


def _variant(schema: dict[str, Any]) -> str:
    """Show one choice of a body: what it is for, its properties with those one level below, and an example."""
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{'required' if is_required else ''}</td>"
        f"<td><code>{escape(_kind(each))}</code></td><td>{escape(each.get('description', ''))}</td></tr>"
        for name, each, is_required in _properties(schema)
    )
    examples = "".join(_json(example) for example in schema.get("examples", ()))
    return (
        f"<details><summary><b>{escape(schema['title'])}</b><span>{escape(schema['description'])}</span></summary>"
        f"<div><table>{rows}</table>{examples}</div></details>"
    )


def _properties(schema: dict[str, Any], above: str = "") -> Iterator[tuple[str, dict[str, Any], bool]]:
    for name, each in schema["properties"].items():
        if "properties" in each and not above:
            yield from _properties(each, f"{name}.")
        else:
            yield above + name, each, name in schema.get("required", ())


def _kind(schema: dict[str, Any]) -> str:
    if "const" in schema:
        return json.dumps(schema["const"])
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    kind = schema.get("type", "any")
    return kind if isinstance(kind, str) else " or ".join(kind)


def _parameters(parameters: Sequence[dict[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each['in'])}</td>"
        f"<td>{'required' if each['required'] else ''}</td>"
        f"<td><code>{escape(json.dumps(each['schema']))}</code></td></tr>"
        for each in parameters
    )
    return f"<table>{rows}</table>"


def _json(schema: Any) -> str:
    return f"<pre>{escape(json.dumps(schema, indent=2))}</pre>"


def _whole(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
        f"<body>{body}</body></html>"
    )
