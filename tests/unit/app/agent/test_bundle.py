from __future__ import annotations

import ssl
import zipfile
from typing import TYPE_CHECKING

import pytest

from cloudstead.app.agent.bundle import BundleUnusable, read_bundle
from cloudstead.core.clock import ManualClock
from cloudstead.core.credentials.authority import Authority, create_authority
from cloudstead.core.ids import AccountId, ThingName, ThingUid

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def authority() -> Authority:
    files = create_authority(ManualClock())
    return Authority(
        files.issuing_key,
        files.issuing_certificate,
        root_certificate=files.root_certificate,
        clock=ManualClock(),
    )


def unpack(folder: Path, authority: Authority, name: str = "lamp") -> Path:
    issued = authority.issue_thing_certificate(AccountId("a" * 32), ThingName(name), thing_uid=ThingUid("b" * 32))
    (folder / name).mkdir(parents=True)
    (folder / name / "cert.pem").write_text(issued.pem)
    (folder / name / "privkey.pem").write_text(issued.private_key_pem)
    (folder / name / "ca.pem").write_text(authority.root_pem)
    return folder / name


def pack(folder: Path, file: Path) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for path in folder.glob("*/*.pem"):
            archive.write(path, path.relative_to(folder))
    return file


def test_a_things_own_folder_gives_its_name(tmp_path: Path, authority: Authority) -> None:
    assert read_bundle(unpack(tmp_path, authority), None).thing_name == "lamp"


def test_a_things_own_folder_may_be_called_anything(tmp_path: Path, authority: Authority) -> None:
    folder = unpack(tmp_path, authority).rename(tmp_path / "whatever")

    assert read_bundle(folder, "lamp").thing_name == "lamp"


def test_the_folder_above_and_the_archive_give_the_same_bundle(tmp_path: Path, authority: Authority) -> None:
    unpack(tmp_path / "things", authority)
    archive = pack(tmp_path / "things", tmp_path / "bundle.zip")

    assert read_bundle(archive, None) == read_bundle(tmp_path / "things", None)


def test_one_of_many_is_chosen_by_name(tmp_path: Path, authority: Authority) -> None:
    unpack(tmp_path / "things", authority, "lamp")
    unpack(tmp_path / "things", authority, "pump")
    archive = pack(tmp_path / "things", tmp_path / "bundle.zip")

    assert read_bundle(archive, "pump").thing_name == "pump"
    with pytest.raises(BundleUnusable, match="holds 2 things"):
        read_bundle(archive, None)
    with pytest.raises(BundleUnusable, match=r"no cert\.pem of fan"):
        read_bundle(archive, "fan")


def test_a_bundle_makes_a_context_that_trusts_its_own_authority(tmp_path: Path, authority: Authority) -> None:
    context = read_bundle(unpack(tmp_path, authority), None).tls_context(None)

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert len(context.get_ca_certs()) == 1


def test_what_is_no_bundle_is_told_in_one_line(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "junk.zip").write_bytes(b"no archive")
    (tmp_path / "empty").mkdir()
    folder = unpack(tmp_path, authority)
    (folder / "privkey.pem").unlink()

    for path in (tmp_path / "junk.zip", tmp_path / "empty", tmp_path / "nowhere", folder):
        with pytest.raises(BundleUnusable) as caught:
            read_bundle(path, None)
        assert "\n" not in str(caught.value)


def test_a_key_of_somebody_else_is_refused(tmp_path: Path, authority: Authority) -> None:
    folder = unpack(tmp_path, authority)
    other = unpack(tmp_path / "others", authority)
    (folder / "privkey.pem").write_bytes((other / "privkey.pem").read_bytes())

    with pytest.raises(BundleUnusable, match="do not belong together"):
        read_bundle(folder, None).tls_context(None)


def test_an_authority_that_is_none_is_refused(tmp_path: Path, authority: Authority) -> None:
    folder = unpack(tmp_path, authority)
    (tmp_path / "ca.pem").write_text("no certificate")

    with pytest.raises(BundleUnusable, match=r"ca\.pem"):
        read_bundle(folder, None).tls_context(tmp_path / "ca.pem")
