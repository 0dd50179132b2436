"""This file shows the tap's events to who is no source; it guards that a tap is heard where no source reads it."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from isolane.core.failures import IsolaneError
from isolane.health.sources.ocpp.connect import TapListener
from isolane.wire import tap_event

_log = logging.getLogger(__name__)
_RETRY_S = 60.0

Hear = Callable[[tap_event.Packet | None], None]
"""Is shown every packet, and None when what was told before may no longer hold."""


async def listen(socket: Path, hear: Hear) -> None:
    """Be the listening end of the event socket, for ever; where that cannot be, say so and try again."""

    def received(data: bytes) -> None:
        try:
            packet = tap_event.decode(data)
        except ValueError:
            hear(None)
            return
        if packet.lost:
            hear(None)
        hear(packet)

    listener = TapListener(socket, lambda: None, received, lambda: hear(None))
    while True:
        try:
            await listener.run()
        except IsolaneError as error:
            _log.warning("tap-not-heard why=%s", error)
        await asyncio.sleep(_RETRY_S)
