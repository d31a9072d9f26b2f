from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.core.credentials.errors import SealBroken
from cloudstead.core.credentials.sealing import InstallationKey, Sealer

SEALER = Sealer(InstallationKey(bytes(range(32))))


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=500))
def test_what_was_sealed_opens_again(plain):
    assert SEALER.open(SEALER.seal(plain, "purpose"), "purpose") == plain


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=60), st.data())
def test_a_single_changed_bit_breaks_the_seal(plain, data):
    sealed = bytearray(SEALER.seal(plain, "purpose"))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(SealBroken):
        SEALER.open(bytes(sealed), "purpose")


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=100))
def test_bytes_that_nobody_sealed_do_not_open(noise):
    with pytest.raises(SealBroken):
        SEALER.open(noise, "purpose")


def test_a_seal_of_another_purpose_does_not_open():
    with pytest.raises(SealBroken):
        SEALER.open(SEALER.seal(b"plain", "one"), "other")


def test_a_seal_of_another_installation_does_not_open():
    other = Sealer(InstallationKey.generate())
    with pytest.raises(SealBroken):
        other.open(SEALER.seal(b"plain", "purpose"), "purpose")


def test_the_same_secret_looks_different_each_time():
    assert SEALER.seal(b"plain", "purpose") != SEALER.seal(b"plain", "purpose")


def test_a_derived_value_depends_on_installation_purpose_and_message():
    values = {
        SEALER.derive("a", b"x"),
        SEALER.derive("a", b"y"),
        SEALER.derive("b", b"x"),
        Sealer(InstallationKey(bytes(32))).derive("a", b"x"),
    }
    assert len(values) == 4
    assert Sealer(InstallationKey(bytes(range(32)))).derive("a", b"x") in values


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_an_installation_key_has_32_bytes(length):
    with pytest.raises(ValueError, match="32 bytes"):
        InstallationKey(bytes(length))


def test_an_installation_key_does_not_show_itself():
    assert "secret" not in repr(InstallationKey(b"secret" + bytes(26)))
