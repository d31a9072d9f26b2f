"""The input of one connection: cuts the byte stream into frames without copying more than it must."""

from cloudstead.protocols.mqtt import reasons
from cloudstead.protocols.mqtt.decode import decode_remaining_length
from cloudstead.protocols.mqtt.errors import LimitExceeded

# Before anyone is let in, a packet may be as large as a CONNECT with the largest will of either profile's text limits.
MAX_CONNECT_BYTES = 136 * 1024


class Inbox:
    """Holds what was received and not parsed yet.

    Frames are parsed in place, out of `data` from `pos` on. The beginning of a frame whose end has not come is kept
    apart in a growing buffer, so that a peer who sends byte by byte costs one copy per frame and not one per byte.
    """

    __slots__ = ("_missing", "_partial", "data", "max_frame_bytes", "pos")

    def __init__(self) -> None:
        self.data = b""
        self.pos = 0
        self.max_frame_bytes = MAX_CONNECT_BYTES
        self._partial = bytearray()
        self._missing = 0

    @property
    def has_whole_frames(self) -> bool:
        """Whether frames wait that were left because their receiver could not go on."""
        return self.pos < len(self.data)

    def feed(self, data: bytes) -> None:
        """Append bytes from the network."""
        if self._partial:
            self._partial += data
            if len(self._partial) < self._missing:
                return
            data = bytes(self._partial)
            self._partial = bytearray()
        elif self.pos < len(self.data):
            if not data:
                return
            data = self.data[self.pos :] + data
        self.data = data
        self.pos = 0

    def frame(self) -> tuple[int, int, int] | None:
        """Return first byte, begin and end of the body of the next frame; take it by setting `pos` to the end.

        None when no whole frame is left. Raises as soon as the header shows that a frame is too large or malformed.
        """
        data = self.data
        pos = self.pos
        size = len(data)
        if pos == size:  # as after nearly every message
            self.data = b""
            self.pos = 0
            return None
        if size - pos < 2:
            self._wait(2)
            return None
        length = data[pos + 1]
        body = pos + 2
        if length > 127:
            second = data[body] if body < size else 0
            if 0 < second < 128:  # two bytes, as of nearly every message: told here, without a call
                length += (second << 7) - 128
                body += 1
            else:
                found = decode_remaining_length(data, pos + 1, size)
                if found is None:
                    self._wait(size - pos + 1)
                    return None
                length, body = found
        end = body + length
        if end - pos > self.max_frame_bytes:
            raise LimitExceeded(reasons.PACKET_TOO_LARGE, f"packet is larger than {self.max_frame_bytes} bytes")
        if end > size:
            self._wait(end - pos)
            return None
        return data[pos], body, end

    @property
    def first_byte(self) -> int | None:
        """The first byte of a frame that is not whole yet."""
        return self._partial[0] if self._partial else None

    def clear(self) -> None:
        """Forget everything."""
        self.data = b""
        self.pos = 0
        self._partial = bytearray()

    def _wait(self, missing: int) -> None:
        if self.pos < len(self.data):
            self._partial = bytearray(self.data[self.pos :])
            self._missing = missing
        self.data = b""
        self.pos = 0
