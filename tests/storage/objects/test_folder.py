"""What a local folder does beside what every store does."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cloudstead.storage.objects import FolderObjects


@pytest.fixture
def root(tmp_path):
    return tmp_path / "objects"


def everything_below(folder):
    return [folder, *folder.rglob("*")]


async def test_only_the_owner_may_read_what_lies_in_the_folder(root):
    old = os.umask(0)
    try:
        await FolderObjects.open(root).put("a/b/c", b"secret")
    finally:
        os.umask(old)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in everything_below(root)}
    assert modes == {"objects": 0o700, ".drafts": 0o700, "a": 0o700, "b": 0o700, "c.object": 0o600}


async def test_a_reader_keeps_the_object_that_it_began_to_read(root):
    folder = FolderObjects.open(root)
    old, new = b"o" * 600_000, b"n" * 600_000
    await folder.put("a", old)

    pieces = folder.stream("a", start=0, end=len(old))
    read = [await anext(pieces)]
    await folder.put("a", new)
    read += [piece async for piece in pieces]

    assert b"".join(read) == old
    assert await folder.get("a") == new


async def test_opening_removes_what_a_crash_left_half_written(root):
    await FolderObjects.open(root).put("a", b"whole")
    (root / ".drafts" / "0123").write_bytes(b"half")

    folder = FolderObjects.open(root)

    assert list((root / ".drafts").iterdir()) == []
    assert [entry.path for entry in await folder.list_after("", after="", limit=9)] == ["a"]


async def test_a_write_that_fails_leaves_the_old_object_and_no_draft(root, monkeypatch):
    folder = FolderObjects.open(root)
    await folder.put("a", b"old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        await folder.put("a", b"new")

    assert await folder.get("a") == b"old"
    assert list((root / ".drafts").iterdir()) == []


async def test_an_object_is_on_disk_with_every_folder_above_it_when_put_returns(root, monkeypatch):
    folder = FolderObjects.open(root)
    synced = []
    fsync = os.fsync

    def follow(handle):
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()).removeprefix(f"{root}"))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", follow)
    await folder.put("a/b/c", b"content")

    assert synced[0].startswith("/.drafts/")
    assert synced[1:] == ["", "/a", "/a/b"]


async def test_folders_that_are_empty_go_with_their_last_object(root):
    folder = FolderObjects.open(root)
    await folder.put("a/b/c", b"")
    await folder.put("a/d", b"")

    await folder.delete("a/b/c")
    assert not (root / "a" / "b").exists()

    await folder.delete("a/d")
    assert [path.name for path in root.iterdir()] == [".drafts"]
