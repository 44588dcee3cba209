"""Calling back with what is told, as long as somebody listens."""

import logging
from collections.abc import Awaitable, Callable

from planar.errors import ExchangeError
from planar.exchange.subscription import Event, Subscription

LOG = logging.getLogger("planar.exchange.streams")

Call = Callable[[Event], Awaitable[None] | None]


async def call_back(subscription: Subscription, call: Call, exchange: str) -> None:
    """Calls with each event until the subscription ends; a call that fails is logged. exchange: for messages."""
    try:
        async for event in subscription:
            await _call(call, event, f"{exchange}: a callback of {subscription.name} failed")
    except ExchangeError as error:
        LOG.error("%s: no more is told of %s: %s", exchange, subscription.name, error)
    finally:
        subscription.close()


async def _call(call: Call, event: Event, failed: str) -> None:
    try:
        answer = call(event)
        if answer is not None:
            await answer
    except Exception:
        LOG.exception(failed)
