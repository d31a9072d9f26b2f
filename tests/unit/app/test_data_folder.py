from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cloudstead.app.data_folder import DataFolder, holder_of
from cloudstead.app.errors import DataFolderUnusable, DataInUse

if TYPE_CHECKING:
    from pathlib import Path


def test_a_new_folder_is_its_owners_alone(tmp_path: Path) -> None:
    folder = DataFolder.hold(tmp_path / "deep" / "data")

    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.keys.stat().st_mode) == 0o700
    folder.release()


def test_a_held_folder_is_refused_with_the_number_of_its_holder(tmp_path: Path) -> None:
    folder = DataFolder.hold(tmp_path)

    with pytest.raises(DataInUse) as caught:
        DataFolder.hold(tmp_path)

    assert caught.value.pid == os.getpid()
    assert holder_of(tmp_path) == os.getpid()
    folder.release()


def test_a_released_folder_can_be_held_again(tmp_path: Path) -> None:
    DataFolder.hold(tmp_path).release()

    assert holder_of(tmp_path) is None
    DataFolder.hold(tmp_path).release()


def test_a_folder_is_free_when_its_holder_was_killed(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from cloudstead.app.data_folder import DataFolder;"
        "DataFolder.hold(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)

    DataFolder.hold(tmp_path).release()


def test_nobody_holds_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert holder_of(tmp_path / "nowhere") is None


def test_a_file_in_the_way_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(DataFolderUnusable, match=r"cannot be used: .*--data"):
        DataFolder.hold(tmp_path / "data")
