"""Settings of what is outside: mail servers, receivers of webhooks, other servers of devices, AWS."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

from cloudstead.app.addresses import is_host, require_host
from cloudstead.app.settings_section import Section
from cloudstead.core.errors import InvalidField
from cloudstead.core.mail.model import require_address


class MailSettings(Section, frozen=True):
    """The mail server that mails to people are sent through; without one they lie in a folder."""

    host: Annotated[
        str, Meta(description="Host of the mail server; empty: mails go into the folder `mails` of the data.")
    ] = ""
    port: Annotated[int, Meta(description="Its port: usually 587 with `starttls`, 465 with `tls`.", ge=1, le=65535)] = (
        587
    )
    tls: Annotated[
        str,
        Meta(
            description="`starttls`, `tls` from the first byte, or `none` for a server on this machine.",
            pattern="^(starttls|tls|none)$",
            extra={"expected": "starttls, tls or none"},
        ),
    ] = "starttls"
    user_name: Annotated[str, Meta(description="User name at the mail server; empty to send without one.")] = ""
    password: Annotated[str, Meta(description="Password at the mail server.", extra={"secret": True})] = ""
    sender: Annotated[
        str, Meta(description="Address in the name of which mails are sent; empty: `no-reply@` our host.")
    ] = ""
    sender_name: Annotated[str, Meta(description="Name that is shown beside that address.", max_length=100)] = (
        "cloudstead"
    )
    timeout_s: Annotated[
        float, Meta(description="Seconds that each step with the mail server may take.", gt=0, le=300)
    ] = 30.0
    tries: Annotated[
        int, Meta(description="How often a mail is tried; with the pauses in between, 12 take some hours.", ge=1, le=50)
    ] = 12
    ca_file: Annotated[
        str, Meta(description="PEM file with authorities to trust for the mail server, beside those of the system.")
    ] = ""
    rules_per_hour: Annotated[
        int,
        Meta(description="Mails that the rules of one account may send within an hour; more are dead letters.", ge=1),
    ] = 100
    show_folder: Annotated[
        bool, Meta(description="Whether `serve`, too, shows that folder at `/mailbox` to whoever is on this machine.")
    ] = False

    def __post_init__(self) -> None:
        """Refuse what is no address, half of a pair, and a password in the clear."""
        if self.sender:
            try:
                require_address(self.sender, field="sender")
            except InvalidField as error:
                raise ValueError(str(error)) from None
        if not self.sender_name.isprintable():
            raise ValueError("sender_name: holds a control character")
        if bool(self.user_name) != bool(self.password):
            raise ValueError("user_name and password are given together or not at all")
        if self.password and self.tls == "none" and self.host not in {"localhost", "127.0.0.1", "::1"}:
            raise ValueError("tls: a password is sent over TLS only, unless the mail server is on this machine")

    def __repr__(self) -> str:
        """Show the settings without the password."""
        return f"{type(self).__name__}(host={self.host!r}, port={self.port}, tls={self.tls!r})"


class WebhookSettings(Section, frozen=True):
    """Requests that rules make to other servers."""

    allow: Annotated[
        tuple[str, ...],
        Meta(description="Networks that may be called beside the public internet, such as `10.1.0.0/16`."),
    ] = ()
    allow_private: Annotated[
        bool, Meta(description="Whether every private address may be called, this machine's own included.")
    ] = False
    timeout_s: Annotated[float, Meta(description="Seconds that a request may take over all.", gt=0, le=60)] = 10.0
    tries: Annotated[
        int, Meta(description="How often a request is tried before it becomes a dead letter.", ge=1, le=50)
    ] = 3
    at_once: Annotated[
        int,
        Meta(
            description="Requests under way at one time; half of them at most for one account, a quarter for one rule.",
            ge=1,
            le=200,
        ),
    ] = 100
    ca_file: Annotated[
        str, Meta(description="PEM file with authorities to trust for receivers, beside those of the system.")
    ] = ""

    def __post_init__(self) -> None:
        """Refuse what is no network."""
        for network in self.allow:
            ipaddress.ip_network(network, strict=False)


class CoapSettings(Section, frozen=True):
    """A server that devices are told of, given as ``coaps://HOST:PORT``."""

    url: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no such address; the account is added to it as a query."""
        parts = urlsplit(self.url)
        if self.url and (parts.scheme != "coaps" or parts.path or parts.query or parts.fragment):
            raise ValueError("url: the address is coaps://host, or coaps://host:port")
        if self.url:
            require_host(self.url)
            if not is_host(parts.hostname or ""):
                raise ValueError("url: the address names a lower-case host name or an IP address")


class BootstrapSettings(CoapSettings, frozen=True):
    """The bootstrap server that account management tells devices of. This release has none: name your own."""

    url: Annotated[
        str,
        Meta(
            description=(
                "`coaps://host:port` in server credentials and developer certificates; empty: our host, port 5684, "
                "where nothing of ours listens yet."
            )
        ),
    ] = ""


class Lwm2mSettings(CoapSettings, frozen=True):
    """The LwM2M server that account management tells devices of. This release has none: name your own."""

    url: Annotated[
        str,
        Meta(
            description=(
                "`coaps://host:port` in server credentials; empty: our host, port 5684, where nothing of ours listens "
                "yet."
            )
        ),
    ] = ""


class AwsSettings(Section, frozen=True):
    """The operator's AWS account, from which dedicated device clouds are made; without one there are local ones."""

    account: Annotated[
        str,
        Meta(
            description="Number of the operator's AWS account; empty: no dedicated clouds. Its credentials are found as"
            " every AWS tool finds them.",
            pattern=r"^([0-9]{12})?$",
            extra={"expected": "12 digits"},
        ),
    ] = ""
    template_url: Annotated[
        str,
        Meta(
            description="Address in S3 where the template of the stack lies, for launch links; empty: owners get the"
            " file and a command line.",
            pattern=r"^(https://[a-z0-9.-]+\.amazonaws\.com(\.cn)?/.+)?$",
            extra={"expected": "https://BUCKET.s3.REGION.amazonaws.com/KEY"},
        ),
    ] = ""
    endpoint: Annotated[
        str, Meta(description="`http(s)://host:port` of whatever stands in for AWS; empty for Amazon's own.")
    ] = ""

    def __post_init__(self) -> None:
        """Refuse what is no address."""
        if self.endpoint and urlsplit(self.endpoint).scheme not in {"http", "https"}:
            raise ValueError("endpoint: the address begins with http:// or https://")
        if self.endpoint:
            require_host(self.endpoint, field="endpoint")
