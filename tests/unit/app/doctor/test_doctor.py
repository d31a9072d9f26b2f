from __future__ import annotations

import asyncio
import os
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cloudstead.app.data_folder import DataFolder
from cloudstead.app.doctor import certificates, examine, machine, network, stores
from cloudstead.app.doctor.finding import Finding, State
from cloudstead.app.keys import open_keys, server_certificate
from cloudstead.app.open_files import most_open_files
from cloudstead.app.operator.asks import OpenAccount
from cloudstead.app.operator.doors import ask
from cloudstead.app.settings import (
    DataSettings,
    HttpSettings,
    HttpsSettings,
    LimitSettings,
    MqttsSettings,
    ObjectSettings,
    ObservationSettings,
    Settings,
    StorageSettings,
)
from cloudstead.core.clock import ManualClock
from cloudstead.log import CommitLog

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def named(findings: Iterable[Finding], what: str) -> Finding:
    """Return the one finding about ``what``."""
    (found,) = [finding for finding in findings if finding.what == what]
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with its secrets, made at ``NOW`` and held by nobody."""
    held = DataFolder.hold(tmp_path / "data")
    clock = ManualClock(NOW)
    server_certificate(held, open_keys(held, clock).authority, ["localhost"], clock)
    held.release()
    return held.path


def test_a_machine_on_which_nothing_was_started_yet_is_not_wrong(tmp_path: Path) -> None:
    settings = Settings(
        data=DataSettings(folder=str(tmp_path / "none")),
        http=HttpSettings(address="127.0.0.1:0"),
        https=HttpsSettings(address=""),
        mqtts=MqttsSettings(address=""),
    )

    assert not [finding for finding in examine(settings) if finding.is_wrong]
    assert not (tmp_path / "none").exists()


async def test_a_folder_in_good_order_is_good(tmp_path: Path) -> None:
    settings = Settings(data=DataSettings(folder=str(tmp_path / "data")))
    await asyncio.to_thread(ask, settings, OpenAccount(name="One", user_name="admin"))

    findings = list(stores.examine(tmp_path / "data", settings, holder=None, now=NOW))

    assert named(findings, "data folder").state is State.GOOD
    assert named(findings, "state").state is State.GOOD
    assert "held by nobody" in named(findings, "data folder").seen


def test_the_holder_of_the_folder_is_named(folder: Path) -> None:
    assert "process 7" in named(stores.examine(folder, Settings(), holder=7, now=NOW), "data folder").seen


def test_files_that_others_may_read_are_wrong(folder: Path) -> None:
    def found() -> Finding:
        return named(stores.examine(folder, Settings(), holder=None, now=NOW), "files")

    assert found().state is State.GOOD
    (folder / "objects").chmod(0o755)
    assert found().is_wrong
    (folder / "objects").rmdir()
    assert found().state is State.NOTE


def test_files_in_a_bucket_are_not_looked_for_in_the_folder(folder: Path) -> None:
    findings = stores.examine(folder, Settings(objects=ObjectSettings(url="s3://bucket")), holder=None, now=NOW)

    assert "files" not in {finding.what for finding in findings}


def test_a_state_that_is_none_is_wrong(folder: Path) -> None:
    (folder / "state.sqlite").write_text("no database at all")

    assert named(stores.examine(folder, Settings(), holder=None, now=NOW), "state").is_wrong


def test_the_password_of_a_state_server_is_not_shown(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    settings = Settings(storage=StorageSettings(url=f"postgresql://u:s3cret@127.0.0.1:{port}/x"))

    assert "s3cret" not in repr(list(stores.examine(folder, settings, holder=None, now=NOW)))


def written_log(folder: Path) -> Path:
    """Put three batches into the log of a data folder and return its one segment."""
    with CommitLog.open(folder / "log") as log:
        for _ in range(3):
            log.append([b"record"] * 4)
    (segment,) = (folder / "log").glob("*.log")
    return segment


def state_of_log(folder: Path, *, holder: int | None = None) -> Finding:
    return named(stores.examine(folder, Settings(), holder=holder, now=NOW), "log")


def test_a_sound_log_is_good(folder: Path) -> None:
    written_log(folder)

    assert state_of_log(folder).state is State.GOOD


def test_half_a_batch_at_the_end_of_the_log_is_told_and_left_alone(folder: Path) -> None:
    segment = written_log(folder)
    content = segment.read_bytes().rstrip(b"\0")[:-3]
    segment.write_bytes(content)

    assert state_of_log(folder).state is State.NOTE
    assert segment.read_bytes() == content


def test_damage_before_sound_records_is_wrong(folder: Path) -> None:
    segment = written_log(folder)
    content = bytearray(segment.read_bytes())
    content[content.index(b"record")] ^= 1
    segment.write_bytes(content)

    assert state_of_log(folder).is_wrong


def test_the_log_of_a_running_server_is_not_read(folder: Path) -> None:
    segment = written_log(folder)
    segment.write_bytes(b"junk")

    assert state_of_log(folder).is_wrong
    assert state_of_log(folder, holder=7).state is State.GOOD


def test_a_clock_behind_the_log_is_wrong(folder: Path) -> None:
    segment = folder / "log" / f"{1:020}.log"
    segment.write_bytes(b"")
    os.utime(segment, (NOW.timestamp(), NOW.timestamp()))

    good = named(stores.examine(folder, Settings(), holder=None, now=NOW + timedelta(days=1)), "clock")
    wrong = named(stores.examine(folder, Settings(), holder=None, now=NOW - timedelta(days=1)), "clock")

    assert (good.state, wrong.state) == (State.GOOD, State.WRONG)
    assert wrong.advice


@pytest.mark.parametrize(
    ("after", "state"),
    [(timedelta(days=1), State.GOOD), (timedelta(days=380), State.NOTE), (timedelta(days=400), State.WRONG)],
)
def test_a_certificate_is_told_before_it_ends_and_when_it_has(folder: Path, after: timedelta, state: State) -> None:
    found = named(certificates.examine(folder, Settings(), now=NOW + after), "server certificate")

    assert found.state is state


def test_a_clock_behind_the_certificates_is_wrong(folder: Path) -> None:
    found = named(certificates.examine(folder, Settings(), now=NOW - timedelta(days=1)), "authority")

    assert found.is_wrong
    assert "clock" in found.advice


def test_a_given_certificate_is_looked_at(folder: Path) -> None:
    settings = Settings(https=HttpsSettings(certificate_file=str(folder / "nowhere.pem"), private_key_file="x"))

    assert named(certificates.examine(folder, settings, now=NOW), "https certificate").is_wrong


def test_secrets_that_others_may_read_are_wrong(folder: Path) -> None:
    assert named(certificates.examine(folder, Settings(), now=NOW), "secrets").state is State.GOOD
    (folder / "keys" / "installation.key").chmod(0o644)
    assert named(certificates.examine(folder, Settings(), now=NOW), "secrets").is_wrong


def test_a_taken_port_is_wrong_before_the_start_and_good_while_running() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(http=HttpSettings(address=f"127.0.0.1:{taken.getsockname()[1]}"))
        stopped = named(network.examine(settings, is_running=False), "http")
        running = named(network.examine(settings, is_running=True), "http")

    assert (stopped.state, running.state) == (State.WRONG, State.GOOD)


def test_a_free_port_is_good_before_the_start_and_wrong_while_running() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(http=HttpSettings(address=f"127.0.0.1:{taken.getsockname()[1]}"))
    stopped = named(network.examine(settings, is_running=False), "http")
    running = named(network.examine(settings, is_running=True), "http")

    assert (stopped.state, running.state) == (State.GOOD, State.WRONG)


def test_listeners_that_are_off_are_not_looked_at() -> None:
    names = [finding.what for finding in network.examine(Settings(), is_running=False)]

    assert "mqtt" not in names


def test_more_connections_than_open_files_deserve_a_look(tmp_path: Path) -> None:
    many = Settings(limits=LimitSettings(connections=most_open_files()))

    assert named(machine.examine(tmp_path, many), "open files").state is State.NOTE


def test_a_secret_without_which_the_server_would_not_start_is_missed(folder: Path) -> None:
    lost = "installation.key"
    assert named(certificates.examine(folder, Settings(), now=NOW), "keys").state is State.GOOD
    (folder / "keys" / lost).unlink()

    found = named(certificates.examine(folder, Settings(), now=NOW), "keys")

    assert found.is_wrong
    assert lost in found.seen
    assert not (folder / "keys" / lost).exists()


def test_servers_that_do_not_answer_are_wrong_and_their_passwords_not_shown(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    settings = Settings(
        storage=StorageSettings(url=f"postgresql://u:s3cret@127.0.0.1:{port}/x"),
        observations=ObservationSettings(url=f"http://u:s3cret@127.0.0.1:{port}/x"),
    )

    findings = list(stores.examine(tmp_path / "none", settings, holder=None, now=NOW))

    assert named(findings, "state").is_wrong
    assert named(findings, "observations").is_wrong
    assert "s3cret" not in repr(findings)
    assert all("127.0.0.1" in named(findings, what).seen for what in ("state", "observations"))


def test_a_taken_port_names_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(http=HttpSettings(address=f"127.0.0.1:{taken.getsockname()[1]}"))
        found = named(network.examine(settings, is_running=False), "http")

    assert "http.address" in found.advice
