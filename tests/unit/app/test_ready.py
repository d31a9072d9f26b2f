from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from cloudstead.app.ready import ReadyReport, write_ready_file

if TYPE_CHECKING:
    from pathlib import Path

REPORT = ReadyReport(
    http="http://127.0.0.1:8080",
    https=None,
    mqtts="127.0.0.1:8883",
    ca_file="/data/ca.pem",
    hostname="localhost",
    user_name="admin",
    password="s3cret",
    api_key="csk_1_2",
    manifest_url="http://127.0.0.1:8080/prod/manifest/?hostname=localhost",
    thing_name="box",
    account_count=1,
)


def test_the_file_holds_what_a_script_needs(tmp_path: Path) -> None:
    write_ready_file(tmp_path / "ready.json", REPORT)

    told = json.loads((tmp_path / "ready.json").read_text())
    assert {"http", "https", "mqtts", "ca_file", "hostname", "user_name", "password", "api_key"} <= told.keys()
    assert {"manifest_url", "thing_name"} <= told.keys()
    assert told["https"] is None


def test_only_the_owner_may_read_the_file_even_where_an_open_one_stood_before(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    file.write_text("old")
    file.chmod(0o644)

    write_ready_file(file, REPORT)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_nothing_half_written_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "ready.json").mkdir()

    with pytest.raises(OSError, match="directory"):
        write_ready_file(tmp_path / "ready.json", REPORT)

    assert [path.name for path in tmp_path.iterdir()] == ["ready.json"]


def test_a_report_in_a_log_shows_no_secret() -> None:
    assert "s3cret" not in repr(REPORT)
    assert "csk_1_2" not in repr(REPORT)
