"""AWS Signature Version 4, verified over a request as it came off the wire.

Pure functions: the credential's secret and the time are arguments. A caller asks ``read_signature`` (what does the
request claim?), looks the secret up, and asks ``verify`` (is the claim true?).

Sources: AWS General Reference, "Signature Version 4 signing process"; Cloud Connect 2.11 clients as they were seen to
sign (AWS SDK for JavaScript 2.x, botocore, the AWS IoT device SDKs). Refusals::

    SignatureRefused
    ├── SignatureMissing      nothing is signed
    ├── SignatureIncomplete   something is, but parts of it are missing or malformed
    ├── ScopeRefused          signed for another region, service or day
    ├── ClockSkewed           signed too long ago, or in the future
    ├── PayloadAltered        the body is not what was hashed
    └── SignatureMismatch     the signature is not that of the secret over this request
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

ALGORITHM: Final = "AWS4-HMAC-SHA256"
MAX_SKEW_S: Final = 300  # AWS: requests must arrive within five minutes of their time stamp
MAX_EXPIRES_S: Final = 604_800  # AWS: a signed URL lives seven days at most
_TERMINATOR: Final = "aws4_request"
_TIME_FORMAT: Final = "%Y%m%dT%H%M%SZ"
_TIME: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_HEADER_NAMES: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+(;[!#$%&'*+.^_`|~0-9a-z-]+)*")  # RFC 9110, section 5.6.2
_SIGNATURE: Final = re.compile(r"[0-9a-f]{64}")
_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9._~/-]*")
_PLAIN_QUERY_PART: Final = re.compile(r"[A-Za-z0-9._~-]*")
_EMPTY_HASH: Final = sha256(b"").hexdigest()
_UNSIGNED: Final = "UNSIGNED-PAYLOAD"
_KEYS_KEPT: Final = 1024


class SignatureRefused(Exception):
    """A request whose signature does not prove who sent it."""


class SignatureMissing(SignatureRefused):
    """Nothing is signed."""


class SignatureIncomplete(SignatureRefused):
    """Parts of the signature are missing or malformed; the message says which."""


class ScopeRefused(SignatureRefused):
    """The credential scope names another region, service or day; the message says which was expected."""


class ClockSkewed(SignatureRefused):
    """The time stamp is too far from now."""


class PayloadAltered(SignatureRefused):
    """The hash that the client sent is not that of the body that arrived."""


class SignatureMismatch(SignatureRefused):
    """The signature is not that of the secret over this request."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as received: nothing decoded, header names in lower case, values as text."""

    method: str
    raw_path: str
    raw_query: str
    headers: Sequence[tuple[str, str]]
    payload_hash: str = _EMPTY_HASH  # SHA-256 of the body in lower-case hexadecimal digits

    def with_body(self, body: bytes) -> SignedRequest:
        """Return the same request with the hash of its body."""
        return replace(self, payload_hash=sha256(body).hexdigest()) if body else self

    def header(self, name: str) -> str | None:
        """Return the first header of that (lower-case) name."""
        for each, value in self.headers:
            if each == name:
                return value
        return None


@dataclass(frozen=True, slots=True)
class Rules:
    """What differs between services.

    ``encodes_path_twice`` is false for S3 alone, which also ``takes_unsigned_payload``: requests whose body is not part
    of what was signed, as that of a signed URL never is. ``max_skew_s`` is how far a clock may be off, in seconds.
    ``signs_token_in_query`` is false for the MQTT endpoint, whose clients
    append the security token after signing (AWS IoT, "MQTT over the WebSocket protocol"). ``takes_any_region`` is for
    services that are not of one region, or that read from the scope which is meant.
    """

    services: frozenset[str]
    encodes_path_twice: bool = True
    signs_token_in_query: bool = True
    takes_unsigned_payload: bool = False
    max_skew_s: int = MAX_SKEW_S
    takes_any_region: bool = False


LAMBDA: Final = Rules(frozenset({"lambda"}))
# Both speak the query protocol at "/". IAM is of no region, so its clients sign for whichever they like.
STS_AND_IAM: Final = Rules(frozenset({"sts", "iam"}), takes_any_region=True)
IOT_DATA: Final = Rules(frozenset({"iotdata"}))
# Amazon S3, "RequestTimeTooSkewed": within fifteen minutes.
S3: Final = Rules(frozenset({"s3"}), encodes_path_twice=False, takes_unsigned_payload=True, max_skew_s=900)
# SDKs of 2017 sign iotdata for the WebSocket, later ones iotdevicegateway.
MQTT: Final = Rules(frozenset({"iotdevicegateway", "iotdata"}), signs_token_in_query=False)


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request claims; nothing of it is proven yet."""

    access_key_id: str
    day: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    signed_at: str
    session_token: str | None
    expires_s: int | None  # of a signed URL
    stands_in_query: bool


def read_signature(request: SignedRequest) -> Signature:
    """Return what the request claims; raise ``SignatureMissing`` or ``SignatureIncomplete``."""
    authorization = request.header("authorization")
    if authorization is not None:
        return _from_header(request, authorization)
    if "X-Amz-Signature=" in request.raw_query or "X-Amz-Algorithm=" in request.raw_query:
        return _from_query(request)
    raise SignatureMissing("Missing Authentication Token")


def _from_header(request: SignedRequest, authorization: str) -> Signature:
    algorithm, _, rest = authorization.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise SignatureIncomplete(f"Unsupported AWS 'algorithm': '{algorithm[:40]}'")
    parts: dict[str, str] = {}
    for part in rest.split(","):
        name, _, value = part.strip().partition("=")
        parts[name] = value
    for name in ("Credential", "Signature", "SignedHeaders"):
        if not parts.get(name):
            raise SignatureIncomplete(f"Authorization header requires '{name}' parameter.")
    signed_at = request.header("x-amz-date")
    if signed_at is None:
        signed_at = _basic_time(request.header("date"))
    return _checked(
        credential=parts["Credential"],
        signed_headers=parts["SignedHeaders"],
        signature=parts["Signature"],
        signed_at=signed_at,
        session_token=request.header("x-amz-security-token"),
        expires_s=None,
        stands_in_query=False,
    )


def _from_query(request: SignedRequest) -> Signature:
    parts: dict[str, str] = {}
    for name, value in _query_parts(request.raw_query):
        if name in parts and name.startswith("X-Amz-"):
            raise SignatureIncomplete(f"The query names '{name[:40]}' twice.")
        parts[name] = value
    if parts.get("X-Amz-Algorithm") != ALGORITHM:
        raise SignatureIncomplete(f"AWS query-string parameters must include 'X-Amz-Algorithm' = {ALGORITHM}.")
    for name in ("X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"):
        if not parts.get(name):
            raise SignatureIncomplete(f"AWS query-string parameters must include '{name}'.")
    expires = parts.get("X-Amz-Expires")
    if expires is not None and not (expires.isascii() and expires.isdigit() and len(expires) <= 6):
        raise SignatureIncomplete("X-Amz-Expires must be a number of seconds.")
    if expires is not None and int(expires) > MAX_EXPIRES_S:
        raise SignatureIncomplete(f"X-Amz-Expires must be at most {MAX_EXPIRES_S}.")
    return _checked(
        credential=parts["X-Amz-Credential"],
        signed_headers=parts["X-Amz-SignedHeaders"],
        signature=parts["X-Amz-Signature"],
        signed_at=parts["X-Amz-Date"],
        session_token=parts.get("X-Amz-Security-Token"),
        expires_s=None if expires is None else int(expires),
        stands_in_query=True,
    )


def _checked(
    *,
    credential: str,
    signed_headers: str,
    signature: str,
    signed_at: str | None,
    session_token: str | None,
    expires_s: int | None,
    stands_in_query: bool,
) -> Signature:
    scope = credential.split("/")
    if len(scope) != 5 or scope[4] != _TERMINATOR:
        raise SignatureIncomplete("Credential must be <access key id>/<yyyymmdd>/<region>/<service>/aws4_request.")
    if signed_at is None or not _TIME.fullmatch(signed_at):
        raise SignatureIncomplete("The request needs a time stamp: X-Amz-Date as yyyymmddThhmmssZ, or Date.")
    if not _SIGNATURE.fullmatch(signature):
        raise SignatureIncomplete("The signature must be 64 hexadecimal digits.")
    signed_headers = signed_headers.lower()
    names = tuple(signed_headers.split(";"))
    if not _HEADER_NAMES.fullmatch(signed_headers) or "host" not in names:
        raise SignatureIncomplete("SignedHeaders must be header names joined by ';', and 'host' must be one of them.")
    return Signature(
        access_key_id=scope[0],
        day=scope[1],
        region=scope[2],
        service=scope[3],
        signed_headers=names,
        signature=signature,
        signed_at=signed_at,
        session_token=session_token,
        expires_s=expires_s,
        stands_in_query=stands_in_query,
    )


def _basic_time(date: str | None) -> str | None:
    """Return a ``Date`` header, in the form of RFC 9110 or ISO 8601 basic, as the latter."""
    if date is None or _TIME.fullmatch(date):
        return date
    try:
        return datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC).strftime(_TIME_FORMAT)
    except ValueError:
        return None


def verify(request: SignedRequest, signature: Signature, *, secret: str, rules: Rules, region: str, now_s: int) -> None:
    """Raise a ``SignatureRefused`` unless ``secret`` signed exactly this request, for us, just now."""
    _require_scope(signature, rules, region)
    _require_time(signature, rules, now_s)
    sent_hash = request.header("x-amz-content-sha256")
    if rules.takes_unsigned_payload and sent_hash in {_UNSIGNED, None if signature.stands_in_query else _UNSIGNED}:
        request, sent_hash = replace(request, payload_hash=_UNSIGNED), None
    if sent_hash is not None and sent_hash != request.payload_hash:
        raise PayloadAltered("The provided 'x-amz-content-sha256' header does not match what was computed.")
    scope = f"{signature.day}/{signature.region}/{signature.service}/{_TERMINATOR}"
    # Every piece came off the wire as bytes and was read as Latin-1, so this gives back the bytes that were signed.
    canonical = canonical_request(request, signature, rules).encode("latin-1")
    to_sign = f"{ALGORITHM}\n{signature.signed_at}\n{scope}\n{sha256(canonical).hexdigest()}"
    key = signing_key(secret, signature.day, signature.region, signature.service)
    expected = hmac.digest(key, to_sign.encode(), "sha256").hex()
    if not hmac.compare_digest(expected, signature.signature):
        raise SignatureMismatch(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details."
        )


def _require_scope(signature: Signature, rules: Rules, region: str) -> None:
    if signature.service not in rules.services:
        expected = " or ".join(f"'{service}'" for service in sorted(rules.services))
        raise ScopeRefused(f"Credential should be scoped to correct service: {expected}.")
    if signature.region != region and not rules.takes_any_region:
        raise ScopeRefused(f"Credential should be scoped to a valid region, not '{signature.region[:40]}'.")
    if signature.day != signature.signed_at[:8]:
        raise ScopeRefused("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.")


def _require_time(signature: Signature, rules: Rules, now_s: int) -> None:
    try:
        signed_at_s = _seconds(signature.signed_at)
    except ValueError:
        raise SignatureIncomplete("The time stamp is no date.") from None
    age_s = now_s - signed_at_s
    if age_s < -rules.max_skew_s:
        raise ClockSkewed(f"Signature not yet current: {signature.signed_at} is still later than {_text(now_s)}.")
    life_s = rules.max_skew_s if signature.expires_s is None else signature.expires_s
    if age_s > life_s:
        raise ClockSkewed(f"Signature expired: {signature.signed_at} is now earlier than {_text(now_s - life_s)}.")


@lru_cache(64)
def _seconds(time: str) -> int:
    return int(datetime.strptime(time, _TIME_FORMAT).replace(tzinfo=UTC).timestamp())


def _text(now_s: int) -> str:
    return datetime.fromtimestamp(now_s, UTC).strftime(_TIME_FORMAT)


@lru_cache(_KEYS_KEPT)
def signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """Return the key that signs for one day, region and service; clients use the same one all day."""
    key = hmac.digest(b"AWS4" + secret.encode(), day.encode(), "sha256")
    for part in (region, service, _TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def canonical_request(request: SignedRequest, signature: Signature, rules: Rules) -> str:
    """Return the request in the one form that both sides hash."""
    lines = [request.method, canonical_path(request.raw_path, rules), _canonical_query(request, signature, rules)]
    lines += [f"{name}:{_canonical_value(request, name)}" for name in signature.signed_headers]
    lines += ["", ";".join(signature.signed_headers), request.payload_hash]
    return "\n".join(lines)


def canonical_path(raw_path: str, rules: Rules) -> str:
    """Return the path as sent, its dots and empty segments resolved, each segment percent-encoded once more.

    For S3 the path stands as it was sent.
    """
    if not rules.encodes_path_twice:
        return raw_path
    path = raw_path or "/"
    if "//" in path or "/." in path:
        path = _resolved(path)
    if _PLAIN_PATH.fullmatch(path):
        return path
    return quote(path.encode("latin-1"), safe="/~")


def _resolved(path: str) -> str:
    """Remove dot segments (RFC 3986, section 5.2.4) and, as AWS does on top of it, empty ones."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if kept:
                kept.pop()
        elif segment not in {"", "."}:
            kept.append(segment)
    last = "/" if path.endswith("/") and kept else ""
    return f"/{'/'.join(kept)}{last}"


def _canonical_query(request: SignedRequest, signature: Signature, rules: Rules) -> str:
    if not request.raw_query:
        return ""
    left_out = set()
    if signature.stands_in_query:
        left_out.add("X-Amz-Signature")
        if not rules.signs_token_in_query:
            left_out.add("X-Amz-Security-Token")
    pairs = []
    for part in request.raw_query.split("&"):
        name, _, value = part.partition("=")
        if part and (name := _encoded(name)) not in left_out:
            pairs.append((name, _encoded(value)))
    pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs])


def _encoded(part: str) -> str:
    """Return a piece of the query percent-encoded exactly once, however sparingly the client had encoded it."""
    if _PLAIN_QUERY_PART.fullmatch(part):
        return part
    return quote(unquote_to_bytes(part.encode("latin-1")), safe="-_.~")


def _query_parts(raw_query: str) -> list[tuple[str, str]]:
    parts = []
    for part in raw_query.split("&"):
        name, _, value = part.partition("=")
        parts.append((_text_of(name), _text_of(value)))
    return parts


def _text_of(part: str) -> str:
    return unquote_to_bytes(part.encode("latin-1")).decode("utf-8", "surrogateescape")


def _canonical_value(request: SignedRequest, name: str) -> str:
    values = [" ".join(value.split()) for each, value in request.headers if each == name]
    if not values:
        raise SignatureIncomplete(f"'{name[:40]}' is named as a signed header, but the request does not carry it.")
    return ",".join(values)
