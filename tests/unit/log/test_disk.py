import os

import pytest

from cloudstead.log.disk import IOV_MAX, preallocate, replace_durably, write_durably, write_then_sync


@pytest.mark.parametrize("write", [write_durably, write_then_sync])
@pytest.mark.parametrize("count", [1, IOV_MAX, IOV_MAX + 1, 2 * IOV_MAX + 3])
def test_a_write_may_have_more_buffers_than_one_system_call_takes(tmp_path, write, count):
    buffers = [b"%d," % i for i in range(count)]
    with (tmp_path / "file").open("w+b", buffering=0) as file:
        write(file.fileno(), buffers, 3)
        assert file.read() == b"\0\0\0" + b"".join(buffers)


def test_a_write_that_fails_says_so(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with (tmp_path / "file").open("rb") as file, pytest.raises(OSError, match="Bad file descriptor"):
        write_durably(file.fileno(), [b"x"], 0)


def test_reserved_space_reads_as_zeros(tmp_path):
    with (tmp_path / "file").open("w+b", buffering=0) as file:
        assert preallocate(file.fileno(), 0, 5000)
        assert file.read() == bytes(5000)


def test_space_that_cannot_be_reserved_is_no_error():
    reading, writing = os.pipe()
    try:
        assert not preallocate(writing, 0, 5000)
    finally:
        os.close(reading)
        os.close(writing)


def test_a_replaced_file_has_the_new_content_and_leaves_no_draft(tmp_path):
    path = tmp_path / "file"
    replace_durably(path, b"old and longer")
    replace_durably(path, b"new")
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [("file", b"new")]
