"""Logs: one event per line on standard error, as JSON for machines or in columns for people."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from structlog.typing import Processor

    from cloudstead.app.settings import LoggingSettings

# These libraries tell every request or statement at level info; our own lines say the same with the request's id.
# Some tell addresses with their queries, where passwords may stand.
_TALKATIVE = ("uvicorn.access", "alembic", "websockets", "asyncio")


def configure_logging(settings: LoggingSettings) -> None:
    """Send our own events and those of the libraries to standard error in one form."""
    is_console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    ending: list[Any] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_readable_traces())]
        if is_console
        else [_traces_as_json(), structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    # They print every failure that they also raise: whoever asked them tells what became of it.
    for name in ("clickhouse_connect", "urllib3", "python_multipart"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # It warns of every malformed request: whoever sends nonsense would decide how long the log becomes.
    logging.getLogger("uvicorn.error").setLevel(max(level, logging.ERROR))


# A trace tells where an exception came from, but not the values of the variables there: keys and passwords are among
# them. Both kinds of traces show them by default.


def _traces_as_json() -> Processor:
    return structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def _readable_traces() -> structlog.dev.RichTracebackFormatter:
    return structlog.dev.RichTracebackFormatter(show_locals=False)
