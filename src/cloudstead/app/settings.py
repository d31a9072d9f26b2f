"""What an operator may set: typed sections, read from flags, environment, file and defaults, in that order.

The only module that reads the environment. An unknown key is an error that names where it stands, because a setting
that is misspelt and silently ignored is worse than none. ``docs/reference/settings.md`` is generated from here.
"""

from __future__ import annotations

import ipaddress
import tomllib
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from cloudstead.app.addresses import is_host, parse_address, require_host, without_password
from cloudstead.app.http_room import MAX_CONNECTIONS, MAX_OF_AN_ADDRESS
from cloudstead.app.settings_outside import (
    AwsSettings,
    BootstrapSettings,
    Lwm2mSettings,
    MailSettings,
    WebhookSettings,
)
from cloudstead.app.settings_section import Section
from cloudstead.core.files.paths import MAX_PREFIX_BYTES, is_storable
from cloudstead.core.files.pictures import MAX_IMAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.app.addresses import Address

Tree = dict[str, dict[str, Any]]

_PREFIX = "CLOUDSTEAD_"


class BadSetting(Exception):
    """A setting is unknown, malformed or contradicts another one; the message is one line and names it."""


class DataSettings(Section, frozen=True):
    """Where everything that must survive a restart is kept."""

    folder: Annotated[
        str,
        Meta(description="Folder of the state, the log, the observations and the keys; made when it is missing."),
    ] = "data"


class ListenerSettings(Section, frozen=True):
    """A listener, given as ``HOST:PORT``."""

    address: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no address."""
        parse_address(self.address)

    @property
    def bind(self) -> Address | None:
        """The address to listen on; ``None`` when the listener is off."""
        return parse_address(self.address)


class HttpSettings(ListenerSettings, frozen=True):
    """Plain HTTP: for this machine, or behind a proxy that ends TLS."""

    address: Annotated[
        str, Meta(description="`HOST:PORT` of the plain listener; `*` is every IPv4 address, empty is off.")
    ] = "127.0.0.1:8080"
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(description="Addresses or networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."),
    ] = ()

    def __post_init__(self) -> None:
        """Refuse what is no address or network."""
        parse_address(self.address)
        for network in self.trusted_proxies:
            ipaddress.ip_network(network, strict=False)


class HttpsSettings(ListenerSettings, frozen=True):
    """HTTP over TLS, with a certificate of our own authority unless another one is given."""

    address: Annotated[str, Meta(description="`HOST:PORT` of the TLS listener; empty is off.")] = "127.0.0.1:8443"
    certificate_file: Annotated[
        str, Meta(description="PEM file with the server's certificate chain; empty for one of our own authority.")
    ] = ""
    private_key_file: Annotated[str, Meta(description="PEM file with the private key of that certificate.")] = ""


class MqttsSettings(ListenerSettings, frozen=True):
    """MQTT over TLS with client certificates: the door for devices."""

    address: Annotated[str, Meta(description="`HOST:PORT` of the devices' listener; empty is off.")] = "127.0.0.1:8883"


class MqttSettings(ListenerSettings, frozen=True):
    """MQTT without TLS, for closed networks; people sign in with a user name and a token."""

    address: Annotated[str, Meta(description="`HOST:PORT` of the plain MQTT listener; empty is off.")] = ""


class ThingEventSettings(ListenerSettings, frozen=True):
    """Socket.IO over TLS for pages of 2017: the deprecated Thing Event service of Cloud Connect."""

    address: Annotated[str, Meta(description="`HOST:PORT` of the Socket.IO listener; empty is off.")] = "127.0.0.1:8444"


class PublicSettings(Section, frozen=True):
    """The names under which the outside world knows this installation."""

    hostname: Annotated[str, Meta(description="Host name in printed addresses, the manifest and certificates.")] = (
        "localhost"
    )
    url: Annotated[
        str,
        Meta(
            description=(
                "`https://host`, where the links in mails lead when a proxy stands before us; empty for our listener."
            )
        ),
    ] = ""
    other_names: Annotated[
        tuple[str, ...], Meta(description="Further host names and IP addresses for our own server certificate.")
    ] = ()
    region: Annotated[
        str,
        Meta(
            description="Region in AWS-style names and signatures.",
            pattern="^[a-z]{2}(-[a-z]+)+-[0-9]$",
            extra={"expected": "a name such as eu-west-1: two letters, words and a digit, with hyphens in between"},
        ),
    ] = "eu-west-1"
    stack: Annotated[
        str,
        Meta(
            description="Short name of the environment; it stands before generated names unless it is `prod`.",
            pattern="^[a-z][a-z0-9]{0,30}$",
            extra={"expected": "up to 31 lower-case letters and digits, a letter first"},
        ),
    ] = "prod"

    def __post_init__(self) -> None:
        """Refuse what can be no host name."""
        for name in (self.hostname, *self.other_names):
            if not is_host(name):
                raise ValueError(f"{name!r} is neither a lower-case host name nor an IP address")
        if self.url and urlsplit(self.url).scheme not in {"http", "https"}:
            raise ValueError("url: the address begins with http:// or https://")
        if self.url:
            require_host(self.url)


class LogSettings(Section, frozen=True):
    """The commit log: how much of it is kept after everything that follows it has seen it."""

    keep_days: Annotated[int, Meta(description="Days that log records are kept; 0 keeps them for ever.", ge=0)] = 7
    keep_megabytes: Annotated[
        int,
        Meta(description="Size at which the oldest log segments go even when they are younger; 0 is no limit.", ge=0),
    ] = 10_240
    segment_megabytes: Annotated[int, Meta(description="Size at which a new log segment begins.", ge=1, le=1024)] = 64
    commit_window_ms: Annotated[
        float,
        Meta(description="Longest time that a busy writer gathers records before it makes them durable.", ge=0, le=100),
    ] = 2.0


class StorageSettings(Section, frozen=True):
    """Where the state is kept."""

    url: Annotated[
        str,
        Meta(
            description="`postgresql://...` for PostgreSQL; empty for SQLite in the data folder.",
            extra={"secret": True},
        ),
    ] = ""

    def __post_init__(self) -> None:
        """Refuse addresses of engines that there is no adapter for."""
        if self.url and urlsplit(self.url).scheme not in {"postgresql", "sqlite"}:
            raise ValueError("url: the address begins with postgresql:// or sqlite://")

    def __repr__(self) -> str:
        """Show the address without its password."""
        return f"{type(self).__name__}(url={without_password(self.url)!r})"


class ObservationSettings(Section, frozen=True):
    """Where observations are kept and searched."""

    url: Annotated[
        str,
        Meta(
            description="`http(s)://user:password@host:port/database` of a ClickHouse server; empty: the embedded one.",
            extra={"secret": True},
        ),
    ] = ""
    keep_days: Annotated[int, Meta(description="Days that observations are kept; 0 keeps them for ever.", ge=0)] = 0
    memory_megabytes: Annotated[
        int, Meta(description="Memory that one search may take before it is refused.", ge=64)
    ] = 1024

    def __post_init__(self) -> None:
        """Refuse addresses of engines that there is no adapter for."""
        if self.url and urlsplit(self.url).scheme not in {"http", "https"}:
            raise ValueError("url: the address begins with http:// or https://")
        if self.url:
            require_host(self.url)

    def __repr__(self) -> str:
        """Show the settings without the password."""
        return (
            f"{type(self).__name__}(url={without_password(self.url)!r}, keep_days={self.keep_days}, "
            f"memory_megabytes={self.memory_megabytes})"
        )


class ObjectSettings(Section, frozen=True):
    """Where files and archives are kept."""

    url: Annotated[
        str, Meta(description="`s3://bucket/prefix` for a bucket of S3; empty for the folder `objects` of the data.")
    ] = ""
    region: Annotated[str, Meta(description="Region of the bucket; empty for the one of `public`.")] = ""
    endpoint: Annotated[
        str, Meta(description="`http(s)://host:port` of a store that speaks S3; empty for Amazon's own.")
    ] = ""
    access_key_id: Annotated[
        str, Meta(description="Access key of the bucket; empty for `AWS_ACCESS_KEY_ID` or the machine's own role.")
    ] = ""
    secret_access_key: Annotated[str, Meta(description="Secret of that access key.", extra={"secret": True})] = ""

    def __post_init__(self) -> None:
        """Refuse what names no bucket, and half of a pair of keys."""
        parts = urlsplit(self.url)
        if self.url and (parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment):
            raise ValueError("url: the address is s3://bucket, or s3://bucket/prefix")
        if len(parts.path.strip("/").encode()) > MAX_PREFIX_BYTES or not is_storable(parts.path.strip("/") or "-"):
            raise ValueError(f"url: the prefix has at most {MAX_PREFIX_BYTES} bytes and no empty part")
        if self.endpoint and urlsplit(self.endpoint).scheme not in {"http", "https"}:
            raise ValueError("endpoint: the address begins with http:// or https://")
        if self.endpoint:
            require_host(self.endpoint, field="endpoint")
        if bool(self.access_key_id) != bool(self.secret_access_key):
            raise ValueError("access_key_id and secret_access_key are given together or not at all")

    def __repr__(self) -> str:
        """Show the settings without the secret."""
        return f"{type(self).__name__}(url={self.url!r}, region={self.region!r}, endpoint={self.endpoint!r})"


class ArchiveSettings(Section, frozen=True):
    """The archive of raw messages, in objects of five minutes or 5 MB."""

    enabled: Annotated[
        bool, Meta(description="Whether every update message goes into the archive, and the log is kept until it has.")
    ] = True
    keep_days: Annotated[
        int, Meta(description="Days that archived messages are kept; 0 keeps them for ever.", ge=0)
    ] = 0


class JobSettings(Section, frozen=True):
    """Background work and deliveries: how long what is finished can be looked at."""

    keep_done_days: Annotated[int, Meta(description="Days that jobs which are done can be looked at.", ge=0)] = 7
    keep_dead_days: Annotated[
        int, Meta(description="Days that dead letters are kept, with what they say, and can be revived.", ge=0)
    ] = 30


class BrandingSettings(Section, frozen=True):
    """The look that accounts give to their pages and mails."""

    max_image_bytes: Annotated[
        int, Meta(description="Size of the largest image that is taken.", ge=1024, le=MAX_IMAGE_BYTES)
    ] = 1 << 20


class DemoSettings(Section, frozen=True):
    """What ``cloudstead demo`` makes on an empty data folder."""

    account: Annotated[str, Meta(description="Name of the account.", min_length=1)] = "Demo"
    user_name: Annotated[str, Meta(description="User name of its administrator.", min_length=1)] = "admin"
    mqtt_profile: Annotated[
        str,
        Meta(
            description="Limits of its MQTT clients: `aws-2017`, or `standard` with persistent sessions and QoS 2.",
            pattern="^(aws-2017|standard)$",
            extra={"expected": "aws-2017 or standard"},
        ),
    ] = "aws-2017"
    interval_s: Annotated[float, Meta(description="Seconds between two reports of this machine.", ge=0.2, le=3600)] = (
        1.0
    )


class LoggingSettings(Section, frozen=True):
    """What the process says about itself, on its standard error."""

    format: Annotated[
        str,
        Meta(
            description="`json`, `console`, or `auto`: console on a terminal, json elsewhere.",
            pattern="^(auto|json|console)$",
            extra={"expected": "auto, json or console"},
        ),
    ] = "auto"
    level: Annotated[
        str,
        Meta(
            description="`debug`, `info`, `warning` or `error`.",
            pattern="^(debug|info|warning|error)$",
            extra={"expected": "debug, info, warning or error"},
        ),
    ] = "info"


class PeopleSettings(Section, frozen=True):
    """How people come in."""

    sign_up: Annotated[
        bool, Meta(description="Whether people may sign up by themselves; they see nothing until they are let in.")
    ] = True


class LimitSettings(Section, frozen=True):
    """Bounds that keep one client from disturbing the others."""

    connections: Annotated[int, Meta(description="Device and live connections at one time.", ge=1)] = 20_000
    http_connections: Annotated[
        int, Meta(description="HTTP connections at one time, all listeners together; WebSockets count above.", ge=1)
    ] = MAX_CONNECTIONS
    http_connections_per_address: Annotated[
        int, Meta(description="Of these, how many may come from one address, a proxy's included; 0 is no bound.", ge=0)
    ] = MAX_OF_AN_ADDRESS
    enrolled_devices: Annotated[
        int,
        Meta(description="Devices of one account that may come with certificates of its trusted certificates.", ge=0),
    ] = 10_000
    accepts_per_tick: Annotated[
        int, Meta(description="TLS handshakes begun in one turn of the event loop; a storm of devices queues up.", ge=1)
    ] = 32


class Settings(Section, frozen=True):
    """All settings of a process."""

    data: DataSettings = DataSettings()
    http: HttpSettings = HttpSettings()
    https: HttpsSettings = HttpsSettings()
    mqtts: MqttsSettings = MqttsSettings()
    mqtt: MqttSettings = MqttSettings()
    thing_event: ThingEventSettings = ThingEventSettings()
    public: PublicSettings = PublicSettings()
    log: LogSettings = LogSettings()
    storage: StorageSettings = StorageSettings()
    observations: ObservationSettings = ObservationSettings()
    objects: ObjectSettings = ObjectSettings()
    archive: ArchiveSettings = ArchiveSettings()
    jobs: JobSettings = JobSettings()
    mail: MailSettings = MailSettings()
    webhooks: WebhookSettings = WebhookSettings()
    aws: AwsSettings = AwsSettings()
    branding: BrandingSettings = BrandingSettings()
    bootstrap: BootstrapSettings = BootstrapSettings()
    lwm2m: Lwm2mSettings = Lwm2mSettings()
    demo: DemoSettings = DemoSettings()
    logging: LoggingSettings = LoggingSettings()
    people: PeopleSettings = PeopleSettings()
    limits: LimitSettings = LimitSettings()


def load_settings(flags: Tree, environment: Mapping[str, str], file: Path | None) -> Settings:
    """Put the four sources together; raise ``BadSetting`` for the first thing that is wrong in any of them.

    ``flags`` holds only what was given on the command line. Without ``file``, ``CLOUDSTEAD_CONFIG`` names it.
    """
    if file is None and environment.get("CLOUDSTEAD_CONFIG"):
        file = Path(environment["CLOUDSTEAD_CONFIG"])
    merged: Tree = {}
    sources = (
        (f"{file}: ", {} if file is None else _read_file(file)),
        ("the environment: ", _read_environment(environment)),
        ("", flags),
    )
    for source, tree in sources:
        _convert(tree, source)
        for section, values in tree.items():
            merged.setdefault(section, {}).update(values)
    settings = _convert(merged, "")
    https = settings.https
    if bool(https.certificate_file) != bool(https.private_key_file):
        raise BadSetting("https: certificate_file and private_key_file are given together or not at all")
    if settings.http.bind is None and https.bind is None:
        raise BadSetting("http and https are both off: nobody could reach the service")
    return settings


def _convert(tree: Tree, source: str) -> Settings:
    try:
        # Not strict: every value of the environment is text.
        return msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at ")
        where = path.strip("`").removeprefix("$.").removeprefix("$")
        raise BadSetting(f"{source}{where + ': ' if where else ''}{_in_words(where, reason)}") from None


def _in_words(where: str, reason: str) -> str:
    """Say what a setting with a pattern expects; nobody should have to read a regular expression to set one."""
    section, _, name = where.partition(".")
    if " matching regex " not in reason:
        return reason
    group = typing.get_type_hints(Settings)[section]
    (meta,) = typing.get_type_hints(group, include_extras=True)[name].__metadata__
    return f"expected {meta.extra['expected']}"


def _read_file(file: Path) -> Tree:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetting(f"{file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{file}: {error}") from None


def _read_environment(environment: Mapping[str, str]) -> Tree:
    """Sort ``CLOUDSTEAD_<SECTION>_<NAME>`` into a tree; lists are separated by commas.

    Variables that begin with no section's name belong to others (``CLOUDSTEAD_VENV`` is the Makefile's).
    """
    sections = {field.name: field for field in msgspec.structs.fields(Settings)}
    tree: Tree = {}
    for variable, text in environment.items():
        section, _, name = variable.removeprefix(_PREFIX).lower().partition("_")
        if not variable.startswith(_PREFIX) or section not in sections or not name:
            continue
        names = {field.name: field for field in msgspec.structs.fields(sections[section].type)}
        if name not in names:
            raise BadSetting(f"the environment: {variable} is no setting")
        is_list = isinstance(names[name].default, tuple)
        value = [part.strip() for part in text.split(",") if part.strip()] if is_list else text
        tree.setdefault(section, {})[name] = value
    return tree
