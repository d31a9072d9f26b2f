"""The data types of MQTT (MQTT 5, section 1.5), read within the bounds of one frame."""

from struct import Struct

from cloudstead.protocols.mqtt.errors import MalformedPacket

MAX_VARIABLE_INTEGER = 268_435_455
MAX_TEXT_BYTES = 65_535

_pack_u16 = Struct(">H").pack
_pack_u32 = Struct(">I").pack


class Reader:
    """Reads values one after another and never beyond the end of the frame, whatever else the buffer holds."""

    __slots__ = ("data", "end", "pos")

    def __init__(self, data: bytes, pos: int, end: int) -> None:
        self.data = data
        self.pos = pos
        self.end = end

    def u8(self) -> int:
        """Read one byte."""
        pos = self.pos
        if pos >= self.end:
            raise MalformedPacket("packet ends too early")
        self.pos = pos + 1
        return self.data[pos]

    def u16(self) -> int:
        """Read a two byte integer."""
        return int.from_bytes(self.raw(2), "big")

    def u32(self) -> int:
        """Read a four byte integer."""
        return int.from_bytes(self.raw(4), "big")

    def variable(self) -> int:
        """Read a variable byte integer; more bytes than needed are refused (MQTT-1.5.5-1)."""
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if byte == 0 and shift:
                    raise MalformedPacket("variable byte integer is longer than needed")
                return value
            shift += 7
            if shift > 21:
                raise MalformedPacket("variable byte integer is too long")

    def raw(self, size: int) -> bytes:
        """Read that many bytes."""
        pos = self.pos
        stop = pos + size
        if stop > self.end:
            raise MalformedPacket("packet ends too early")
        self.pos = stop
        return self.data[pos:stop]

    def binary(self) -> bytes:
        """Read binary data with a two byte length before it."""
        return self.raw(self.u16())

    def text(self) -> str:
        """Read a UTF-8 string with a two byte length before it."""
        return decode_text(self.raw(self.u16()))

    def is_at_end(self) -> bool:
        """Whether everything was read."""
        return self.pos >= self.end

    def finish(self) -> None:
        """Refuse bytes that belong to no field."""
        if self.pos != self.end:
            raise MalformedPacket("packet is longer than its fields")


def decode_text(raw: bytes) -> str:
    """Decode a UTF-8 string strictly: no surrogates (Python refuses them) and no NUL (MQTT 5, section 1.5.4)."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise MalformedPacket("string is not UTF-8") from None
    if "\0" in text:
        raise MalformedPacket("string holds a NUL")
    return text


def encode_variable(value: int) -> bytes:
    """Encode a variable byte integer."""
    if value < 128:
        return bytes((value,))
    if value < 16_384:
        return bytes((value & 0x7F | 0x80, value >> 7))
    if value > MAX_VARIABLE_INTEGER:
        raise ValueError("value does not fit a variable byte integer")
    out = bytearray()
    while value > 127:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_u16(value: int) -> bytes:
    """Encode a two byte integer."""
    return _pack_u16(value)


def encode_u32(value: int) -> bytes:
    """Encode a four byte integer."""
    return _pack_u32(value)


def encode_binary(value: bytes) -> bytes:
    """Encode binary data with its length before it; at most 65,535 bytes."""
    if len(value) > MAX_TEXT_BYTES:
        raise ValueError("at most 65,535 bytes fit a length-prefixed field")
    return _pack_u16(len(value)) + value


def encode_text(value: str) -> bytes:
    """Encode a UTF-8 string with its length before it."""
    return encode_binary(value.encode())
