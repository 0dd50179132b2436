"""This file keeps broker sessions going; it guards that whatever ends one, the next begins by itself, at a pace."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import aiomqtt

from isolane.core.failures import IsolaneError
from isolane.health.links.backoff import Backoff
from isolane.health.links.counts import LinkCounts
from isolane.health.links.mistrust import Mistrust
from isolane.health.links.mqtt.connect import Session
from isolane.health.links.traffic import Meter

_LOG = logging.getLogger(__name__)
_STEADY_S = 30.0
"""A session that stood so long was a good one; the next pause begins small."""
_METER_S = 5.0


async def keep(
    name: str,
    counts: LinkCounts,
    reconnect_s_max: float,
    session: Callable[[], Awaitable[None]],
    mistrust: Mistrust | None = None,
) -> None:
    """Hold one session after the other, for ever; what is suspicious about an end is told to `mistrust`."""
    backoff = Backoff(reconnect_s_max)
    while True:
        since = time.monotonic()
        # A task of its own: a session that breaks while it is cancelled ends with the error of the break.
        task = asyncio.ensure_future(session())
        try:
            await asyncio.wait({task})
            task.result()
        except* (aiomqtt.MqttError, OSError, IsolaneError) as errors:
            counts.failures += 1
            _LOG.warning("link-down link=%s error=%s", name, errors.exceptions[0])
            if mistrust is not None:
                mistrust.failure(errors.exceptions[0])
        finally:
            task.cancel()
            await asyncio.wait({task})
        if time.monotonic() - since > _STEADY_S:
            backoff.reset()
        await asyncio.sleep(backoff.pause_s())


async def measured(session: Session, counts: LinkCounts) -> None:
    """Count what a session's connection carries, until cancelled."""
    meter = Meter(counts)
    try:
        while True:
            await asyncio.sleep(_METER_S)
            if session.socket is not None:
                meter.read(session.socket)
    finally:
        if session.socket is not None:
            meter.read(session.socket)
