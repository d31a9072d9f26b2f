from __future__ import annotations

import json
import subprocess
import sys

import pytest

SCRIPT = """
import logging, structlog
from cloudstead.app.logs import configure_logging
from cloudstead.app.settings import LoggingSettings
configure_logging(LoggingSettings(format={format!r}, level={level!r}))
structlog.contextvars.bind_contextvars(request_id="r1")
structlog.get_logger("cloudstead.test").info("stored", offset=7)
logging.getLogger("library").warning("of %s", "another")
logging.getLogger("uvicorn.access").info("GET /")
logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
password = "open sesame"
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger("cloudstead.test").exception("failed")
"""


def lines(form: str, level: str = "info") -> list[str]:
    outcome = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(format=form, level=level)], capture_output=True, text=True, check=True
    )
    assert outcome.stdout == ""
    return outcome.stderr.splitlines()


def test_a_line_is_one_json_object_with_its_context_and_time() -> None:
    stored = json.loads(lines("json")[0])

    assert stored.pop("timestamp").endswith("Z")
    assert stored == {
        "event": "stored", "offset": 7, "request_id": "r1", "level": "info", "logger": "cloudstead.test"
    }  # fmt: skip


def test_libraries_speak_in_the_same_form_and_less() -> None:
    told = [json.loads(line) for line in lines("json")]

    assert [line["event"] for line in told] == ["stored", "of another", "failed"]


def test_an_exception_stays_on_one_line_of_json() -> None:
    failed = json.loads(lines("json")[-1])

    assert failed["exception"][0]["exc_type"] == "ZeroDivisionError"


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_exception_does_not_tell_the_values_of_variables(form: str) -> None:
    told = "".join(lines(form))

    assert "ZeroDivisionError" in told
    assert "open sesame" not in told


def test_off_a_terminal_auto_means_json() -> None:
    assert all(json.loads(line) for line in lines("auto"))


def test_people_get_columns() -> None:
    assert "stored" in lines("console")[0]


@pytest.mark.parametrize("level", ["warning", "error"])
def test_the_level_leaves_out_what_is_below_it(level: str) -> None:
    assert "stored" not in "".join(lines("json", level))
