"""The engine of dedicated device clouds, where the operator has an AWS account."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AsyncExitStack

    from cloudstead.app.settings import Settings
    from cloudstead.core.clock import Clock
    from cloudstead.core.clouds.ports import Engine

_CALLS_AT_ONCE: Final = 8
_API_PATH: Final = "/api"
_CONNECT_PATH: Final = f"{_API_PATH}/tok/cloud/connect"


def aws_engines(
    settings: Settings, stack: AsyncExitStack, clock: Clock, *, public_url: Callable[[], str]
) -> Sequence[Engine]:
    """Return the engine; none without an account. ``public_url`` is where stacks reach us."""
    if not settings.aws.account:
        return ()
    # boto3 takes 0.2 s and 20 MB, and most installations never ask for it.
    import boto3  # noqa: PLC0415

    from cloudstead.delivery.aws.calls import Aws  # noqa: PLC0415
    from cloudstead.delivery.aws.engine import AwsEngine  # noqa: PLC0415

    executor = ThreadPoolExecutor(_CALLS_AT_ONCE, thread_name_prefix="aws")
    stack.callback(executor.shutdown, wait=False, cancel_futures=True)
    aws = Aws(boto3.Session(), executor=executor, endpoint_url=settings.aws.endpoint or None)
    engine = AwsEngine(
        aws,
        clock,
        builder_account=settings.aws.account,
        connect_url=lambda: public_url() + _CONNECT_PATH,
        api_url=lambda: public_url() + _API_PATH,
        template_url=settings.aws.template_url or None,
    )
    return (engine,)
