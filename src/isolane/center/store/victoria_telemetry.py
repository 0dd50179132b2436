"""This file is the telemetry store over VictoriaMetrics; it guards that its promises are those of the embedded one.

What is committed is in the hot store of the data folder first, durable; live rows, last values and gap records are
answered from there. Full-rate samples are sent on at once and leave the hot store when VictoriaMetrics has them for
good (`metrics_store`). Rollups stay in the data folder's lake, so long charts ask no other machine.
"""

import asyncio
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.lake import HOUR, MINUTE
from isolane.center.store.metrics_store import MetricsStore
from isolane.center.store.rolling import Keeping, Roll, rolls
from isolane.center.store.settings import StoreSettings, VictoriaSettings
from isolane.center.store.victoria import VictoriaMetrics
from isolane.wire.schema import Schema

_log = logging.getLogger(__name__)

_PAUSE_S_MAX = 30.0
"""Between two attempts while VictoriaMetrics is away."""


def open_telemetry(folder: Path, settings: StoreSettings) -> EmbeddedTelemetry:
    """Open the telemetry store that the settings name.

    Args:
        folder: Is made if it does not exist.
        settings: See there.

    Raises:
        IsolaneError: The folder, a certificate or a secret cannot be used.
    """
    if isinstance(settings.telemetry, VictoriaSettings):
        return VictoriaTelemetry(folder, settings, settings.telemetry)
    return EmbeddedTelemetry(folder, settings)


class VictoriaTelemetry(EmbeddedTelemetry):
    """Telemetry in VictoriaMetrics, with a hot store and rollups in one folder.

    Args:
        folder: Is made if it does not exist.
        settings: See there.
        victoria: See there.

    Raises:
        IsolaneError: The folder, a certificate or a secret cannot be used.
    """

    def __init__(self, folder: Path, settings: StoreSettings, victoria: VictoriaSettings) -> None:
        self._client = VictoriaMetrics(victoria)
        self._metrics = MetricsStore(self._client, victoria.settle_s, settings.raw_days)
        self._interval_s = victoria.send_interval_s
        self._sender = ThreadPoolExecutor(1, "store-send")
        self.send_failures = 0
        super().__init__(folder, settings, self._metrics)

    @property
    def waiting_blocks(self) -> int:
        """Hot blocks that VictoriaMetrics has not taken yet, as far as the last attempt knew."""
        return self._metrics.waiting_blocks

    @property
    def lost_blocks(self) -> int:
        """Blocks that VictoriaMetrics took and did not give back; each was sent again."""
        return self._metrics.lost_blocks

    async def close(self) -> None:
        """See `EmbeddedTelemetry.close`."""
        await asyncio.to_thread(self._sender.shutdown)
        await super().close()
        self._client.close()

    async def keep(self) -> None:
        """Send and move blocks and remove what is too old, for ever; cancel it to stop."""
        async with asyncio.TaskGroup() as group:
            group.create_task(super().keep())
            group.create_task(self._keep_sending())

    async def _keep_sending(self) -> None:
        pause_s = self._interval_s
        while True:
            try:
                await self.send(time.time_ns() // 1_000_000)
                pause_s = self._interval_s
            except OSError as error:
                self.send_failures += 1
                _log.error("store-send-failed error=%s", error)
                pause_s = max(self._interval_s, min(2 * pause_s, _PAUSE_S_MAX))
            await asyncio.sleep(pause_s)

    async def send(self, now_ms: int) -> int:
        """Send what VictoriaMetrics has not taken yet; gives how many blocks.

        Raises:
            OSError: It does not take them. They stay here.
        """
        schemas = dict(self._columns.schemas)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._sender, self._metrics.send, self._hot, schemas, now_ms)

    async def roll(self, now_ms: int) -> int:
        """See `EmbeddedTelemetry.roll`."""
        moved = await super().roll(now_ms)
        await asyncio.get_running_loop().run_in_executor(self._sender, self._metrics.forget, self._hot)
        return moved

    def _rolls(self, schemas: dict[bytes, Schema], before_ms: int, now_ms: int) -> Iterator[Roll]:
        return rolls(
            self._hot,
            self._lake,
            schemas,
            before_ms,
            Keeping((MINUTE, HOUR), lambda picked: self._metrics.confirmed(picked, schemas, now_ms)),
        )
