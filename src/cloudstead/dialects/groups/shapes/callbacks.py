"""What networks hand in, as they write it: numbers and flags come as texts from some, and are left out by others."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from msgspec import UNSET, Struct, UnsetType

from cloudstead.core.errors import InvalidField
from cloudstead.core.groups.uplinks import payload_hex

Loose: TypeAlias = str | int | float | bool | None
"""A number or a flag, or its text."""


class SigfoxData(Struct, kw_only=True, rename="camel"):
    """An uplink (Sigfox callbacks, DATA UPLINK and BIDIR)."""

    device: str
    data: str
    time: Loose = None
    seq_number: Loose = None
    ack: Loose = None
    rssi: Loose = None
    snr: Loose = None
    avg_snr: Loose = None
    station: Loose = None

    def reported(self) -> dict[str, object]:
        """Return what the device reports by it."""
        link = {"rssi": number(self.rssi), "snr": number(self.snr), "avgSnr": number(self.avg_snr)}
        told = {name: value for name, value in {**link, "station": self.station}.items() if value is not None}
        found: dict[str, object] = {"data": payload_hex(self.data)}
        return found | _moment(self.time, self.seq_number) | ({"link": told} if told else {})


class SigfoxStatus(Struct, kw_only=True, rename="camel"):
    """A status of the device (Sigfox callbacks, SERVICE STATUS)."""

    device: str
    time: Loose = None
    seq_number: Loose = None
    batt: Loose = None
    temp: Loose = None

    def reported(self) -> dict[str, object]:
        """Return what the device reports by it: volts and degrees Celsius."""
        values = {"battery": number(self.batt, "batt"), "temperature": number(self.temp, "temp")}
        return {name: value for name, value in values.items() if value is not None} | _moment(
            self.time, self.seq_number
        )


class SigfoxAcknowledge(Struct, kw_only=True, rename="camel"):
    """What has become of a downlink (Sigfox callbacks, SERVICE ACKNOWLEDGE)."""

    device: str
    time: Loose = None
    info_code: Loose = None
    info_message: str | None = None
    downlink_ack: Loose = None

    def reported(self) -> dict[str, object]:
        """Return what the device reports by it."""
        told = {
            "acknowledged": is_yes(self.downlink_ack),
            "code": number(self.info_code, "infoCode"),
            "message": self.info_message,
        }
        sent = {name: value for name, value in told.items() if value is not None}
        return {"lastDownlink": sent} | _moment(self.time, None)


class SigfoxLocation(Struct, kw_only=True, rename="camel"):
    """Where the network takes the device to be (Sigfox callbacks, SERVICE GEOLOC)."""

    device: str
    lat: Loose
    lng: Loose
    radius: Loose = None
    time: Loose = None
    seq_number: Loose = None

    def reported(self) -> dict[str, object]:
        """Return what the device reports by it: degrees and metres."""
        place = {
            "lat": number(self.lat, "lat"),
            "lng": number(self.lng, "lng"),
            "radius": number(self.radius, "radius"),
        }
        return {"position": {name: value for name, value in place.items() if value is not None}} | _moment(
            self.time, self.seq_number
        )


class LoRaUplink(Struct, kw_only=True):
    """An uplink of a LoRaWAN device, as ThingPark writes it."""

    DevEUI: str
    payload_hex: str = ""
    Time: str | None = None
    FCntUp: Loose = None
    FPort: Loose = None
    LrrRSSI: Loose = None
    LrrSNR: Loose = None

    def reported(self) -> dict[str, object]:
        """Return what the device reports by it."""
        link = {"rssi": number(self.LrrRSSI, "LrrRSSI"), "snr": number(self.LrrSNR, "LrrSNR")}
        told = {name: value for name, value in link.items() if value is not None}
        found: dict[str, object] = {"data": payload_hex(self.payload_hex, field="DevEUI_uplink.payload_hex")}
        port = number(self.FPort, "FPort")
        moment = _moment(None if self.Time is None else _seconds(self.Time), self.FCntUp)
        return found | moment | ({} if port is None else {"port": port}) | ({"link": told} if told else {})


class ActilityData(Struct, kw_only=True):
    """What Actility's ThingPark posts."""

    DevEUI_uplink: LoRaUplink | UnsetType = UNSET


class Downlink(Struct, kw_only=True, rename="camel", omit_defaults=True):
    """What a device is to be sent: 8 bytes in hexadecimal digits, or nothing."""

    downlink_data: str | None = None
    no_data: bool = False


def number(sent: Loose, field: str = "") -> float | int | None:
    """Read a number that may be a text; raise ``InvalidField`` for any other text."""
    if sent is None or sent == "" or isinstance(sent, bool):
        return None
    try:
        value = float(sent)
    except ValueError:
        raise InvalidField(field or "rssi, snr or avgSnr", "must be a number") from None
    if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124 - the one number that differs from itself
        raise InvalidField(field or "rssi, snr or avgSnr", "must be a number")
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def is_yes(sent: Loose) -> bool:
    """Read a flag that may be a text."""
    return sent is True or str(sent).lower() in {"true", "1", "yes"}


def _moment(time: Loose, seq_number: Loose) -> dict[str, object]:
    told = {"time": number(time, "time"), "seqNumber": number(seq_number, "seqNumber")}
    return {name: value for name, value in told.items() if value is not None}


def _seconds(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        raise InvalidField("DevEUI_uplink.Time", "must be a time such as 2026-03-01T10:00:00+00:00") from None
