"""XML from outside: bounded in bytes, elements and depth, without document types and references to elsewhere.

Messages may hold no comment and no processing instruction either: SAML has no use for them, and what stands between two
pieces of a name has fooled many a reader.
"""

from __future__ import annotations

from typing import Any, Final

from lxml import etree

from cloudstead.protocols.saml2.errors import Malformed

LARGEST_MESSAGE: Final = 256 * 1024
"""In bytes. A response with hundreds of attributes has about 50 KB."""

_MOST_ELEMENTS: Final = 5000
_DEEPEST: Final = 40


def read_message(data: bytes) -> Any:
    """Return the root element of a message; raise ``Malformed``."""
    root = _parse(data, keeps_comments=True)
    if root.getprevious() is not None or root.getnext() is not None:
        raise Malformed("Something stands beside the message.")
    if any(not isinstance(element.tag, str) for element in root.iter()):
        raise Malformed("The message holds a comment, an entity or a processing instruction.")
    return root


def read_description(data: bytes) -> Any:
    """Return the root element of metadata; comments are passed over. Raise ``Malformed``."""
    return _parse(data, keeps_comments=False)


def only(parent: Any, tag: str) -> Any:
    """Return the one child with that tag; raise ``Malformed`` when there is none or another."""
    found = optional(parent, tag)
    if found is None:
        raise Malformed(f"{_local(tag)} is missing.")
    return found


def optional(parent: Any, tag: str) -> Any | None:
    """Return the child with that tag, ``None`` without one; raise ``Malformed`` when there are several."""
    found = parent.findall(tag)
    if len(found) > 1:
        raise Malformed(f"{_local(tag)} is there more than once.")
    return found[0] if found else None


def text_of(element: Any) -> str:
    """Return the text of an element that may hold nothing else, without the blanks around it; raise ``Malformed``."""
    if len(element):
        raise Malformed(f"{_local(element.tag)} holds more than text.")
    return (element.text or "").strip()


def _parse(data: bytes, *, keeps_comments: bool) -> Any:
    if len(data) > LARGEST_MESSAGE:
        raise Malformed("There is too much of it.")
    # Before any parser sees it: a document type is what entities and references to elsewhere need.
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data or b"\0" in data:
        raise Malformed("It has a document type, or is not written in UTF-8.")
    parser = etree.XMLParser(
        encoding="utf-8",  # whatever the document says: else another encoding could hide what was looked for above
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        recover=False,
        collect_ids=False,
        remove_comments=not keeps_comments,
        remove_pis=not keeps_comments,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Malformed("It is no well-formed XML.") from None
    if root is None or root.getroottree().docinfo.internalDTD is not None:
        raise Malformed("It has a document type.")
    _require_modest(root)
    return root


def _require_modest(root: Any) -> None:
    depth = count = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        count += event == "start"
        if depth > _DEEPEST or count > _MOST_ELEMENTS:
            raise Malformed("There are too many elements, or they are too deep inside one another.")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
