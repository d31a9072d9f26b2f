"""What goes out: an action with the values of a hit filled in, as a request or as letters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec

from cloudstead.core.errors import CloudsteadError, InvalidField
from cloudstead.core.mail.model import Letter, require_letter
from cloudstead.core.rules.model import ActionType
from cloudstead.core.rules.templates import fill, fill_json_text, fill_line, fill_text
from cloudstead.core.texts import MAX_LINE_CHARS
from cloudstead.core.webhooks.model import Webhook, require_webhook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.ids import AccountId
    from cloudstead.core.jobs.model import Job
    from cloudstead.core.mail.letters import Letters
    from cloudstead.core.rules.model import Action, JsonObject
    from cloudstead.core.webhooks.calls import WebhookCalls

_JSON: Final = "application/json"
_NOT_ASCII: Final = re.compile(r"[^\x20-\x7e]+")


class NotDeliverable(CloudsteadError):
    """With the values of this hit, the action makes no request and no letter."""

    code = "not_deliverable"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Dispatch:
    """Makes the jobs of actions."""

    def __init__(self, webhooks: WebhookCalls, letters: Letters) -> None:
        self._webhooks = webhooks
        self._letters = letters

    def jobs(
        self,
        account_id: AccountId,
        action: Action,
        payload: Mapping[str, Any],
        *,
        signing_secret: str,
        cause: str,
        offset: int,
    ) -> list[Job]:
        """Return the jobs of one action; raise ``NotDeliverable``."""
        if action.type is ActionType.WEBHOOK:
            webhook = render_webhook(action.config, payload, signing_secret=signing_secret)
            return [self._webhooks.job(account_id, webhook, cause=cause, offset=offset)]
        letters = render_letters(action.config, payload)
        return [self._letters.job(account_id, letter, cause=cause, offset=offset) for letter in letters]


def render_webhook(config: JsonObject, payload: Mapping[str, Any], *, signing_secret: str | None) -> Webhook:
    """Fill in a webhook; raise ``NotDeliverable``.

    Values are percent-encoded in a URL and lose their control characters in a header, so that neither ends early.
    """
    headers = {name: _header(value, payload) for name, value in (config.get("headers") or {}).items()}
    content_type = next((value for name, value in headers.items() if name.lower() == "content-type"), None)
    body, own_type = _body(config.get("body"), payload, content_type)
    if content_type is None:
        headers["Content-Type"] = own_type
    webhook = Webhook(
        url=fill_text(config["url"], payload, spell=lambda value: quote(value, safe="")),
        method=(config.get("method") or "POST").upper(),
        headers=tuple(headers.items()),
        body=body,
        secret=signing_secret,
    )
    try:
        require_webhook(webhook)
    except InvalidField as error:
        raise NotDeliverable(str(error)) from error
    return webhook


def render_letters(config: JsonObject, payload: Mapping[str, Any]) -> tuple[Letter, ...]:
    """Fill in a letter for each recipient; raise ``NotDeliverable``."""
    to = config["to"]
    subject = fill_line(config["subject"], payload)[:MAX_LINE_CHARS]
    text = fill_text(config["text"], payload).replace("\0", "")
    letters = tuple(
        Letter(to=fill_line(each, payload).strip(), subject=subject, text=text)
        for each in (to if isinstance(to, list) else [to])
    )
    try:
        for letter in letters:
            require_letter(letter)
    except InvalidField as error:
        raise NotDeliverable(str(error)) from error
    return letters


def _body(template: Any, payload: Mapping[str, Any], content_type: str | None) -> tuple[bytes, str]:
    """Return the body and the content type that is told when the rule names none."""
    if template is None:
        return msgspec.json.encode(payload), _JSON
    if isinstance(template, dict):
        return msgspec.json.encode(fill(template, payload)), _JSON
    is_json = "json" in content_type.lower() if content_type else template.lstrip().startswith(("{", "["))
    if is_json:
        return fill_json_text(template, payload).encode(), _JSON
    return fill_text(template, payload).encode(), "text/plain; charset=utf-8"


def _header(template: str, payload: Mapping[str, Any]) -> str:
    """Fill in a header; what is not ASCII is percent-encoded, since HTTP has no other way that all understand."""
    return _NOT_ASCII.sub(lambda found: quote(found[0]), fill_line(template, payload)).strip()
