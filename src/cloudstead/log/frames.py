"""The bytes of a segment file: its header, and one frame per record.

Header, 40 bytes, little-endian: magic (8), format version (u32), salt (u32), first offset (u64), time of creation in
milliseconds (u64), CRC-32 of what precedes (u32), padding (u32).

Frame: CRC-32 (u32), length of the whole frame with the top bit set on the first frame of a batch (u32), offset (u64),
payload. The checksum covers all that follows it and starts from the segment's salt. Free space is zeros, and no frame
has a length of zero.

The first-of-batch bit tells a torn tail from damage. A batch is written only after the batch before it is on disk, so a
sound first frame behind a broken one proves that the broken one had been acknowledged. The salt keeps a device from
planting such a frame inside a payload.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from cloudstead.log.errors import LogCorrupt, LogFormatUnknown, RecordTooLarge

VERSION = 1
MAX_RECORD_BYTES = 16 << 20
HEADER_BYTES = 40
FRAME_BYTES = 16

_MAGIC = b"CLDSTLOG"
_HEADER = struct.Struct("<8sIIQQ")
_HEADER_CHECK = struct.Struct("<II")
_FRAME = struct.Struct("<IIQ")
_CHECKED = struct.Struct("<IQ")
_FIRST_OF_BATCH = 1 << 31
_LENGTH_MASK = _FIRST_OF_BATCH - 1
_CHUNK_BYTES = 256 << 10

ReadAt = Callable[[int, int], bytes]
"""Read up to a number of bytes from a position: `(length, position) -> bytes`."""


Frame = tuple[int, int, bytes]
"""One record as it lies in the file: (offset, position, payload). A plain tuple: a named one costs 0.2 us more."""


class FrameBroken(Exception):
    """The bytes at a position are neither a sound frame nor free space."""

    def __init__(self, position: int, offset: int) -> None:
        super().__init__(f"no sound frame for offset {offset} at byte {position}")
        self.position = position
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Header:
    """What a segment says about itself."""

    first_offset: int
    created_ms: int
    salt: int


def encode_header(header: Header) -> bytes:
    """Write a segment's header."""
    body = _HEADER.pack(_MAGIC, VERSION, header.salt, header.first_offset, header.created_ms)
    return body + _HEADER_CHECK.pack(crc32(body), 0)


def decode_header(content: bytes, path: Path) -> Header:
    """Read a segment's header and compare it with the file's name."""
    if len(content) < HEADER_BYTES or not content.startswith(_MAGIC):
        raise LogCorrupt(path, 0, "this is not a log segment")
    _, version, salt, first_offset, created_ms = _HEADER.unpack_from(content)
    if version != VERSION:
        raise LogFormatUnknown(path, version)
    checksum, _ = _HEADER_CHECK.unpack_from(content, _HEADER.size)
    if checksum != crc32(content[: _HEADER.size]):
        raise LogCorrupt(path, 0, "the header's checksum does not match")
    if path.stem != f"{first_offset:020d}":
        raise LogCorrupt(path, 0, f"its name does not fit its first offset {first_offset}")
    return Header(first_offset=first_offset, created_ms=created_ms, salt=salt)


def encode_batch(payloads: Sequence[bytes], first_offset: int, salt: int) -> list[bytes]:
    """Write one batch as buffers for a gathered write: a frame head and a payload in turn."""
    buffers: list[bytes] = []
    flag = _FIRST_OF_BATCH
    for offset, payload in enumerate(payloads, first_offset):
        if len(payload) > MAX_RECORD_BYTES:
            raise RecordTooLarge(len(payload), MAX_RECORD_BYTES)
        length = FRAME_BYTES + len(payload) | flag
        checksum = crc32(payload, crc32(_CHECKED.pack(length, offset), salt))
        buffers += (_FRAME.pack(checksum, length, offset), payload)
        flag = 0
    return buffers


def walk(read_at: ReadAt, header: Header, *, position: int, offset: int, end: int) -> Iterator[Frame]:
    """Yield the frames from `position` on, which holds `offset`, until `end` or free space.

    Raises `FrameBroken` where a frame should be and is not. The file is read in chunks and never mapped: a page that
    the disk cannot deliver would kill the process instead of raising an error.
    """
    chunk, view, at = b"", memoryview(b""), 0
    salt = header.salt
    while position < end:
        if len(chunk) - at < FRAME_BYTES:
            chunk, at = read_at(min(_CHUNK_BYTES, end - position), position).ljust(FRAME_BYTES, b"\0"), 0
            view = memoryview(chunk)
        checksum, length, found = _FRAME.unpack_from(chunk, at)
        length &= _LENGTH_MASK
        if not length:
            return
        if found != offset or length < FRAME_BYTES or length > end - position:
            raise FrameBroken(position, offset)
        if len(chunk) - at < length:
            chunk, at = read_at(max(length, min(_CHUNK_BYTES, end - position)), position), 0
            view = memoryview(chunk)
        behind = at + length
        if crc32(view[at + 4 : behind], salt) != checksum:
            raise FrameBroken(position, offset)
        yield offset, position, chunk[at + FRAME_BYTES : behind]
        at = behind
        position += length
        offset += 1


def holds_later_batch(rest: bytes, header: Header, broken_offset: int) -> bool:
    """Say whether the bytes behind a broken frame hold the beginning of a batch written after it."""
    view = memoryview(rest)
    highest = broken_offset + len(rest) // FRAME_BYTES
    for at in range(1, len(rest) - FRAME_BYTES + 1):
        checksum, length, offset = _FRAME.unpack_from(rest, at)
        if not length & _FIRST_OF_BATCH or not broken_offset < offset <= highest:
            continue
        end = at + (length & _LENGTH_MASK)
        if at + FRAME_BYTES <= end <= len(rest) and crc32(view[at + 4 : end], header.salt) == checksum:
            return True
    return False
