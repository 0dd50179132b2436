"""This file has a device name its units after formulas (OC-06); it guards that no export hands a spreadsheet one."""

import asyncio
import contextlib
import csv
import io
import re
import time
from http import HTTPStatus
from urllib.parse import quote

import numpy as np
from bench.attack.fill import UnknownError, unescape
from bench.attack.operations.court import Move, step
from bench.attack.operations.dom import show
from bench.attack.operations.ground import CHARGER, GATEWAY, SITE, T0_MS, Center

from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.port import Batch, BlockArrival, Origin, SchemaArrival
from isolane.center.store.settings import StoreSettings
from isolane.core.signals import Signal
from isolane.wire.block import Block, BlockKey, encode, gateway_tag
from isolane.wire.schema import Schema

_FORMULA = re.compile(r"[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_STREAM = 2
_READY_S = 30.0
"""A store that was just opened, on a busy machine, may have to be asked again."""


@step("seed")
async def seed(move: Move) -> None:
    """Have a charger of A tell signals of such units, or show a metric's name and unit on every page."""
    if set(move.arg) == {"metric_name", "unit"}:
        await show(move)
        return
    if set(move.arg) != {"values"}:
        raise UnknownError(f"seed {move.arg!r}")
    values = [unescape(str(value)) for value in move.arg["values"]]
    signals = [Signal(CHARGER["A"], f"1.0/EVSE/Seed{number}", value, 1.0) for number, value in enumerate(values)]
    await move.center.process.stop()
    await _store(move.center, tuple(signals))
    await move.center.start()
    move.center.seeded = values


async def _store(center: Center, signals: tuple[Signal, ...]) -> None:
    origin, schema = Origin(SITE["A"], GATEWAY["A"], T0_MS), Schema.of(signals)
    values = np.array([[3, 4]] * len(signals), np.int64)
    codes = np.zeros(values.shape, np.uint8)
    block = Block(BlockKey(T0_MS, _STREAM, 1), schema.id, T0_MS, 1000, values, codes, floats=schema.floats)
    data = encode(block, gateway_tag(origin.site, origin.gateway))
    async with contextlib.AsyncExitStack() as closing:
        telemetry = EmbeddedTelemetry(center.folder / "data/telemetry", StoreSettings())
        closing.push_async_callback(telemetry.close)
        arrival = BlockArrival(origin, block, data, len(data))
        await telemetry.commit(Batch((arrival,), (SchemaArrival(origin, schema),)))


@step("export")
async def export(move: Move) -> None:
    """Export the charger's series; each seed must be there."""
    if move.arg != "csv":
        raise UnknownError(f"export {move.arg!r}")
    center = move.center
    actor = await center.person("A", "viewer")
    names = [f"1.0/EVSE/Seed{number}" for number in range(len(center.seeded))]
    words = "&".join(f"signal={quote(name, safe='')}" for name in names)
    span = f"from_ms={T0_MS}&to_ms={T0_MS + 60_000}&format=csv"
    target = f"/api/v1/series?site={SITE['A']}&charger={CHARGER['A']}&{words}&{span}"
    end = time.monotonic() + _READY_S
    while (reply := await center.ask(actor, "GET", target)).status == HTTPStatus.SERVICE_UNAVAILABLE:
        if time.monotonic() > end:
            break
        await asyncio.sleep(0.2)
    cells = [cell for row in csv.reader(io.StringIO(reply.body.decode(), newline="")) for cell in row]
    for value in center.seeded:
        if value not in {cell.removeprefix("'") for cell in cells}:
            raise RuntimeError(f"{value!r} is not in the export: {reply.status} {reply.body[:300]!r}")
    loose = sorted({cell for cell in cells if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell)})
    center.measures["cells_prefixed"] = f"not prefixed: {loose}" if loose else True
