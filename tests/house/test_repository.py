"""Rules about what the repository may say."""

from __future__ import annotations

import re
import subprocess

import pytest

from cloudstead.app.commands_page import commands_page
from cloudstead.app.reference import COMMANDS_PAGE, PAGE, settings_page
from factories.repository import ROOT, modules, place, texts

# Each pattern is written so that it does not match itself.
_MACHINE_PATH = re.compile(r"(?<![\w.$}/-])/(?:work|root|home|opt|Users|mnt)/\w")
_REGISTRY_HOST = re.compile(r"(?:pypi|npmjs|python[h]osted|crates|docker)\.(?:org|io|com)\b")
_UNFINISHED = re.compile(r"\b(?:TO[D]O|FIX[M]E|X[X]X)\b")
_PAGE_NAME = re.compile(r"(?<![\w*./-])[\w./-]*\b[\w-]+\.md\b")
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
_LOCKED = re.compile(r"[a-z0-9._-]+==[^ ]+( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in texts():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{place(path)}:{number}: {line.strip()}")
    return found


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    assert lines_with(_MACHINE_PATH) == []


def test_no_file_names_the_host_of_a_package_registry() -> None:
    assert lines_with(_REGISTRY_HOST) == []


def test_nothing_is_left_for_later() -> None:
    assert lines_with(_UNFINISHED) == []


def test_every_page_that_a_file_speaks_of_is_in_the_repository() -> None:
    known = {path.name for path in texts() if path.suffix == ".md"}
    speakers = (*modules("src", "tests", "bench"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md")
    missing = [
        f"{place(path)}: {name}"
        for path in speakers
        for name in _PAGE_NAME.findall(path.read_text(encoding="utf-8"))
        if name.rpartition("/")[2] not in known
    ]
    assert missing == []


def test_every_link_of_the_documentation_leads_somewhere() -> None:
    broken = [
        f"{place(page)}: {target}"
        for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
        for target in _LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_the_settings_page_is_the_one_that_the_settings_give() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == settings_page(), "make docs writes it anew"


def test_the_page_of_the_command_line_is_the_one_that_the_commands_give() -> None:
    assert (ROOT / COMMANDS_PAGE).read_text(encoding="utf-8") == commands_page(), "make docs writes it anew"


@pytest.mark.parametrize("name", ["run", "dev", "build", "aws"])
def test_a_lock_file_holds_names_versions_and_hashes_and_nothing_else(name: str) -> None:
    lines = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if not _LOCKED.fullmatch(line)] == []


@pytest.mark.parametrize("script", ["scripts/setup", "scripts/lock", ".ci/run"])
def test_every_script_is_plain_shell_that_can_be_run(script: str) -> None:
    path = ROOT / script

    assert path.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
    assert path.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", str(path)], check=True)


@pytest.mark.parametrize("verb", ["run", "test", "check", "fix", "bench", "crash", "fuzz", "docs"])
def test_make_help_lists_every_verb(verb: str) -> None:
    told = subprocess.run(["make", "-C", str(ROOT), "help"], capture_output=True, text=True, check=True).stdout

    assert re.search(rf"make {verb} ", told)
