"""The service that runs, as commands beside it find it, are let in and ask it."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from cloudstead.app.demo import demo_of
from cloudstead.app.errors import CannotStart, reason_of
from cloudstead.app.ready import ReadyReport

if TYPE_CHECKING:
    from cloudstead.app.settings import Settings

_TIMEOUT_S: Final = 30.0


class Refused(Exception):
    """The service answered, and the answer is no; the message is the service's own."""


@dataclass(frozen=True, slots=True)
class RunningService:
    """Where it listens, and the API key or token to call it with; ``ca_file`` is what TLS trusts, if not the world."""

    url: str
    key: str = field(repr=False)
    ca_file: Path | None = None

    def invoke(self, function: str, payload: object) -> Any:
        """Invoke a function; raise ``Refused``, or ``CannotStart`` when nobody answers."""
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            f"{self.url}/functions/{quote(function)}",
            msgspec.json.encode(payload),
            {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        context = None
        if self.url.startswith("https:"):
            context = ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=context) as response:  # noqa: S310
                answer = msgspec.json.decode(response.read())
        except urllib.error.HTTPError as error:
            raise Refused(_words(error)) from None
        except (OSError, http.client.HTTPException) as error:
            raise CannotStart(
                f"{self.url} does not answer: {reason_of(error)}. Is the service running? Name it with --url."
            ) from None
        except msgspec.DecodeError:
            raise CannotStart(f"{self.url} does not answer as cloudstead does: name the service with --url.") from None
        if isinstance(answer, dict) and "errorMessage" in answer:
            raise Refused(_inner_words(answer["errorMessage"]))
        return answer


def find_service(
    settings: Settings, *, url: str | None, key: str | None, ca_file: Path | None, ready_file: Path | None
) -> RunningService:
    """Return the service that the options name, else that of the ready file, else that of the settings and the demo.

    Raise ``CannotStart`` when something is missing; the message says what to give.
    """
    report = None if ready_file is None else _read_report(ready_file)
    if url is None and report is not None:
        url = report.http or report.https
    if url is None:
        bind = settings.http.bind or settings.https.bind
        scheme = "https" if settings.http.bind is None else "http"
        url = None if bind is None else f"{scheme}://{bind}"
    if url is None or urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise CannotStart("Name the service with --url, as in --url http://127.0.0.1:8080.")
    folder = Path(settings.data.folder)
    if key is None and report is not None:
        key = report.api_key
    if key is None:
        demo = demo_of(folder)
        key = None if demo is None else demo.api_key
    if key is None:
        raise CannotStart(
            "An API key is needed: give it with --key or CLOUDSTEAD_API_KEY ('cloudstead account create' prints one)."
        )
    if ca_file is None:
        own = Path(report.ca_file) if report is not None else folder / "ca.pem"
        ca_file = own if own.exists() else None
    return RunningService(url.rstrip("/"), key, ca_file)


def _read_report(path: Path) -> ReadyReport:
    try:
        return msgspec.json.decode(path.read_bytes(), type=ReadyReport)
    except OSError as error:
        raise CannotStart(f"--ready-file: {path} cannot be read: {reason_of(error)}.") from None
    except msgspec.DecodeError:
        raise CannotStart(f"--ready-file: {path} is not what 'cloudstead serve --ready-file' writes.") from None


def _words(error: urllib.error.HTTPError) -> str:
    if error.code == http.HTTPStatus.UNAUTHORIZED:
        return "The API key is not accepted."
    try:
        return str(msgspec.json.decode(error.read())["message"])
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return f"The service answered with status {error.code}."


def _inner_words(text: str) -> str:
    try:
        return str(msgspec.json.decode(text)["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return text
