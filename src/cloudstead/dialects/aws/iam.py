"""AWS Identity and Access Management: the access keys of whoever asks (AWS query protocol, XML).

``aws iam create-access-key`` and its neighbours work for oneself, as they do at AWS without ``UserName``; a name is
taken when it is the caller's own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from cloudstead.core.errors import InvalidField
from cloudstead.core.ids import AccessKeyId, DomainId
from cloudstead.dialects.aws.refusals import ActionIncomplete, GuestRefused, UserUnknown
from cloudstead.dialects.aws.sts import MAX_FIELDS, xml_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from cloudstead.core.caller import Caller
    from cloudstead.core.credentials.access_keys import AccessKey, AccessKeys
    from cloudstead.core.unit import Database
    from cloudstead.dialects.aws.auth import AwsCaller
    from cloudstead.web.call import Call

NAMESPACE: Final = "https://iam.amazonaws.com/doc/2010-05-08/"
_STATES: Final = {"Active": True, "Inactive": False}


class AccessKeyCalls:
    """CreateAccessKey, ListAccessKeys, UpdateAccessKey and DeleteAccessKey."""

    def __init__(self, database: Database, keys: AccessKeys) -> None:
        self._database = database
        self._keys = keys

    async def create(self, call: Call[AwsCaller]) -> Response:
        """Make an access key; its secret is answered here and never again."""
        caller, fields = await _asked(call)
        # An addition of ours: where the things belong that are made with the key.
        domain_id = DomainId(fields["Domain"]) if fields.get("Domain") else None
        made = await self._database.write(lambda unit: self._keys.create(unit, caller, domain_id=domain_id))
        secret = f"<SecretAccessKey>{escape(made.secret)}</SecretAccessKey>"
        return _answer(
            call,
            "CreateAccessKey",
            f"<AccessKey>{_described(caller, made.key)}{secret}{_made_at(made.key)}</AccessKey>",
        )

    async def list_own(self, call: Call[AwsCaller]) -> Response:
        """List the caller's access keys, without their secrets."""
        caller, _ = await _asked(call)
        keys = await self._database.read(lambda unit: self._keys.own(unit, caller))
        members = "".join(f"<member>{_described(caller, key)}{_made_at(key)}</member>" for key in keys)
        return _answer(
            call,
            "ListAccessKeys",
            f"<UserName>{escape(caller.user_name)}</UserName>"
            f"<AccessKeyMetadata>{members}</AccessKeyMetadata><IsTruncated>false</IsTruncated>",
        )

    async def update(self, call: Call[AwsCaller]) -> Response:
        """Switch an access key off, or on again."""
        caller, fields = await _asked(call)
        key_id = AccessKeyId(_needed(fields, "AccessKeyId"))
        status = _needed(fields, "Status")
        if status not in _STATES:
            raise InvalidField("Status", "must be Active or Inactive")
        is_active = _STATES[status]
        await self._database.write(lambda unit: self._keys.switch(unit, caller, key_id, is_active=is_active))
        return _answer(call, "UpdateAccessKey")

    async def delete(self, call: Call[AwsCaller]) -> Response:
        """Delete an access key: what is signed with it is refused from now on."""
        caller, fields = await _asked(call)
        key_id = AccessKeyId(_needed(fields, "AccessKeyId"))
        await self._database.write(lambda unit: self._keys.remove(unit, caller, key_id))
        return _answer(call, "DeleteAccessKey")


async def _asked(call: Call[AwsCaller]) -> tuple[Caller, dict[str, str]]:
    caller = call.caller.caller
    if caller is None:
        raise GuestRefused
    try:
        fields = dict(parse_qsl((await call.body()).decode(), max_num_fields=MAX_FIELDS))
    except ValueError:
        raise InvalidField("the form", "is malformed") from None
    user_name = fields.get("UserName")
    if user_name is not None and user_name != caller.user_name:
        raise UserUnknown(user_name)
    return caller, fields


def _needed(fields: dict[str, str], name: str) -> str:
    value = fields.get(name)
    if not value:
        raise ActionIncomplete(name)
    return value


def _described(caller: Caller, key: AccessKey) -> str:
    status = "Active" if key.is_active else "Inactive"
    return (
        f"<UserName>{escape(caller.user_name)}</UserName><AccessKeyId>{key.id}</AccessKeyId><Status>{status}</Status>"
    )


def _made_at(key: AccessKey) -> str:
    made_at = datetime.fromtimestamp(key.created_at_ms / 1000, UTC)
    return f"<CreateDate>{made_at:%Y-%m-%dT%H:%M:%SZ}</CreateDate>"


def _answer(call: Call[AwsCaller], action: str, result: str | None = None) -> Response:
    inner = "" if result is None else f"<{action}Result>{result}</{action}Result>"
    return xml_response(
        f'<{action}Response xmlns="{NAMESPACE}">{inner}<ResponseMetadata>'
        f"<RequestId>{escape(call.request_id)}</RequestId></ResponseMetadata></{action}Response>"
    )
