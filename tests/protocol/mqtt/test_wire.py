import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.protocols.mqtt.errors import MalformedPacket
from cloudstead.protocols.mqtt.wire import (
    MAX_VARIABLE_INTEGER,
    Reader,
    decode_text,
    encode_binary,
    encode_text,
    encode_u16,
    encode_u32,
    encode_variable,
)


def reader(data: bytes) -> Reader:
    return Reader(data, 0, len(data))


@given(st.integers(0, MAX_VARIABLE_INTEGER))
def test_a_variable_byte_integer_survives_the_wire(value):
    assert reader(encode_variable(value)).variable() == value


@pytest.mark.parametrize(
    ("value", "size"), [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (2_097_151, 3), (2_097_152, 4)]
)
def test_a_variable_byte_integer_takes_as_few_bytes_as_possible(value, size):
    assert len(encode_variable(value)) == size


def test_what_is_too_large_for_a_variable_byte_integer_is_refused():
    with pytest.raises(ValueError, match="variable byte integer"):
        encode_variable(MAX_VARIABLE_INTEGER + 1)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x00", b"\xff\xff\xff\xff\x7f", b"\x81\x80\x80\x80\x00"])
def test_a_cut_off_or_padded_variable_byte_integer_is_malformed(data):
    with pytest.raises(MalformedPacket):
        reader(data).variable()


def test_nothing_is_read_beyond_the_end_of_the_frame():
    for read in (Reader.u8, Reader.u16, Reader.u32, Reader.variable, Reader.binary, Reader.text):
        with pytest.raises(MalformedPacket):
            read(Reader(bytes(100), 10, 10))
    with pytest.raises(MalformedPacket):
        Reader(b"\0\5hello", 0, 6).text()


def test_fixed_size_integers_survive_the_wire():
    read = reader(encode_u16(258) + encode_u32(16_909_060) + b"\7")
    assert (read.u16(), read.u32(), read.u8()) == (258, 16_909_060, 7)
    read.finish()


def test_bytes_that_belong_to_no_field_are_malformed():
    with pytest.raises(MalformedPacket):
        reader(b"x").finish()


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50))
def test_a_text_survives_the_wire(text):
    assert reader(encode_text(text)).text() == text


@pytest.mark.parametrize("raw", [b"a\0b", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xed\xa0\x80\xed\xb0\x80", b"\xf8"])
def test_nul_surrogates_and_other_encodings_are_no_text(raw):
    with pytest.raises(MalformedPacket):
        decode_text(raw)


def test_a_byte_order_mark_is_an_ordinary_character():
    assert decode_text(b"\xef\xbb\xbfa") == "\ufeffa"


def test_binary_data_has_at_most_65535_bytes():
    assert reader(encode_binary(bytes(65_535))).binary() == bytes(65_535)
    with pytest.raises(ValueError, match="65,535"):
        encode_binary(bytes(65_536))
