"""The functions for readers: what each action takes and answers to, as the parts of an OpenAPI operation."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cloudstead.core.access.permissions import BUILT_IN_ROLES
from cloudstead.dialects.cloud_connect.shapes.auth import ROLES
from cloudstead.dialects.cloud_connect.shapes.inputs import Find, UserData
from cloudstead.dialects.cloud_connect.shapes.people import SORT_KEYS
from cloudstead.dialects.cloud_connect.shapes.text import may_be_number
from cloudstead.dialects.cloud_connect.shapes.thing_types import SELECTABLE
from cloudstead.dialects.cloud_connect.table import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.dialects.cloud_connect.table import Action

_SUMMARIES: Final = MappingProxyType(
    {
        "AuthLambda": "Sign up, log in, and get back in after a password was forgotten.",
        "DomainLambda": "Domains: the tree that things, types and people live in.",
        "FileLambda": "Files: lists of them, and the images of things.",
        "ObservationLambda": "Search what things have reported.",
        "RuleLambda": "Rules: what is done when a thing reports a value that somebody waits for.",
        "ThingBatchLambda": "Make many things at once, in the background, with an archive of their credentials.",
        "ThingLambda": "Things and their certificates.",
        "ThingTypeLambda": "Thing types and their attributes.",
        "UserLambda": "Users, their profiles, and what they store for themselves.",
    }
)

SELECTED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "DomainLambda.GET": (
            "parentId",
            "name",
            "description",
            "data",
            "domainMetadata",
            "thingTypeMetadata",
            "settings",
        ),
        "DomainLambda.LIST": ("name", "description", "data"),
        "ThingLambda.GET": (
            "thingType",
            "createdAt",
            "createdBy",
            "domain",
            "label",
            "description",
            "shadow",
            "domainTopic",
        ),
        "ThingTypeLambda.GET": tuple(sorted(SELECTABLE)),
        "ThingTypeLambda.LIST": tuple(sorted(SELECTABLE)),
        "UserLambda.GET": tuple(name for name in SORT_KEYS if name != "userName"),
        "UserLambda.LIST": tuple(SORT_KEYS),
    }
)
"""What can be asked for with null, by the label of the action."""

_ONE_THING: Final = MappingProxyType({"thingName": "climate-1"})
_NEW_PERSON: Final = MappingProxyType(
    {
        "userName": "nora",
        "password": "by the sea",
        "firstName": "Nora",
        "lastName": "Nord",
        "email": "nora@example.com",
        "phone": "+4631123456",
        "roleName": "Read",
        "domainName": "greenhouse",
    }
)
_RULE: Final = MappingProxyType(
    {
        "name": "Too hot",
        "enabled": True,
        "filter": {"domain": "greenhouse", "thingType": "climate"},
        "expression": {"operator": "gte", "resource": "temp", "value": 50},
        "actions": [
            {
                "type": "WEBHOOK",
                "config": {
                    "url": "https://hooks.example.com/hot",
                    "headers": {"Authorization": "Bearer YOUR OWN"},
                    "body": {"text": "${thing.thingName} is at ${resource.value}", "temp": "${resource.value}"},
                },
            }
        ],
        "threshold": {"count": 3, "interval": 600_000},
    }
)
_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "AuthLambda.FORGOT_PASSWORD": {"userName": "nora"},
        "AuthLambda.RESEND_CONFIRMATION_CODE": {"userName": "nora"},
        "AuthLambda.SIGN_UP": {"userName": "nora", "password": "by the sea", "email": "nora@example.com"},
        "AuthLambda.LOGIN": {"userName": "admin", "password": "THE PRINTED ONE"},
        "AuthLambda.REFRESH": {"refreshToken": "credentials.refreshToken OF THE LOGIN"},
        "DomainLambda.CREATE": {"id": "greenhouse", "parentId": "root", "name": "Greenhouse"},
        "DomainLambda.GET": {"id": "greenhouse", "name": None, "parentId": None},
        "DomainLambda.LIST": {"name": None},
        "DomainLambda.REMOVE": {"id": "greenhouse"},
        "DomainLambda.UPDATE": {"id": "greenhouse", "name": "Greenhouse 1"},
        "FileLambda.DELETE_THING_IMAGE": {"thingId": "climate-1", "thingType": "climate"},
        "FileLambda.LIST": {"bucketName": "ThingFilesBucket", "maxKeys": 100},
        "FileLambda.PUT_THING_IMAGE": {
            "thingId": "climate-1",
            "thingType": "climate",
            "encodedFile": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1Pe...",
        },
        "ObservationLambda.FIND": {"query": {"size": 10, "query": {"range": {"timestamp": {"gte": "now-1h"}}}}},
        "RuleLambda.CREATE": _RULE,
        "RuleLambda.GET": {"id": "00000001"},
        "RuleLambda.LIST": {},
        "RuleLambda.LIST_DELIVERIES": {"id": "00000001", "state": "DEAD", "limit": 20},
        "RuleLambda.REMOVE": {"id": "00000001"},
        "RuleLambda.RENEW_SECRET": {"id": "00000001"},
        "RuleLambda.REPLAY_DELIVERIES": {"id": "00000001"},
        "RuleLambda.TRY": {"rule": dict(_RULE), "limit": 10},
        "RuleLambda.UPDATE": {"id": "00000001", **_RULE},
        "ThingBatchLambda.CREATE": {
            "thingType": "climate",
            "domain": "greenhouse",
            "requestedSize": 100,
            "concurrency": 5,
        },
        "ThingBatchLambda.LIST": {
            "bucketName": "ThingCertsBucket",
            "prefix": "batch-climate-",
            "filter": {"domains": ["greenhouse"]},
        },
        "ThingLambda.CREATE": {"thingName": "climate-1", "thingType": "climate", "domain": "greenhouse"},
        "ThingLambda.DOWNLOAD_CERTIFICATE": _ONE_THING,
        "ThingLambda.FIND": {"query": {"size": 10, "query": {"term": {"thingType": "climate"}}}},
        "ThingLambda.GET": {**_ONE_THING, "label": None, "shadow": None},
        "ThingLambda.REMOVE": _ONE_THING,
        "ThingLambda.REPLACE_CERTIFICATE": _ONE_THING,
        "ThingLambda.TRACE": {**_ONE_THING, "at": "2026-01-31T12:00:00Z"},
        "ThingLambda.UPDATE": {**_ONE_THING, "label": "By the door"},
        "ThingTypeLambda.CREATE": {"id": "climate", "domain": "root", "label": "Climate sensor"},
        "ThingTypeLambda.GET": {"id": "climate", "label": None, "thingCount": None},
        "ThingTypeLambda.LIST": {"label": None},
        "ThingTypeLambda.REMOVE": {"id": "climate"},
        "ThingTypeLambda.REMOVE_ATTRIBUTE": {"id": "climate", "keyPath": "data.unit"},
        "ThingTypeLambda.UPDATE": {"id": "climate", "label": "Climate"},
        "ThingTypeLambda.UPDATE_ATTRIBUTE": {"id": "climate", "keyPath": "data.unit", "item": "K"},
        "UserLambda.CREATE": _NEW_PERSON,
        "UserLambda.GET": {"userName": "nora", "email": None, "roleName": None},
        "UserLambda.GET_USERDATA": {},
        "UserLambda.LIST": {
            "userName": None,
            "email": None,
            "filter": {"category": "pending", "freeText": "nora"},
            "page": 1,
            "size": 50,
            "sortProp": "lastName",
        },
        "UserLambda.REMOVE": {"userName": ["nora", "ron"]},
        "UserLambda.RESET_PASSWORD": {"userName": "nora"},
        "UserLambda.UPDATE": {"userName": "nora", "roleName": "ReadWrite", "domainName": "root", "enabled": "true"},
        "UserLambda.UPDATE_PROFILE": {
            "userName": "nora",
            "firstName": "Nora",
            "lastName": "Nord",
            "email": "nora@example.com",
        },
        "UserLambda.UPDATE_USERDATA": {"favourites": ["climate-1"]},
    }
)


def describe_functions() -> dict[str, dict[str, Any]]:
    """Return ``summary`` and ``requestBody`` of each function; the schema of the body has a variant for each action."""
    variants: dict[str, list[dict[str, Any]]] = {}
    for action in ACTIONS:
        variants.setdefault(action.function, []).append(_variant(action))
    return {
        function: {
            "summary": _SUMMARIES[function],
            "requestBody": {"required": True, "content": {"application/json": {"schema": {"oneOf": actions}}}},
        }
        for function, actions in variants.items()
    }


def _variant(action: Action) -> dict[str, Any]:
    fields = _fields(action)
    example: dict[str, Any] = {"action": action.name}
    properties: dict[str, Any] = {"action": {"const": action.name}}
    required = ["action"]
    if action.at_top:
        properties |= fields["properties"]
        required += fields["required"]
        example |= _EXAMPLES[action.label]
    else:
        properties |= {name: fields["properties"].pop(name) for name in action.beside}
        properties["attributes"] = fields
        required += ["attributes"] if fields["required"] else []
        given = _EXAMPLES[action.label]
        example |= {name: given[name] for name in action.beside if name in given}
        example["attributes"] = {name: value for name, value in given.items() if name not in action.beside}
    return {
        "title": action.name,
        "description": _explanation(action),
        "type": "object",
        "required": required,
        "properties": properties,
        "examples": [example],
    }


def _fields(action: Action) -> dict[str, Any]:
    _, components = msgspec.json.schema_components([action.takes])
    shape = components[action.takes.__name__]
    properties = {name: _inlined(schema, components) for name, schema in shape["properties"].items()}
    for field in msgspec.structs.fields(action.takes):
        if may_be_number(field.type):
            kinds = ["string", "integer"] if field.required else ["string", "integer", "null"]
            properties[field.encode_name] = {"type": kinds}
    if action.takes is Find:
        properties["query"] = {"type": "object", "description": "The body of an Elasticsearch 2.3 search."}
    for name in SELECTED.get(action.label, ()):
        properties[name] = {"type": "null", "description": "Sent as null, it is part of the answer."}
    free = {"additionalProperties": True} if action.takes is UserData else {}
    return {"type": "object", "properties": properties, "required": shape["required"], **free}


def _inlined(schema: Any, components: Mapping[str, Any]) -> Any:
    """Put what a schema refers to in its place: a document has no room of its own for the parts of one function."""
    if isinstance(schema, list):
        return [_inlined(each, components) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(components[schema["$ref"].rpartition("/")[2]], components)
    return {name: _inlined(part, components) for name, part in schema.items()}


def _explanation(action: Action) -> str:
    does = (action.run.__doc__ or "").strip().partition("\n")[0]
    if action.permission is None:
        return f"{does} Needs no credential."
    role = next(name for name in ROLES if action.permission in BUILT_IN_ROLES[name].permissions)
    return f"{does} Needs the role {role}."
