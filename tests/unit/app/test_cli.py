from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from cloudstead import __version__
from cloudstead.app.cli import commands
from cloudstead.app.data_folder import DataFolder

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cloudstead.app", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def one_line(outcome: subprocess.CompletedProcess[str]) -> str:
    """Return the line on standard error of a command that failed as it should."""
    assert outcome.returncode == 2, outcome
    assert outcome.stdout == ""
    (line,) = outcome.stderr.splitlines()
    return line


def test_the_version_is_printed() -> None:
    assert run("version").stdout == run("--version").stdout == f"cloudstead {__version__}\n"


@pytest.mark.parametrize("command", ["serve", "demo", "agent", "doctor", "version", "account", "trace", "replay"])
def test_every_command_explains_itself(command: str) -> None:
    outcome = CliRunner().invoke(commands, [command, "--help"])

    assert outcome.exit_code == 0
    assert command in outcome.output


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_both_servers_take_the_options_of_scripts(command: str) -> None:
    told = CliRunner().invoke(commands, [command, "--help"]).output

    options = {"--data", "--http", "--https", "--https-cert", "--https-key", "--mqtts", "--ready-file", "--config"}
    assert options <= set(re.findall(r"--[a-z-]+", told))


def test_a_bad_setting_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    assert "'8080' is not HOST:PORT" in one_line(run("serve", "--data", str(tmp_path), "--http", "8080"))


def test_an_account_is_opened_with_secrets_that_are_shown_once(tmp_path: Path) -> None:
    outcome = run("account", "create", "--data", str(tmp_path / "d"), "--name", "Example [GmbH]", "--user", "admin")

    assert outcome.returncode == 0, outcome.stderr
    assert "Example [GmbH]" in outcome.stdout
    assert re.search(r"Password +\S{20,}\n", outcome.stdout)
    assert re.search(r"API key +csk_[0-9a-f]{32}_[0-9a-f]{64}\n", outcome.stdout)
    assert "localhost" in outcome.stdout


def test_a_second_account_needs_host_names_of_its_own(tmp_path: Path) -> None:
    run("account", "create", "--data", str(tmp_path / "d"), "--name", "One", "--user", "admin")

    refused = run("account", "create", "--data", str(tmp_path / "d"), "--name", "Two", "--user", "admin")
    opened = run(
        *("account", "create", "--data", str(tmp_path / "d"), "--name", "Two", "--user", "admin"),
        *("--host", "two.example"),
    )

    assert "--host" in one_line(refused)
    assert opened.returncode == 0


@pytest.mark.parametrize(("options", "profile"), [((), "aws-2017"), (("--mqtt-profile", "standard"), "standard")])
def test_an_account_has_the_mqtt_profile_that_was_asked_for(
    tmp_path: Path, options: tuple[str, ...], profile: str
) -> None:
    outcome = run("account", "create", "--data", str(tmp_path / "d"), "--name", "One", "--user", "admin", *options)
    assert outcome.returncode == 0, outcome.stderr

    with closing(sqlite3.connect(tmp_path / "d" / "state.sqlite")) as state:
        assert state.execute("SELECT mqtt_profile FROM accounts").fetchall() == [(profile,)]


def test_an_account_cannot_be_opened_behind_a_servers_back(tmp_path: Path) -> None:
    folder = DataFolder.hold(tmp_path)
    outcome = run("account", "create", "--data", str(tmp_path), "--name", "One", "--user", "admin")
    folder.release()

    assert "in use by process" in one_line(outcome)


def test_an_impossible_user_name_is_one_line(tmp_path: Path) -> None:
    outcome = run("account", "create", "--data", str(tmp_path / "d"), "--name", "One", "--user", "a\nb")

    assert "user_name" in one_line(outcome)


def test_an_agent_without_a_bundle_is_one_line(tmp_path: Path) -> None:
    outcome = run("agent", "--bundle", str(tmp_path / "nowhere"), "--mqtts", "127.0.0.1:8883")

    assert "nowhere" in one_line(outcome)


def test_the_doctor_answers_programs_too(tmp_path: Path) -> None:
    outcome = run("doctor", "--data", str(tmp_path / "nowhere"), "--json")

    findings = json.loads(outcome.stdout)
    assert {"what", "state", "seen", "advice"} == set(findings[0])
    assert outcome.returncode == int(any(finding["state"] == "wrong" for finding in findings))


def test_a_replay_needs_a_cloud_that_nobody_runs(tmp_path: Path) -> None:
    assert "holds no cloud" in one_line(run("replay", "--to", "index", "--data", str(tmp_path / "nowhere")))
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "d" / "log").mkdir(parents=True)
    folder = DataFolder.hold(tmp_path / "d")
    try:
        assert "is in use by process" in one_line(run("replay", "--to", "rules", "--data", str(tmp_path / "d")))
    finally:
        folder.release()


def test_a_replay_of_nothing_says_so(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "d"))
    run("account", "create", *data, "--name", "One", "--user", "admin")

    told = run("replay", "--to", "index", *data)
    assert (told.returncode, told.stdout) == (0, "No message is in that span.\n")
    assert "No enabled rule" in one_line(run("replay", "--to", "rules", *data))
    assert "archive has nothing" in one_line(run("replay", "--to", "index", "--archive", *data))
    assert "No account is called 'Two'" in one_line(run("replay", "--to", "index", "--account", "Two", *data))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("replay", "--to", "index", "--fire"), "--to rules"),
        (("replay", "--to", "rules", "--index", "x"), "--to index"),
        (("replay", "--to", "index", "--archive", "--archive-folder", "x"), "give one of them"),
        (("replay", "--to", "index", "--since", "yesterday"), "no time like"),
        (("replay", "--to", "index", "--from-offset", "0"), "--from-offset"),
        (("trace", "lamp", "--at", "2026-01-01", "--offset", "1"), "give one of them"),
        (("trace",), "THING"),
    ],
)
def test_options_that_do_not_go_together_are_told(arguments: tuple[str, ...], words: str) -> None:
    outcome = CliRunner().invoke(commands, list(arguments))
    assert outcome.exit_code == 2
    assert words in outcome.output


def test_a_trace_says_what_it_needs(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path))
    assert "An API key is needed" in one_line(run("trace", "lamp", *data))
    unheard = run("trace", "lamp", *data, "--key", "k", "--url", "http://127.0.0.1:1")
    assert "does not answer" in one_line(unheard)
    assert "--url" in one_line(run("trace", "lamp", *data, "--key", "k", "--url", "gopher://x"))
    assert "cannot be read" in one_line(run("trace", "lamp", *data, "--ready-file", str(tmp_path / "none")))
