"""All of HTTP: every dialect's faces over one cloud, the documents, the page and what operators ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from starlette.responses import Response

from cloudstead import __version__
from cloudstead.app.account_management import account_rooms
from cloudstead.app.account_news import AccountNews
from cloudstead.app.addresses import is_loopback
from cloudstead.app.branding_face import branding_face
from cloudstead.app.device_clouds import device_clouds_backend
from cloudstead.app.front_door_face import front_door_face
from cloudstead.app.groups import groups_of
from cloudstead.app.mailbox_face import mailbox_face
from cloudstead.app.measures import new_registry
from cloudstead.app.operation import Operation, operation_face
from cloudstead.app.pages import PageContext, is_local, new_nonce, page_headers, render_page
from cloudstead.app.pages.trace import TraceContext, render_trace
from cloudstead.app.people import people_parts
from cloudstead.app.people_face import people_face
from cloudstead.app.provisioning import provisioning_backend
from cloudstead.app.rest_devices import RestDevices
from cloudstead.app.single_sign_on import single_sign_on
from cloudstead.app.single_sign_on_face import single_sign_on_face
from cloudstead.app.tracing import tracing_of
from cloudstead.app.trusted_certificates import trust_rooms
from cloudstead.app.user_rooms import front_door, user_rooms
from cloudstead.app.watch import troubles_of
from cloudstead.app.websocket_callers import WebSocketCallers
from cloudstead.app.welcome import opening_command
from cloudstead.core.audit.log import AuditLog
from cloudstead.core.files.links import FileLinks
from cloudstead.core.notifications.tidings import Tidings
from cloudstead.dialects.account_management.ports import Backend as AccountManagement
from cloudstead.dialects.account_management.table import account_management_face
from cloudstead.dialects.aws.manifest import Endpoints
from cloudstead.dialects.aws.table import AwsParts, aws_faces, signed_callers
from cloudstead.dialects.cloud_connect.documents import describe_functions
from cloudstead.dialects.cloud_connect.life_cycle import LifeCycle
from cloudstead.dialects.cloud_connect.ports import Backend
from cloudstead.dialects.cloud_connect.runtime import FunctionRuntime
from cloudstead.dialects.device_clouds.table import device_clouds_face
from cloudstead.dialects.groups.table import groups_faces
from cloudstead.dialects.provision_device.table import provision_device_faces
from cloudstead.gateway.websocket import MqttWebSocket
from cloudstead.web.app import WebApp
from cloudstead.web.metrics import WebMetrics
from cloudstead.web.openapi import documents_face
from cloudstead.web.signed import SignatureReader

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloudstead.app.cloud import Cloud
    from cloudstead.app.demo import DemoRecord
    from cloudstead.app.settings import Settings
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.ids import AccountId
    from cloudstead.web.call import Call


_PROXIES_SAY: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the listeners are, with their real ports. ``http`` and ``https`` are addresses with scheme."""

    http: str | None
    https: str | None
    mqtts: str | None
    thing_event: str | None
    iot_host: str

    @property
    def public(self) -> str:
        """The address that clients are told: over TLS when there is one."""
        return self.https or self.http or ""


def browsed_url(settings: Settings, addresses: Addresses) -> str:
    """Return the address that links in mails and to files lead to.

    On a laptop that is the plain listener: a browser would warn of a certificate of our own authority, and nothing
    leaves the machine.
    """
    if settings.public.url:
        return settings.public.url
    plain = settings.http.bind
    if addresses.http and plain is not None and is_loopback(plain.host) and not settings.https.certificate_file:
        return addresses.http
    return addresses.public


def web_app(
    cloud: Cloud, addresses: Addresses, *, accounts: dict[AccountId, Account], demo: DemoRecord | None
) -> WebApp:
    """Return the ASGI application. ``accounts`` are those whose settings the life-cycle events follow."""
    log = structlog.get_logger("cloudstead.http")
    public_url = browsed_url(cloud.settings, addresses)
    people = people_parts(cloud, public_url)
    file_links = FileLinks(cloud.keys.sealer, cloud.clock, public_url=public_url)
    backend = Backend(
        clock=cloud.clock,
        database=cloud.database,
        hasher=cloud.hasher,
        sign_in=cloud.sign_in,
        people=people.people,
        recovery=people.recovery,
        domains=cloud.domains,
        things=cloud.things,
        thing_types=cloud.thing_types,
        certificates=cloud.certificates,
        batches=cloud.batches,
        files=cloud.files,
        images=cloud.images,
        file_links=file_links,
        rules=cloud.rules.rules,
        outbox=cloud.rules.outbox,
        rule_hits=cloud.rules.follower,
        tracing=tracing_of(cloud),
        shadows=cloud.spine,
        index=cloud.index,
        barrier=cloud.spine,
    )
    LifeCycle(
        cloud.clock,
        cloud.fan_out,
        uses_printed_names=lambda account_id: account_id in accounts and accounts[account_id].printed_event_names,
    ).listen(cloud.bus)
    signatures = SignatureReader(cloud.signers, cloud.clock, region=cloud.settings.public.region)
    parts = AwsParts(
        database=cloud.database,
        identities=cloud.identities,
        sessions=cloud.sessions,
        access_keys=cloud.access_keys,
        signers=cloud.signers,
        signatures=signatures,
        tokens=cloud.tokens,
        callers=cloud.callers,
        runtime=FunctionRuntime(backend, log=log),
        shadows=cloud.shadow_door,
        topics=cloud.topic_door,
        devices=RestDevices(cloud.device_door, cloud.spine),
        files=cloud.files,
        file_links=file_links,
        endpoints=Endpoints(
            region=cloud.settings.public.region,
            public_url=addresses.public,
            iot_host=addresses.iot_host,
            thing_event_url=addresses.thing_event or "",
            revision=__version__,
        ),
        clock=cloud.clock,
        ids=cloud.ids,
        log=log,
        described_functions=describe_functions(),
    )
    registry = new_registry(cloud)
    rooms = account_rooms(
        cloud.clock,
        cloud.ids,
        mails=people.mails,
        key_uses=cloud.key_uses,
        reserved_hosts=(cloud.settings.public.hostname, *cloud.settings.public.other_names),
    )
    users = user_rooms(
        cloud.clock,
        cloud.ids,
        sealer=cloud.keys.sealer,
        links=people.links,
        mails=people.mails,
        letters=people.letters,
        groups=rooms.policy_groups,
        public_url=public_url,
    )
    news = AccountNews(cloud.database, Tidings(cloud.clock, cloud.ids, people.letters), cloud.tasks.spawn)
    news.listen(cloud.bus)
    sso = single_sign_on(cloud, public_url)
    trust = trust_rooms(cloud)
    account_management = AccountManagement(
        clock=cloud.clock,
        database=cloud.database,
        callers=cloud.callers,
        hasher=cloud.hasher,
        accounts=rooms.accounts,
        tenants=rooms.tenants,
        api_keys=rooms.api_keys,
        policy_groups=rooms.policy_groups,
        users=users.users,
        invitations=users.invitations,
        sessions=users.sessions,
        colours=cloud.colours,
        brand_images=cloud.brand_images,
        identity_providers=sso.providers,
        places=sso.places,
        trusted_certificates=trust.trusted,
        developer_certificates=trust.developers,
        servers=trust.servers,
        audit_log=AuditLog(),
        public_url=public_url.rstrip("/"),
    )
    faces = (
        *aws_faces(parts),
        account_management_face(account_management),
        *provision_device_faces(provisioning_backend(cloud, addresses, signatures)),
        device_clouds_face(device_clouds_backend(cloud, addresses)),
        *groups_faces(groups_of(cloud, users.invitations)),
    )
    operation = operation_face(
        Operation(
            troubles=lambda: troubles_of(cloud),
            registry=registry,
            root_certificate=lambda: cloud.keys.authority.root_pem,
            revocation_list=lambda: _revocation_list(cloud),
            signing_keys=cloud.tokens.jwks,
            page=_page(cloud, addresses, demo),
            trace_page=_trace_page(cloud, demo),
        )
    )
    mailbox = mailbox_face(
        cloud.outgoing.mail_folder,
        is_shown=demo is not None or cloud.settings.mail.show_folder,
        proxies_say=_PROXIES_SAY,
    )
    return WebApp(
        (
            single_sign_on_face(sso, cloud.database, log),
            front_door_face(*front_door(cloud, users, people.links), cloud.database, cloud.clock),
            people_face(people.recovery, cloud.database),
            branding_face(cloud.brand_images),
            mailbox,
            *faces,
            documents_face(faces),
            operation,
        ),
        ids=cloud.ids,
        log=log,
        metrics=WebMetrics.registered(registry),
        websocket=MqttWebSocket(cloud.gateway, WebSocketCallers(signed_callers(parts), cloud.callers)),
    )


async def _revocation_list(cloud: Cloud) -> bytes:
    now_ms = cloud.clock.millis()
    revoked = await cloud.database.read(lambda unit: unit.certificates.revoked(now_ms))
    return cloud.keys.authority.issue_revocation_list(revoked)


def _page(cloud: Cloud, addresses: Addresses, demo: DemoRecord | None) -> Callable[[Call[None]], Awaitable[Response]]:
    settings = cloud.settings

    async def show(call: Call[None]) -> Response:
        """Show the first page: a thing, live."""
        nonce = new_nonce()
        has_account = await cloud.database.read(lambda unit: bool(unit.accounts.page(None, limit=1)))
        context = PageContext(
            http=addresses.http,
            https=addresses.https,
            mqtts=addresses.mqtts,
            ca_file=str(cloud.folder.ca_file),
            manifest_url=manifest_url(cloud, addresses),
            region=settings.public.region,
            hostname=settings.public.hostname,
            user_name=None if demo is None else demo.user_name,
            thing_name=None if demo is None else demo.thing_name,
            token=await _viewer_token(cloud, demo, call),
            opening=None if has_account else opening_command(settings.data.folder),
            has_mailbox=(demo is not None or settings.mail.show_folder) and _is_from_here(call),
        )
        response = Response(render_page(context, nonce=nonce))
        for name, value in page_headers(nonce):
            response.headers[name] = value
        return response

    return show


def _trace_page(cloud: Cloud, demo: DemoRecord | None) -> Callable[[Call[None]], Awaitable[Response]]:
    async def show(call: Call[None]) -> Response:
        """Show the page that follows one message."""
        nonce = new_nonce()
        context = TraceContext(
            thing_name=None if demo is None else demo.thing_name, token=await _viewer_token(cloud, demo, call)
        )
        response = Response(render_trace(context, nonce=nonce))
        for name, value in page_headers(nonce):
            response.headers[name] = value
        return response

    return show


def _is_from_here(call: Call[None]) -> bool:
    """Tell whether a request came from this machine to this machine, with nobody in between who says so."""
    if any(name in call.headers for name in _PROXIES_SAY):
        return False
    return is_local(call.peer_address, call.headers.get("host"))


async def _viewer_token(cloud: Cloud, demo: DemoRecord | None, call: Call[None]) -> str | None:
    """Return a token that watches the demo's account, for requests from this machine to this machine only.

    A proxy may write our own name into ``Host``, but then mostly tells that it stands in between.
    """
    if demo is None or not _is_from_here(call):
        return None
    account, person = await cloud.database.read(
        lambda unit: (unit.accounts.get(demo.account_id), unit.people.get(demo.viewer_id))
    )
    return None if account is None or person is None else cloud.tokens.issue_id_token(account, person)


def manifest_url(cloud: Cloud, addresses: Addresses) -> str:
    """Return the address of the manifest of the account that answers to our own host name."""
    return f"{addresses.public}/prod/manifest/?hostname={cloud.settings.public.hostname}"
