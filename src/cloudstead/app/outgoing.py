"""Background work and what goes out, put together: the worker with its duties, and the two channels."""

from __future__ import annotations

import ipaddress
import random
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import structlog

from cloudstead import __version__
from cloudstead.app.errors import CannotStart
from cloudstead.app.private_files import write_private
from cloudstead.core.mail.letters import Letters
from cloudstead.core.notifications.tidings import NotedMail
from cloudstead.core.rules.rations import HOUR_MS, RationedMail
from cloudstead.core.webhooks.calls import WebhookCalls
from cloudstead.delivery.mail import MailPerformer, Sender
from cloudstead.delivery.mail_folder import MailFolder
from cloudstead.delivery.reach import CheckedConnector, Reach, SystemResolver
from cloudstead.delivery.smtp import SmtpServer, SmtpTls, SmtpWayOut
from cloudstead.delivery.webhooks import WebhookPerformer
from cloudstead.work.pauses import RealPauses
from cloudstead.work.retry import Retry
from cloudstead.work.worker import Duty, Worker, WorkerLimits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AsyncExitStack

    from cloudstead.app.data_folder import DataFolder
    from cloudstead.app.settings import Settings
    from cloudstead.app.tasks import Tasks
    from cloudstead.core.batches.maker import BatchMaker
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.events import EventBus
    from cloudstead.core.files.removals import ImageRemover
    from cloudstead.core.ids import IdSource
    from cloudstead.core.jobs.model import Job
    from cloudstead.storage.sql import Database

_GATHER_S: Final = 0.05  # fewer commits, which share the disk with the log; a lane waits half as long between two jobs
_MAILS_AT_ONCE: Final = 4
_MAIL_RETRY_S: Final = (30.0, 7200.0)
_WEBHOOK_RETRY_S: Final = (30.0, 600.0)  # three tries outlast a receiver that is started anew
_BATCHES: Final = (Retry(max_tries=10, first_s=5.0, longest_s=300.0), 2)
_IMAGES: Final = (Retry(max_tries=100, first_s=5.0, longest_s=3600.0), 2)  # for days: nobody else would delete them


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What the rest of the program is given. ``mail_folder`` is there when no mail server is named."""

    worker: Worker
    mail_folder: MailFolder | None


async def start_outgoing(
    settings: Settings,
    folder: DataFolder,
    stack: AsyncExitStack,
    *,
    sealer: Sealer,
    database: Database,
    clock: Clock,
    ids: IdSource,
    bus: EventBus,
    tasks: Tasks,
    batches: BatchMaker,
    images: ImageRemover,
    more: Sequence[Duty] = (),
) -> Outgoing:
    """Let the worker work until the context ends; raise ``CannotStart`` for settings that cannot be used."""
    mail_folder = None if settings.mail.host else MailFolder(folder.mails, write_private)
    webhooks = _webhooks(settings, stack, WebhookCalls(sealer, clock=clock, ids=ids), clock)
    mail = MailPerformer(
        Letters(sealer, clock=clock, ids=ids),
        mail_folder or _mail_server(settings),
        sender=Sender(address=mail_sender(settings), name=settings.mail.sender_name),
        clock=clock,
    )
    rationed = RationedMail(mail, clock, per_hour=settings.mail.rules_per_hour)
    since_ms = clock.millis() - HOUR_MS
    rationed.remember(await database.scan(lambda unit: unit.jobs.done_since(rationed.kind, since_ms)))
    duties = (
        Duty(webhooks, Retry(settings.webhooks.tries, *_WEBHOOK_RETRY_S), settings.webhooks.at_once, is_shared=True),
        Duty(NotedMail(rationed, database), Retry(settings.mail.tries, *_MAIL_RETRY_S), _MAILS_AT_ONCE, is_shared=True),
        Duty(batches, *_BATCHES, is_shared=True),
        Duty(images, *_IMAGES, is_shared=True),
        *more,
    )
    worker = Worker(
        database,
        duties,
        clock=clock,
        pauses=RealPauses(),
        draw=random.SystemRandom().random,
        spawn=tasks.spawn,
        report=tasks.report,
        on_dead=_log_dead,
        limits=WorkerLimits(at_once=sum(duty.at_once for duty in duties), gather_s=_GATHER_S),
    )
    worker.listen(bus)
    if urlsplit(settings.storage.url).scheme in {"", "sqlite"}:
        await worker.take_back()  # one process owns the file, so whoever had claimed jobs is dead
    tasks.keep(worker.run())
    stack.push_async_callback(worker.stop)
    return Outgoing(worker, mail_folder)


def mail_sender(settings: Settings) -> str:
    """Return the address in whose name mails are sent."""
    host = settings.public.hostname
    return settings.mail.sender or f"no-reply@{'localhost' if ':' in host else host}"


def webhook_reach(settings: Settings) -> Reach:
    """Return which addresses webhooks may reach."""
    chosen = settings.webhooks
    networks = [ipaddress.ip_network(each, strict=False) for each in chosen.allow]
    return Reach(allow=networks, allow_private=chosen.allow_private)


def _webhooks(settings: Settings, stack: AsyncExitStack, calls: WebhookCalls, clock: Clock) -> WebhookPerformer:
    chosen = settings.webhooks
    names = ThreadPoolExecutor(max_workers=chosen.at_once, thread_name_prefix="names")
    stack.callback(names.shutdown, wait=False, cancel_futures=True)
    return WebhookPerformer(
        calls,
        CheckedConnector(webhook_reach(settings), SystemResolver(names)),
        trust=_trust(chosen.ca_file, "webhooks.ca_file"),
        clock=clock,
        user_agent=f"cloudstead/{__version__}",
        time_limit_s=chosen.timeout_s,
    )


def _mail_server(settings: Settings) -> SmtpWayOut:
    chosen = settings.mail
    server = SmtpServer(
        host=chosen.host,
        port=chosen.port,
        tls=SmtpTls(chosen.tls),
        user_name=chosen.user_name or None,
        password=chosen.password or None,
        helo=settings.public.hostname,
        timeout_s=chosen.timeout_s,
    )
    return SmtpWayOut(server, _trust(chosen.ca_file, "mail.ca_file"))


def _trust(ca_file: str, setting: str) -> ssl.SSLContext:
    """Trust the authorities of the system and those in ``ca_file``."""
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise CannotStart(f"{setting}: {ca_file} cannot be used: {error}.") from None
    return context


def _log_dead(job: Job, _detail: str) -> None:
    # Not the detail: it may hold what a receiver said, or somebody's address.
    structlog.get_logger("cloudstead").warning(
        "job_dead", kind=job.kind, job=job.id, account=job.account_id, cause=job.cause, offset=job.offset
    )
