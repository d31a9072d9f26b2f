from __future__ import annotations

import io
import zipfile
from dataclasses import replace

from cloudstead.core.credentials.bundle import BundledThing, pack

THING = BundledThing("00000001", "certificate", "private key", "public key", "root", 1_750_000_000_000)


def unpacked(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as content:
        assert content.testzip() is None
        return {entry.filename: content.read(entry).decode() for entry in content.infolist()}


def test_each_thing_has_a_folder_with_its_files():
    assert unpacked(pack([THING, replace(THING, name="a:b", certificate="other")])) == {
        "00000001/cert.pem": "certificate",
        "00000001/privkey.pem": "private key",
        "00000001/pubkey.pem": "public key",
        "00000001/ca.pem": "root",
        "a:b/cert.pem": "other",
        "a:b/privkey.pem": "private key",
        "a:b/pubkey.pem": "public key",
        "a:b/ca.pem": "root",
    }


def test_the_same_thing_gives_the_same_bytes():
    assert pack([THING]) == pack([THING])


def test_only_the_owner_may_read_an_unpacked_private_key():
    with zipfile.ZipFile(io.BytesIO(pack([THING]))) as content:
        modes = {entry.filename: entry.external_attr >> 16 for entry in content.infolist()}
    assert modes["00000001/privkey.pem"] == 0o600
    assert modes["00000001/cert.pem"] == 0o644


def test_a_private_key_does_not_show_in_the_representation():
    assert "private key" not in repr(THING)
