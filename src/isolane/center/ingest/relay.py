"""This file brings commands, key manifests and notes to gateways; it guards that what nobody fetches blocks nothing.

Operation: one task looks every half second at what is due for those who can be reached: gateways whose question waits
here, and, while there is a session with the broker, those that state themselves there. What is due is noted as handed
out before it goes; what is lost on the way goes again later.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_relay import Outgoing, Reach, is_due, take_due
from isolane.center.store.port import UnavailableError
from isolane.wire.errand import VERSION, Down, Errands

_LOG = logging.getLogger(__name__)
_PAUSE_S: Final = 0.5
_BROKER_MAX: Final = 1000


class Relay:
    """What is on its way to gateways from this process.

    Args:
        catalogue: Whose database has it.
    """

    def __init__(self, catalogue: SqlCatalogue) -> None:
        self._catalogue = catalogue
        self._asking: dict[str, asyncio.Future[list[Outgoing]]] = {}
        self._broker: asyncio.Queue[Outgoing] | None = None

    async def run(self) -> None:
        """Look for ever; cancelled to stop."""
        while True:
            try:
                await self.look()
            except (UnavailableError, OSError) as error:
                _LOG.warning("relay-away error=%s", error)
            await asyncio.sleep(_PAUSE_S)

    async def look(self) -> None:
        """Hand out what is due.

        Raises:
            OSError: The database is away.
            UnavailableError: The database is away.
        """
        reach = Reach(frozenset(self._asking), self._broker is not None)
        now_ms = time.time_ns() // 1_000_000
        if (not reach.asking and not reach.mqtt) or not await self._catalogue.read(
            lambda session: is_due(session, reach, now_ms)
        ):
            return
        due: dict[str, list[Outgoing]] = {}
        for each in await self._catalogue.write(lambda session: take_due(session, reach, now_ms)):
            due.setdefault(each.gateway, []).append(each)
        for gateway, outgoing in due.items():
            waiting = self._asking.get(gateway)
            if waiting is not None and not waiting.done():
                waiting.set_result(outgoing)
            elif self._broker is not None:
                for each in outgoing:
                    if not self._broker.full():
                        self._broker.put_nowait(each)

    async def wait(self, gateway: str, wait_s: float) -> Errands:
        """Wait for what is to be brought to a gateway; an earlier question of its own is answered with nothing.

        Args:
            gateway: As the transport proved it.
            wait_s: How long at most, s.
        """
        earlier = self._asking.get(gateway)
        if earlier is not None and not earlier.done():
            earlier.set_result([])
        waiting = self._asking[gateway] = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait({waiting}, timeout=wait_s)
            return _told(waiting.result() if waiting.done() else [])
        finally:
            if self._asking.get(gateway) is waiting:
                del self._asking[gateway]

    def end(self) -> None:
        """Answer all who wait: the process ends."""
        for waiting in self._asking.values():
            if not waiting.done():
                waiting.set_result([])

    def broker_up(self) -> "asyncio.Queue[Outgoing]":
        """Begin a session with the broker; give what is to be published in it."""
        self._broker = asyncio.Queue(_BROKER_MAX)
        return self._broker

    def broker_down(self) -> None:
        """End the session with the broker."""
        self._broker = None


def _told(outgoing: Sequence[Outgoing]) -> Errands:
    texts: dict[Down, list[str]] = {kind: [] for kind in Down}
    for each in outgoing:
        texts[each.kind].append(each.data.decode())
    return Errands(
        version=VERSION,
        commands=tuple(texts[Down.COMMAND]),
        keys="".join(texts[Down.KEYS][:1]),
        note="".join(texts[Down.NOTE][:1]),
    )
