"""AWS Security Token Service: GetCallerIdentity (AWS query protocol, XML)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from starlette.responses import Response

if TYPE_CHECKING:
    from cloudstead.dialects.aws.auth import AwsCaller
    from cloudstead.web.call import Call

NAMESPACE: Final = "https://sts.amazonaws.com/doc/2011-06-15/"
MAX_FIELDS: Final = 100


async def action_of(call: Call[AwsCaller]) -> str:
    """Return the ``Action`` field of the form, empty when there is none."""
    try:
        fields = parse_qsl((await call.body()).decode("latin-1"), max_num_fields=MAX_FIELDS)
    except ValueError:
        return ""
    return dict(fields).get("Action", "")


async def get_caller_identity(call: Call[AwsCaller]) -> Response:
    """Tell who signed the request."""
    who = call.caller
    return xml_response(
        f'<GetCallerIdentityResponse xmlns="{NAMESPACE}"><GetCallerIdentityResult>'
        f"<Arn>{escape(who.arn)}</Arn><UserId>{who.unique_id}</UserId>"
        f"<Account>{who.account.number}</Account></GetCallerIdentityResult>"
        f"<ResponseMetadata><RequestId>{escape(call.request_id)}</RequestId></ResponseMetadata>"
        "</GetCallerIdentityResponse>"
    )


def xml_response(text: str, *, status: int = 200) -> Response:
    """Return an XML answer."""
    return Response(text, status, media_type="text/xml")
