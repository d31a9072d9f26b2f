"""What the command line says when a server cannot start, tried with the real one."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cloudstead.app.data_folder import DataFolder
from factories.running import running_cloud

if TYPE_CHECKING:
    from pathlib import Path

OFF = ("--http", "127.0.0.1:0", "--https", "", "--mqtts", "127.0.0.1:0", "--thing-event", "")


def refusal(folder: Path, *arguments: str, command: str = "serve") -> str:
    """Return the one line of a start that fails as it should."""
    outcome = subprocess.run(
        [sys.executable, "-m", "cloudstead.app", command, "--data", str(folder), *OFF, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert outcome.returncode == 2, outcome
    (line,) = outcome.stderr.splitlines()
    return line


@pytest.mark.parametrize("listener", ["http", "https", "mqtts", "mqtt"])
def test_a_port_in_use_is_told_with_its_flag(tmp_path: Path, listener: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        line = refusal(tmp_path, f"--{listener}", address)

    assert address in line
    assert f"--{listener}" in line


def test_data_that_another_process_holds_is_told_with_its_number(tmp_path: Path) -> None:
    folder = DataFolder.hold(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        line = refusal(tmp_path, "--http", f"127.0.0.1:{taken.getsockname()[1]}")
    folder.release()

    assert f"process {os.getpid()}" in line


def test_a_bucket_that_cannot_be_reached_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv("CLOUDSTEAD_OBJECTS_URL", "s3://bucket")
    monkeypatch.setenv("CLOUDSTEAD_OBJECTS_ENDPOINT", endpoint)
    monkeypatch.setenv("CLOUDSTEAD_OBJECTS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("CLOUDSTEAD_OBJECTS_SECRET_ACCESS_KEY", "s3cret")

    line = refusal(tmp_path)

    assert "The files at s3://bucket cannot be reached" in line
    assert "s3cret" not in line


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert "file" in refusal(tmp_path / "file")


def test_a_state_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_text("no database at all")

    assert "state.sqlite" in refusal(tmp_path)


def test_a_certificate_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")

    for file in (tmp_path / "nowhere.pem", junk):
        given = ("--https", "127.0.0.1:0", "--https-cert", str(file), "--https-key", str(file))
        assert file.name in refusal(tmp_path / "data", *given)


def test_a_ready_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    line = refusal(tmp_path / "data", "--ready-file", str(tmp_path / "nowhere" / "ready.json"))

    assert f"no folder {tmp_path / 'nowhere'}" in line
    assert not (tmp_path / "data").exists()


def test_a_column_store_that_does_not_answer_is_told_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("CLOUDSTEAD_OBSERVATIONS_URL", f"http://me:s3cret@127.0.0.1:{port}/db")
    line = refusal(tmp_path / "data")

    assert f"127.0.0.1:{port}/db" in line
    assert "Connection refused" in line
    assert "s3cret" not in line


def test_a_demo_never_takes_over_accounts_that_it_did_not_make(tmp_path: Path) -> None:
    create = ["account", "create", "--data", str(tmp_path), "--name", "One", "--user", "admin"]
    subprocess.run([sys.executable, "-m", "cloudstead.app", *create], check=True, capture_output=True)

    assert "serve" in refusal(tmp_path, command="demo")


def test_a_server_is_ready_for_scripts_and_leaves_no_secret_behind(tmp_path: Path) -> None:
    with running_cloud(tmp_path) as cloud:
        ready_file = tmp_path / "ready.json"
        told = json.loads(ready_file.read_text())
        mode = stat.S_IMODE(ready_file.stat().st_mode)
        code = cloud.stop()

    assert told == cloud.ready
    assert mode == 0o600
    assert code == 0
    assert not ready_file.exists()


@pytest.mark.parametrize("section", ["webhooks", "mail"])
def test_authorities_that_cannot_be_read_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str
) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    monkeypatch.setenv("CLOUDSTEAD_MAIL_HOST", "mail.example")
    monkeypatch.setenv(f"CLOUDSTEAD_{section.upper()}_CA_FILE", str(junk))

    line = refusal(tmp_path / "data")

    assert f"{section}.ca_file" in line
    assert "junk.pem" in line
