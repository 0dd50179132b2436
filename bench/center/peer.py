"""This file writes the same samples straight into VictoriaMetrics; it guards that only the server's own time counts."""

import json
import time
from dataclasses import dataclass

import numpy as np
from bench.center.intake import Pace
from bench.center.queries import Took, timed
from bench.center.samples import GATEWAY, SITE, STEP_MS, History, keys
from bench.center.servers import Victoria

from isolane.center.store.remote_write import Sending
from isolane.center.store.settings import VictoriaSettings
from isolane.center.store.victoria import VictoriaMetrics
from isolane.wire.block import Block, BlockKey
from isolane.wire.names import metric_name

_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Direct:
    """What was found: the server's pace, bytes of a sample at rest, and how long a chart took."""

    pace: Pace
    rest_bytes: float
    chart: Took


async def measure(server: Victoria, load: History, rows: int) -> Direct:
    """Write and ask."""
    client = VictoriaMetrics(VictoriaSettings(url=server.url))
    cpu_s, wall_s = server.cpu_s(), 0.0
    try:
        for number, piece in enumerate(load.pieces(rows), 1):
            block = Block(
                BlockKey(load.from_ms, 1, number),
                load.schema.id,
                piece.from_ms,
                STEP_MS,
                np.ascontiguousarray(piece.values),
                np.zeros(piece.values.shape, np.uint8),
            )
            sending = [Sending(SITE, GATEWAY, load.schema, block)]
            begun = time.perf_counter()
            client.write(sending)
            wall_s += time.perf_counter() - begun
    finally:
        client.close()
    pace = Pace(load.samples, wall_s, server.cpu_s() - cpu_s)
    rest = server.rest_bytes() / load.samples
    return Direct(pace, rest, await _chart(server, load))


async def _chart(server: Victoria, load: History) -> Took:
    """Ask for 24 h of four signals as a dashboard does, least, mean and greatest of each minute."""
    names = [metric_name(signal) for signal in load.signals if signal.key in keys() and signal.charger == "CP-01"]
    end_s = load.to_ms // 1000
    begin_s = max(load.from_ms // 1000, end_s - 24 * _HOUR_MS // 1000)
    selector = f'{{__name__=~"{"|".join(sorted(set(names)))}",charger="CP-01"}}'

    async def ask() -> int:
        found = 0
        for fold in ("min", "avg", "max"):
            query = f"{fold}_over_time({selector}[1m])"
            text = server.get(
                "/api/v1/query_range", query=query, start=str(begin_s), end=str(end_s), step="60", nocache="1"
            )
            found += sum(len(series["values"]) for series in json.loads(text)["data"]["result"])
        return found

    return await timed("24 h x 4 signals", ask)
