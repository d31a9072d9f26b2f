"""Which actions there are, and what each may be told (Cloud Connect 2.11, section 6.1, ``actions``).

WEBHOOK: ``url`` (required), ``method`` (POST), ``headers``, ``body`` (text or object; the payload of the rule).
MAIL, which is ours: ``to`` (required; a text, or a list of texts), ``subject`` (required), ``text`` (required).

Everything but the method and the names of headers may hold ``${...}``; the scheme of a URL has to be spelt out. Other
fields are kept and do nothing.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from cloudstead.core.audit.record import HIDDEN
from cloudstead.core.errors import InvalidField
from cloudstead.core.free_json import require_bounded
from cloudstead.core.mail.model import Letter, require_letter
from cloudstead.core.rules.model import MAX_CONFIG_BYTES, SECRET_HEADER, Action, ActionType
from cloudstead.core.rules.templates import is_placeholder, with_placeholders_as
from cloudstead.core.webhooks.model import Webhook, require_webhook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cloudstead.core.rules.model import JsonObject

MAX_RECIPIENTS: Final = 20
_MAX_DEPTH: Final = 16
_SCHEMES: Final = ("http://", "https://")
_SOMETHING: Final = "0"  # stands for a value that is filled in, where everything around it is checked
_TWO_THINGS: Final = ("0", "1")  # where both make the same of it, nothing is filled in there


def check_action(action: Action, *, field: str) -> None:
    """Raise ``InvalidField`` naming the part of ``field`` that cannot be: ``actions[0].config.url``."""
    config = f"{field}.config"
    require_bounded(action.config, field=config, max_bytes=MAX_CONFIG_BYTES, max_depth=_MAX_DEPTH)
    _CHECKS[action.type](action.config, config)


def require_callable(actions: Sequence[Action], may_lead: Callable[[str], bool]) -> None:
    """Raise ``InvalidField`` for a webhook to an address that none may reach. What a name leads to is not known yet."""
    for number, action in enumerate(actions):
        if action.type is not ActionType.WEBHOOK:
            continue
        hosts = {urlsplit(with_placeholders_as(each, action.config["url"])).hostname for each in _TWO_THINGS}
        if len(hosts) == 1 and not may_lead(hosts.pop() or ""):
            reason = "leads to a network that webhooks may not reach (setting webhooks.allow)"
            raise InvalidField(f"actions[{number}].config.url", reason)


def shown(action: Action) -> JsonObject:
    """Return the configuration as it may be shown: without the values of headers that are likely secrets."""
    headers = action.config.get("headers")
    if action.type is not ActionType.WEBHOOK or not isinstance(headers, dict):
        return action.config
    return {**action.config, "headers": without_secrets(headers)}


def without_secrets(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return headers with the values hidden that are likely secrets, by their names."""
    return {name: HIDDEN if SECRET_HEADER.search(name) else value for name, value in headers.items()}


def with_kept_secrets(actions: Sequence[Action], before: Sequence[Action]) -> tuple[Action, ...]:
    """Return new actions in which a header that came as ``(hidden)`` has the value it had: clients send what they got.

    The value is kept for the same URL only: else whoever may change a rule could have its secrets sent elsewhere.
    """
    return tuple(_with_kept_secrets(action, before) for action in actions)


def _with_kept_secrets(action: Action, before: Sequence[Action]) -> Action:
    headers = action.config.get("headers")
    if not isinstance(headers, dict) or HIDDEN not in headers.values():
        return action
    known: dict[str, Any] = {}
    for old in before:
        if old.type is action.type and old.config.get("url") == action.config.get("url"):
            known.update(old.config.get("headers") or {})
    kept = {name: known.get(name, value) if value == HIDDEN else value for name, value in headers.items()}
    return Action(action.type, {**action.config, "headers": kept})


def _check_webhook(config: JsonObject, field: str) -> None:
    """Check what is there whatever will be filled in, with something filled in."""
    url, method, body = config.get("url"), config.get("method"), config.get("body")
    headers = config.get("headers") or {}
    if not isinstance(url, str) or not url:
        raise InvalidField(f"{field}.url", "required, as a text")
    if not url.lower().startswith(_SCHEMES):
        raise InvalidField(f"{field}.url", "must begin with https:// or http://")
    if method is not None and not isinstance(method, str):
        raise InvalidField(f"{field}.method", "must be a text")
    if body is not None and not isinstance(body, str | dict):
        raise InvalidField(f"{field}.body", "must be a text or an object")
    _check_headers(headers, f"{field}.headers")
    sample = Webhook(
        url=with_placeholders_as(_SOMETHING, url),
        method=(method or "POST").upper(),
        headers=tuple((name, with_placeholders_as(_SOMETHING, value)) for name, value in headers.items()),
    )
    with _told_below(field):
        require_webhook(sample)
    if "@" in urlsplit(sample.url).netloc:
        raise InvalidField(f"{field}.url", "must not hold a user name or password, which are shown: use a header")


def _check_headers(headers: object, field: str) -> None:
    if not isinstance(headers, dict):
        raise InvalidField(field, "must be an object")
    if len({name.lower() for name in headers}) < len(headers):
        raise InvalidField(field, "names a header twice")
    for name, value in headers.items():
        if not isinstance(value, str):
            raise InvalidField(field, f"the value of {name} must be a text")
        if value == HIDDEN:
            raise InvalidField(field, f"{name} has to be given anew: what was hidden is kept for the same URL only")


def _check_mail(config: JsonObject, field: str) -> None:
    to = config.get("to")
    recipients = [each for each in (to if isinstance(to, list) else [to]) if isinstance(each, str) and each]
    if not recipients or (isinstance(to, list) and len(recipients) < len(to)):
        raise InvalidField(f"{field}.to", "required, as a text or a list of texts")
    if len(recipients) > MAX_RECIPIENTS:
        raise InvalidField(f"{field}.to", f"more than {MAX_RECIPIENTS} recipients")
    for name in ("subject", "text"):
        if not isinstance(config.get(name), str) or not config[name].strip():
            raise InvalidField(f"{field}.{name}", "required, as a text")
    subject = with_placeholders_as(_SOMETHING, config["subject"])
    for recipient in recipients:
        address = "a@b.example" if is_placeholder(recipient) else with_placeholders_as(_SOMETHING, recipient)
        with _told_below(field):
            require_letter(Letter(to=address, subject=subject, text=config["text"]))


@contextmanager
def _told_below(field: str) -> Iterator[None]:
    try:
        yield
    except InvalidField as error:
        raise InvalidField(f"{field}.{error.field}", error.reason) from error


_CHECKS: Final[Mapping[ActionType, Callable[[JsonObject, str], None]]] = {
    ActionType.WEBHOOK: _check_webhook,
    ActionType.MAIL: _check_mail,
}
