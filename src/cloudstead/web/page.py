"""An OpenAPI document as a page for people: one file, no script, nothing loaded from elsewhere, light and dark."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any, Final

from cloudstead.web.curl import command, command_with
from cloudstead.web.schema_words import field, fields, referred, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cloudstead.web.face import Document
    from cloudstead.web.schema_words import Field

_CLOUD: Final = "$CLOUD"

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
pre { background: var(--soft); padding: .7rem; margin: .4rem 0; border-radius: 4px; white-space: pre-wrap;
  overflow-wrap: anywhere }
details > div { padding: 0 .9rem .7rem } table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
nav ul { columns: 16rem; padding: 0; list-style: none } summary code { overflow-wrap: anywhere }
.scroll { overflow-x: auto } header { border-bottom: 1px solid var(--line); padding-bottom: .6rem }
header a { margin-right: 1rem }
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
    groups: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_operation(method, path, operation, document))
    schemas = document["components"]["schemas"]
    if schemas:
        groups["Schemas"] = [_schema(title, schema) for title, schema in schemas.items()]
    parts = [f"<h1>{escape(info['title'])}</h1><p>{about}</p>{_contents(groups)}"]
    if any(_CLOUD in entry for entries in groups.values() for entry in entries):
        parts.append(
            f"<p>In the commands, <code>{_CLOUD}</code> is the address of this page up to the third slash, and "
            "<code>$KEY</code> what this API asks for (above): an API key or a token. Words in capitals are yours.</p>"
        )
    for tag, entries in groups.items():
        parts += [f'<h2 id="{_anchor(tag)}">{escape(tag)}</h2>', *entries]
    return _whole(info["title"], "".join(parts))


def _contents(groups: Mapping[str, Sequence[str]]) -> str:
    links = "".join(
        f'<li><a href="#{_anchor(tag)}">{escape(tag)}</a> {len(entries)}</li>' for tag, entries in groups.items()
    )
    return f"<nav><ul>{links}</ul></nav>" if len(groups) > 1 else ""


def _anchor(tag: str) -> str:
    return "group-" + "-".join(re.findall(r"[a-z0-9]+", tag.lower()))


def _schema(title: str, schema: dict[str, Any]) -> str:
    heading = f"<summary><code>{escape(title)}</code><span>{_prose(schema.get('description', ''))}</span></summary>"
    # What a link leads to stands inside: browsers open the details that hide it (HTML, section 7.4.6.4).
    return f'<details>{heading}<div id="{escape(title)}">{_shape(schema)}</div></details>'


def _operation(method: str, path: str, operation: dict[str, Any], document: dict[str, Any]) -> str:
    schemas = document["components"]["schemas"]
    inside = [f"<p><code>{escape(operation['operationId'])}</code>"]
    inside.append(" needs a credential.</p>" if operation["security"] else " needs no credential.</p>")
    contents = operation.get("requestBody", {}).get("content", {})
    has_choices = any("oneOf" in content["schema"] for content in contents.values())
    line = None if has_choices else command(method, path, operation=operation, document=document)
    if line is not None:
        inside.append(f"<pre>{escape(line)}</pre>")
    if operation["parameters"]:
        inside.append(
            _table(
                (field(each["name"], each["schema"], is_required=each["required"]), each["in"])
                for each in operation["parameters"]
            )
        )
    for media_type, content in contents.items():
        schema = content["schema"]
        inside.append(f"<small>Takes {'' if media_type == 'application/json' else escape(media_type)}</small>")
        if "oneOf" in schema:
            for each in schema["oneOf"]:
                sent = [
                    command_with(one, method, path=path, operation=operation, document=document)
                    for one in each.get("examples", ())
                ]
                inside.append(_variant(each, filter(None, sent)))
        else:
            inside.append(_named_shape(schema, schemas))
    for status, response in operation["responses"].items():
        inside += [
            f"<small>Gives {escape(status)}</small>{_answer(content['schema'], schemas)}"
            for content in response.get("content", {}).values()
        ]
    return (
        f"<details><summary><b>{escape(method.upper())}</b><code>{escape(path)}</code>"
        f"<span>{escape(operation['summary'])}</span></summary><div>{''.join(inside)}</div></details>"
    )


def _variant(schema: dict[str, Any], commands: Iterable[str]) -> str:
    """Show one choice of a body: what it is for, commands that send it, its properties with those one level below."""
    lines = "".join(f"<pre>{escape(line)}</pre>" for line in commands)
    return (
        f"<details><summary><b>{escape(schema['title'])}</b><span>{escape(schema['description'])}</span></summary>"
        f"<div>{lines}{_table((each, '') for each in fields(schema))}</div></details>"
    )


def _named_shape(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    return f"{_name(schema)}{_shape(whole(schema, schemas))}"


def _answer(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Show what is given: nobody who reads an answer has to know what may be left out of it, or how long it may be."""
    told = whole(schema, schemas)
    if not told.get("properties"):
        return _named_shape(schema, schemas)
    return f"{_name(schema)}{_table((replace(each, is_required=False, limits=''), '') for each in fields(told))}"


def _name(schema: dict[str, Any]) -> str:
    if "$ref" not in schema:
        return ""
    name = escape(referred(schema) or "")
    return f' <small><a href="#{name}">{name}</a></small>'


def _shape(schema: Mapping[str, Any]) -> str:
    """Show an object as a table of its fields, what is required first, and anything else as what it is."""
    if schema.get("properties"):
        return _table((each, "") for each in sorted(fields(schema), key=lambda each: not each.is_required))
    return _table([(field("", schema, is_required=True), "")])


def _table(lines: Iterable[tuple[Field, str]]) -> str:
    """Show fields, each with the place of the request that it goes into."""
    rows = "".join(
        f"<tr><td><code>{escape(each.name)}</code></td><td>{_marks(each, place)}</td><td>{_kind(each)}</td>"
        f"<td>{_prose('; '.join(filter(None, (each.description, each.limits))))}</td></tr>"
        for each, place in lines
    )
    return f'<div class="scroll"><table>{rows}</table></div>'


def _marks(each: Field, place: str) -> str:
    return escape(" ".join(filter(None, (place, "required" if each.is_required else ""))))


def _kind(each: Field) -> str:
    told = escape(each.kind)
    if each.schema is not None:
        name = escape(each.schema)
        told = told.replace(name, f'<a href="#{name}">{name}</a>', 1)
    return f"<code>{told}</code>"


def _prose(text: str) -> str:
    """Show words of a docstring: what stands in double backquotes there is code."""
    return re.sub("``(.+?)``", r"<code>\1</code>", escape(text))


def _whole(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
        f'<body><header><a href="/">First page</a><a href="/docs">Interfaces</a></header>{body}</body></html>'
    )
