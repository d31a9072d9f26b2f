import pytest

from cloudstead.log import CheckpointCorrupt, Checkpoints


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "checkpoints"


def test_a_consumer_that_has_not_begun_stands_at_zero(folder):
    assert Checkpoints(folder).load("index") == 0


def test_each_consumer_keeps_its_own_offset_over_a_restart(folder):
    before = Checkpoints(folder)
    before.store("index", 7)
    before.store("archive", 18_446_744_073_709_551_615)
    before.store("index", 9)
    after = Checkpoints(folder)
    assert (after.load("index"), after.load("archive")) == (9, 18_446_744_073_709_551_615)


def test_a_draft_that_a_crash_has_left_does_not_count(folder):
    checkpoints = Checkpoints(folder)
    checkpoints.store("index", 7)
    (folder / "index.offset.tmp").write_bytes(b"9")
    assert checkpoints.load("index") == 7
    checkpoints.store("index", 8)
    assert [path.name for path in folder.iterdir()] == ["index.offset"]


@pytest.mark.parametrize("content", [b"", b"7", b"seven\n", b"-7\n", b"7\n8\n", b"\0\0\0\0"])
def test_a_damaged_checkpoint_is_not_taken_for_an_offset(folder, content):
    checkpoints = Checkpoints(folder)
    checkpoints.store("index", 7)
    (folder / "index.offset").write_bytes(content)
    with pytest.raises(CheckpointCorrupt):
        checkpoints.load("index")


@pytest.mark.parametrize("name", ["", "../index", "a/b", "Index", ".hidden", "index.offset"])
def test_a_name_cannot_leave_the_folder(folder, name):
    with pytest.raises(ValueError, match="does not name a consumer"):
        Checkpoints(folder).store(name, 1)
