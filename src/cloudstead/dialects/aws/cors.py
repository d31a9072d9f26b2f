"""What pages of other origins may do: the browser SDKs of AWS run in pages that live elsewhere."""

from __future__ import annotations

from typing import Final

from cloudstead.dialects.aws import names
from cloudstead.web.face import CorsPolicy

AWS_CORS: Final = CorsPolicy(
    allowed_headers=(
        "authorization",
        "content-type",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-target",
        "x-amz-user-agent",
        "x-amz-content-sha256",
        "x-amz-invocation-type",
        "x-amz-log-type",
        "x-amz-client-context",
        "amz-sdk-invocation-id",
        "amz-sdk-request",
        "x-request-id",
    ),
    # Date is among them because SDKs correct their clock by it.
    exposed_headers=(
        "x-amzn-requestid",
        "x-amzn-errortype",
        "x-amz-function-error",
        "x-amz-log-result",
        "x-amz-executed-version",
        "date",
        names.OFFSET_HEADER,
        "x-request-id",
    ),
)
