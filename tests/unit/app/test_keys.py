from __future__ import annotations

import ssl
import stat
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from cloudstead.app.data_folder import DataFolder
from cloudstead.app.errors import CannotStart
from cloudstead.app.keys import open_keys, require_certificate, server_certificate, server_names
from cloudstead.app.settings import HttpsSettings, MqttsSettings, PublicSettings, Settings
from cloudstead.core.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = ["cloud.example", "localhost", "127.0.0.1", "::1"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DataFolder]:
    held = DataFolder.hold(tmp_path / "data")
    yield held
    held.release()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_the_secrets_are_made_once_and_then_read(folder: DataFolder, clock: ManualClock) -> None:
    first = open_keys(folder, clock)
    second = open_keys(folder, clock)

    assert second.authority.root_pem == first.authority.root_pem
    assert second.signing_key.kid == first.signing_key.kid
    assert second.sealer.open(first.sealer.seal(b"x", "test"), "test") == b"x"


def test_every_secret_is_its_owners_alone_and_the_authority_is_everybodys(
    folder: DataFolder, clock: ManualClock
) -> None:
    keys = open_keys(folder, clock)
    server_certificate(folder, keys.authority, NAMES, clock)

    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.keys.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(folder.ca_file.stat().st_mode) == 0o644
    assert folder.ca_file.read_text() == keys.authority.root_pem


def test_a_lost_authority_file_for_clients_is_written_again(folder: DataFolder, clock: ManualClock) -> None:
    open_keys(folder, clock)
    folder.ca_file.unlink()

    keys = open_keys(folder, clock)

    assert folder.ca_file.read_text() == keys.authority.root_pem


def test_a_missing_installation_key_is_never_replaced_by_a_new_one(folder: DataFolder, clock: ManualClock) -> None:
    open_keys(folder, clock)
    (folder.keys / "installation.key").unlink()

    with pytest.raises(CannotStart, match="missing"):
        open_keys(folder, clock)


@pytest.mark.parametrize(("content", "message"), [("zz", "damaged"), ("00" * 32, "is not the key")])
def test_a_wrong_installation_key_is_told(folder: DataFolder, clock: ManualClock, content: str, message: str) -> None:
    open_keys(folder, clock)
    (folder.keys / "installation.key").write_text(content)

    with pytest.raises(CannotStart, match=message):
        open_keys(folder, clock)


def test_the_server_certificate_is_kept_while_it_will_do(folder: DataFolder, clock: ManualClock) -> None:
    authority = open_keys(folder, clock).authority
    certificate, key = server_certificate(folder, authority, NAMES, clock)
    before = certificate.read_bytes()

    server_certificate(folder, authority, NAMES[::-1], clock)

    assert certificate.read_bytes() == before
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)


def test_another_name_a_coming_end_and_another_authority_renew_the_server_certificate(
    folder: DataFolder, clock: ManualClock, tmp_path: Path
) -> None:
    authority = open_keys(folder, clock).authority
    certificate, key = server_certificate(folder, authority, NAMES, clock)
    seen = {certificate.read_bytes()}

    server_certificate(folder, authority, [*NAMES, "other.example"], clock)
    seen.add(certificate.read_bytes())
    clock.advance(timedelta(days=300))
    server_certificate(folder, authority, [*NAMES, "other.example"], clock)
    seen.add(certificate.read_bytes())
    stranger = DataFolder.hold(tmp_path / "stranger")
    server_certificate(folder, open_keys(stranger, clock).authority, [*NAMES, "other.example"], clock)
    seen.add(certificate.read_bytes())
    stranger.release()

    assert len(seen) == 4
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)


def test_a_certificate_without_its_key_is_replaced(folder: DataFolder, clock: ManualClock) -> None:
    authority = open_keys(folder, clock).authority
    certificate, key = server_certificate(folder, authority, NAMES, clock)
    key.unlink()

    server_certificate(folder, authority, NAMES, clock)

    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)


def test_the_server_certificate_has_every_name(folder: DataFolder, clock: ManualClock) -> None:
    certificate, _ = server_certificate(folder, open_keys(folder, clock).authority, NAMES, clock)

    parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["cloud.example", "localhost"]


def test_this_machine_is_always_among_the_names() -> None:
    names = server_names(Settings(public=PublicSettings(hostname="cloud.example", other_names=("192.0.2.7",))))

    assert names == ["cloud.example", "192.0.2.7", "localhost", "127.0.0.1", "::1"]


def test_a_listener_on_one_address_adds_that_address() -> None:
    assert "192.0.2.9" in server_names(Settings(mqtts=MqttsSettings(address="192.0.2.9:8883")))


def test_a_listener_on_all_interfaces_adds_no_wildcard() -> None:
    names = server_names(Settings(mqtts=MqttsSettings(address="*:8883")))

    assert {"0.0.0.0", "::"}.isdisjoint(names)


def test_a_certificate_of_the_operators_is_refused_with_what_is_wrong_with_it(
    folder: DataFolder, clock: ManualClock, tmp_path: Path
) -> None:
    keys = open_keys(folder, clock)
    certificate, key = server_certificate(folder, keys.authority, NAMES, clock)
    stranger = tmp_path / "stranger.key"
    stranger.write_text(keys.authority.issue_server_certificate(NAMES).private_key_pem)
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")

    require_certificate(HttpsSettings(certificate_file=str(certificate), private_key_file=str(key)))
    for given, its_key, reason in (
        (junk, key, "junk.pem is no certificate"),
        (certificate, junk, "junk.pem is no private key"),
        (certificate, stranger, "do not belong together"),
    ):
        with pytest.raises(CannotStart, match=reason):
            require_certificate(HttpsSettings(certificate_file=str(given), private_key_file=str(its_key)))
