"""A developer certificate as C source, to be compiled into a device's program.

The names are those that such programs look for (account management, developer certificates); everything else is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX: Final = "MBED_CLOUD_DEV_"
_GUARD: Final = "__MBED_CLOUD_DEV_CREDENTIALS_H__"
_BYTES_IN_LINE: Final = 12


@dataclass(frozen=True, slots=True)
class DeviceSource:
    """What a program is compiled with. Certificates and the key are in DER, the key as PKCS#8."""

    endpoint_name: str
    account_id: str
    bootstrap_url: str
    certificate: bytes
    bootstrap_authority: bytes
    lwm2m_authority: bytes
    private_key: bytes = field(repr=False)

    def text(self) -> str:
        """Return the file."""
        arrays = {
            "BOOTSTRAP_DEVICE_CERTIFICATE": self.certificate,
            "BOOTSTRAP_SERVER_ROOT_CA_CERTIFICATE": self.bootstrap_authority,
            "LWM2M_SERVER_ROOT_CA_CERTIFICATE": self.lwm2m_authority,
            "BOOTSTRAP_DEVICE_PRIVATE_KEY": self.private_key,
        }
        lines = [
            "/* Credentials of a developer's device, made by cloudstead. The private key below is a secret. */",
            f"#ifndef {_GUARD}",
            f"#define {_GUARD}",
            "",
            "#include <inttypes.h>",
            "",
            _text("BOOTSTRAP_ENDPOINT_NAME", self.endpoint_name),
            _text("ACCOUNT_ID", self.account_id),
            _text("BOOTSTRAP_SERVER_URI", self.bootstrap_url),
            "",
            *(line for name, content in arrays.items() for line in _array(name, content)),
            _text("MANUFACTURER", "dev_manufacturer"),
            _text("MODEL_NUMBER", "dev_model_num"),
            _text("SERIAL_NUMBER", "0"),
            _text("DEVICE_TYPE", "dev_device_type"),
            _text("HARDWARE_VERSION", "dev_hardware_version"),
            f"const uint32_t {_PREFIX}MEMORY_TOTAL_KB = 0;",
            "",
            *(f"const uint32_t {_PREFIX}{name}_SIZE = sizeof({_PREFIX}{name});" for name in arrays),
            "",
            f"#endif /* {_GUARD} */",
        ]
        return "\n".join(lines) + "\n"


def _text(name: str, value: str) -> str:
    return f'const char {_PREFIX}{name}[] = "{_escaped(value)}";'


def _escaped(value: str) -> str:
    """Return the text as the inside of a string literal: printable ASCII without quotes, the rest in octal.

    A question mark as well, of which two begin a trigraph (C11, section 5.2.1.1).
    """
    plain = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in '"\\?')
    return "".join(
        character if character in plain else "".join(f"\\{byte:03o}" for byte in character.encode())
        for character in value
    )


def _array(name: str, content: bytes) -> Iterator[str]:
    yield f"const uint8_t {_PREFIX}{name}[] = {{"
    for start in range(0, len(content), _BYTES_IN_LINE):
        yield "    " + " ".join(f"0x{byte:02x}," for byte in content[start : start + _BYTES_IN_LINE])
    yield "};"
    yield ""
