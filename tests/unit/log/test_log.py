"""What the log on disk adds to the laws of every log: segments, one holder, a folder that can be opened again."""

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.log import CommitLog, LogCorrupt, LogInUse, LogWriteFailed, OffsetGone

if TYPE_CHECKING:
    from pathlib import Path

EVERYTHING = {"max_records": 1_000_000, "max_bytes": 1 << 30}


def read_all(log: CommitLog) -> list[tuple[int, bytes]]:
    records: list[tuple[int, bytes]] = []
    while found := log.read(records[-1][0] + 1 if records else log.first_offset, **EVERYTHING):
        records += found
    return records


def segments(log: CommitLog) -> list[str]:
    return sorted(path.name for path in log.folder.glob("*.log"))


def test_a_log_goes_on_where_it_was_closed(open_log):
    open_log().append([b"a", b"b"])
    log = open_log()
    assert log.recovery is None
    assert log.append([b"c"]) == 3
    assert read_all(open_log()) == [(1, b"a"), (2, b"b"), (3, b"c")]


def test_a_batch_that_would_outgrow_its_segment_begins_a_new_one(open_log):
    log = open_log(segment_bytes=200)
    for _ in range(4):
        log.append([bytes(50)])
    assert segments(log) == ["00000000000000000001.log", "00000000000000000003.log"]


def test_an_offset_is_in_the_file_that_holds_it_and_in_none_when_it_is_gone_or_to_come(open_log):
    log = open_log(segment_bytes=200)
    for _ in range(4):
        log.append([bytes(50)])
    log.truncate_before(3, keep_from=3)
    files = [log.segment_of(offset) for offset in range(6)]
    assert [file and file.name for file in files] == [None] * 3 + ["00000000000000000003.log"] * 2 + [None]


def test_a_batch_larger_than_a_segment_stays_together(open_log):
    log = open_log(segment_bytes=200)
    log.append([bytes(150), bytes(150)])
    log.append([b"next"])
    assert segments(log) == ["00000000000000000001.log", "00000000000000000003.log"]


def test_a_closed_log_takes_no_more_room_than_its_records(open_log, tmp_path):
    log = open_log()
    log.append([bytes(1000)])
    size = log.size_bytes
    log.close()
    assert sum(path.stat().st_size for path in (tmp_path / "log").glob("*.log")) == size


def test_a_second_holder_is_refused_and_told_who_holds_the_log(open_log, tmp_path):
    open_log()
    program = (
        "import pathlib, sys; from cloudstead.log import CommitLog, LogInUse\n"
        "try: CommitLog.open(pathlib.Path(sys.argv[1]))\n"
        "except LogInUse as error: print(error.holder)"
    )
    found = subprocess.run([sys.executable, "-c", program, tmp_path / "log"], capture_output=True, check=True)
    assert int(found.stdout) == os.getpid()


def test_a_second_holder_in_the_same_process_is_refused(open_log, tmp_path):
    open_log()
    with pytest.raises(LogInUse):
        CommitLog.open(tmp_path / "log")


def test_a_log_that_could_not_be_opened_is_let_go(open_log, tmp_path):
    open_log().close()
    path = tmp_path / "log" / "00000000000000000001.log"
    sound = path.read_bytes()
    path.write_bytes(b"")
    with pytest.raises(LogCorrupt):
        CommitLog.open(tmp_path / "log")
    path.write_bytes(sound)
    CommitLog.open(tmp_path / "log").close()


def test_a_segment_whose_making_was_interrupted_is_forgotten(open_log, tmp_path):
    open_log().append([b"a"])
    (tmp_path / "log" / "00000000000000000002.draft").write_bytes(b"half a hea")
    log = open_log()
    assert [path.name for path in log.folder.iterdir() if path.suffix == ".draft"] == []
    assert log.append([b"b"]) == 2


def test_a_failure_to_begin_a_segment_loses_nothing_and_can_be_overcome(open_log):
    log = open_log(segment_bytes=100)
    log.append([bytes(80)])
    obstacle = log.folder / "00000000000000000002.draft"
    obstacle.mkdir()
    with pytest.raises(LogWriteFailed):
        log.append([b"b"])
    assert log.next_offset == 2
    obstacle.rmdir()
    assert log.append([b"c"]) == 2
    assert read_all(open_log()) == [(1, bytes(80)), (2, b"c")]


def test_retention_that_is_faster_than_a_read_is_reported_as_such(open_log):
    log = open_log(segment_bytes=1)
    log.append([b"a"])
    log.append([b"b"])
    (log.folder / "00000000000000000001.log").unlink()
    with pytest.raises(OffsetGone):
        log.read(1, **EVERYTHING)


def test_a_damaged_older_segment_names_file_and_position_when_it_is_read(open_log):
    log = open_log(segment_bytes=100)
    log.append([b"a" * 30, b"b" * 30])
    log.append([b"c" * 30])
    path = log.folder / "00000000000000000001.log"
    content = bytearray(path.read_bytes())
    content[40 + 46 + 20] ^= 1
    path.write_bytes(content)
    log = open_log()
    with pytest.raises(LogCorrupt) as caught:
        log.read(2, **EVERYTHING)
    assert (caught.value.path, caught.value.position) == (path, 40 + 46)
    assert log.read(3, **EVERYTHING) == [(3, b"c" * 30)]


def test_an_older_segment_that_ends_early_is_damaged(open_log):
    log = open_log(segment_bytes=100)
    log.append([b"a" * 30, b"b" * 30])
    log.append([b"c" * 30])
    path = log.folder / "00000000000000000001.log"
    path.write_bytes(path.read_bytes()[: 40 + 46])
    log = open_log()
    assert log.read(1, **EVERYTHING) == [(1, b"a" * 30)]
    with pytest.raises(LogCorrupt, match="ends before offset 2"):
        log.read(2, **EVERYTHING)


def test_any_offset_of_a_large_segment_is_found(open_log):
    payloads = [b"%d" % i * 2000 for i in range(1, 401)]
    log = open_log()
    for start in range(0, 400, 10):
        log.append(payloads[start : start + 10])
    log.append([b"x"])
    for reopened in (False, True):
        log = open_log(segment_bytes=1) if reopened else log
        log.append([b"a later segment"])
        for offset in (1, 7, 90, 251, 400):
            assert log.read(offset, max_records=1, max_bytes=1 << 20) == [(offset, payloads[offset - 1])]
        log = open_log(segment_bytes=1)
        assert log.read(399, max_records=1, max_bytes=1 << 20) == [(399, payloads[398])]


def test_a_reader_in_another_thread_sees_every_record_once_and_in_order(open_log):
    log = open_log(segment_bytes=4000)
    total = 600
    seen: list[tuple[int, bytes]] = []

    def follow() -> None:
        while len(seen) < total:
            seen.extend(log.read(len(seen) + 1, max_records=50, max_bytes=2000))

    reader = threading.Thread(target=follow)
    reader.start()
    for start in range(0, total, 3):
        log.append([b"record %d" % offset for offset in range(start + 1, start + 4)])
    reader.join()
    assert seen == [(offset, b"record %d" % offset) for offset in range(1, total + 1)]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(st.binary(max_size=80), min_size=1, max_size=5)),
        st.tuples(st.just("remove"), st.integers(0, 20)),
        st.tuples(st.just("reopen"), st.none()),
    ),
    max_size=15,
)


@settings(max_examples=30, deadline=None)
@given(steps)
def test_appends_removals_and_restarts_in_any_order_lose_nothing_that_is_kept(tmp_path_factory, written):
    folder: Path = tmp_path_factory.mktemp("log")
    log = CommitLog.open(folder, segment_bytes=150)
    model: list[tuple[int, bytes]] = []
    for verb, argument in written:
        if verb == "append":
            first = log.append(argument)
            assert first == (model[-1][0] + 1 if model else 1)
            model += enumerate(argument, first)
        elif verb == "remove":
            log.truncate_before(argument, keep_from=argument)
        else:
            log.close()
            log = CommitLog.open(folder, segment_bytes=150)
            assert log.recovery is None
        kept = [record for record in model if record[0] >= log.first_offset]
        assert read_all(log) == kept
        assert log.next_offset == len(model) + 1
    log.close()
