"""This file is `python -m bench.center.live`; it counts what a fleet page's stream costs a second.

A thousand chargers at 20 sites say power and temperature once a second, a third of them in a session; listeners of all
of them and of a page's worth count bytes. What the same seconds cost if all were told each time stands beside it.
"""

import asyncio
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np
from bench.center.intake import opened

from isolane.center.api.live import LiveStreams
from isolane.center.api.live_fleet import View
from isolane.center.ingest.intake import Intake
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_database
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.settings import StoreSettings
from isolane.core.signals import Signal
from isolane.wire.block import Block, BlockKey, encode, gateway_tag
from isolane.wire.schema import Schema
from isolane.wire.uplink import Up

CHARGERS, SITES = 1000, 20
SECONDS = 20
BEGUN_S = 120
"""What each charger has sent before anybody listens."""


async def _sent(intake: Intake, gateways: list["_Site"], rows: int) -> None:
    """Let every gateway send its next rows."""
    await asyncio.gather(*(intake.receive(one.name, one.gateway, Up.BLOCK, one.block(rows)) for one in gateways))


class _Site:
    """A gateway and its chargers, one in three of them in a session."""

    def __init__(self, number: int, t0_ms: int) -> None:
        self.name, self.gateway = f"site-{number:02}", f"gw-{number:02}"
        names = [f"DE-ISO-{number:02}-{at:03}" for at in range(CHARGERS // SITES)]
        signals = [(name, *one) for name in names for one in _SIGNALS]
        self.schema = Schema.of(tuple(Signal(*one) for one in signals))
        self._random = np.random.default_rng(number)
        self._busy = np.repeat(np.arange(len(names)) % 3 == 0, len(_SIGNALS))
        self._t0_ms, self._epoch, self._rows, self._sequence = t0_ms, t0_ms, 0, 0

    def block(self, rows: int) -> bytes:
        """Give the next rows."""
        at = self._t0_ms + 1000 * self._rows
        self._rows, self._sequence = self._rows + rows, self._sequence + 1
        noise = self._random.normal(0, 1, (len(self._busy), rows))
        values = np.where(self._busy[:, None], 300 + np.rint(8 * noise), 0).astype(np.int64)
        values[1 :: len(_SIGNALS)] += 200 + np.rint(0.6 * noise[1 :: len(_SIGNALS)]).astype(np.int64)
        key = BlockKey(self._epoch, 1, self._sequence)
        block = Block(key, self.schema.id, at, 1000, values, np.zeros(values.shape, np.uint8))
        return encode(block, gateway_tag(self.name, self.gateway))


_SIGNALS = (("1.0/EVSE/Power", "W", 100.0), ("1.0/TemperatureSensor[Contact]/Temperature", "Celsius", 0.1))


async def _counted(live: LiveStreams, view: View, sizes: list[int]) -> None:
    """Listen, and note the size of each event."""
    async for event in live.fleet(view):
        sizes += [len(event)] if b"event: fleet" in event else []


async def measure(folder: Path) -> None:
    """Let everybody send for some seconds, and print a table."""
    catalogue = SqlCatalogue(open_database(folder / "catalogue.sqlite3"))
    telemetry = EmbeddedTelemetry(folder / "telemetry", StoreSettings())
    t0_ms = (time.time_ns() // 1_000_000_000 - BEGUN_S) * 1000
    sites = [_Site(number, t0_ms) for number in range(SITES)]
    views = {"all": View(), "a page of 100": View(page=1), "a site of 50": View(frozenset({"site-00"}))}
    sizes: dict[str, list[int]] = {name: [] for name in views}
    whole: list[int] = []
    async with opened(catalogue, telemetry) as intake:
        for one in sites:
            await intake.receive(one.name, one.gateway, Up.SCHEMA, one.schema.json)
        await _sent(intake, sites, BEGUN_S)
        live = LiveStreams(telemetry)
        listening = [asyncio.create_task(_counted(live, view, sizes[name])) for name, view in views.items()]
        for second in range(SECONDS):
            await asyncio.sleep(max(0.0, t0_ms / 1000 + BEGUN_S + second + 1 - time.time()))
            await _sent(intake, sites, 1)
            whole.append(len(msgspec.json.encode(await telemetry.fleet())))
        await live.close()
        await asyncio.gather(*listening, return_exceptions=True)
    await telemetry.close()
    await catalogue.close()
    print(f"{CHARGERS} chargers, each with a row a second, {SECONDS} s\n")
    print("| listener | first event, kB | then, kB/s |\n|---|---|---|")
    print(f"| all of it each second | {whole[0] / 1000:.0f} | {sum(whole) / SECONDS / 1000:.1f} |")
    for name, found in sizes.items():
        print(f"| {name} | {found[0] / 1000:.0f} | {sum(found[1:]) / SECONDS / 1000:.1f} |")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(measure(Path(place)))
