"""An operation of a document as a line for a terminal, with CLOUD and KEY for the address and the credential."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from cloudstead.web.schema_words import example

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudstead.web.schema_words import Schemas

_PARAMETER: Final = re.compile(r"\{([^}]+)\}")
_JSON: Final = "application/json"
_FORM: Final = "multipart/form-data"


def command(method: str, path: str, *, operation: Mapping[str, Any], document: Mapping[str, Any]) -> str | None:
    """Return the command that calls an operation, ``None`` where the credential is no bearer token."""
    return _line(method, path, body=_body(operation, document["components"]["schemas"]), who=_who(operation, document))


def command_with(
    body: Any, method: str, *, path: str, operation: Mapping[str, Any], document: Mapping[str, Any]
) -> str | None:
    """Return the command that calls an operation with this JSON body."""
    return _line(method, path, body=[_sent(body)], who=_who(operation, document))


def _line(method: str, path: str, *, body: Sequence[str], who: Sequence[str] | None) -> str | None:
    if who is None or "#" in path:
        return None
    return " ".join(["curl -s", *_verb(method, has_body=bool(body)), f'"$CLOUD{_filled(path)}"', *who, *body])


def _who(operation: Mapping[str, Any], document: Mapping[str, Any]) -> list[str] | None:
    if not operation["security"]:
        return []
    schemes = document["components"]["securitySchemes"]
    is_bearer = any(schemes[name].get("scheme") == "bearer" for choice in operation["security"] for name in choice)
    return ['-H "Authorization: Bearer $KEY"'] if is_bearer else None


def _verb(method: str, *, has_body: bool) -> list[str]:
    usual = "POST" if has_body else "GET"
    return [] if method.upper() == usual else [f"-X {method.upper()}"]


def _filled(path: str) -> str:
    return _PARAMETER.sub(lambda found: found[1].upper(), path)


def _body(operation: Mapping[str, Any], schemas: Schemas) -> list[str]:
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        if media_type == _JSON:
            return [_sent(example(content["schema"], schemas))]
        if media_type == _FORM:
            return [f"-F {name}=@FILE" for name in content["schema"]["properties"]]
        return ["--data-binary @FILE"]
    return []


def _sent(body: Any) -> str:
    return "-d '" + json.dumps(body, ensure_ascii=False).replace("'", "'\\''") + "'"
