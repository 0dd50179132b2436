"""This file answers "how is it now" from memory; it guards that a charger is online only when its own samples arrive.

It lives on the event loop's thread and is fed with every committed block.
"""

from collections.abc import Iterator

import numpy as np

from isolane.center.store.columns import Columns
from isolane.center.store.digest import Digests, Use
from isolane.center.store.latest import LastRow, PowerRing, sample, signal_now
from isolane.center.store.port import LiveSample
from isolane.center.store.views import ChargerSummary, SignalNow
from isolane.wire.block import Block

_SHOWN_ROWS_MAX = 128
"""Of one block: half of what a listener's queue holds, so that no single block ends a listener."""


class Glance:
    """Last rows, last contacts and an hour of power.

    Args:
        columns: What columns mean; shared with the store.
        offline_after_s: See `StoreSettings`.
    """

    def __init__(self, columns: Columns, offline_after_s: float) -> None:
        self._columns = columns
        self._offline_after_ms = offline_after_s * 1000
        self._last: dict[Use, LastRow] = {}
        self._seen_ms: dict[Use, int] = {}
        self._power: dict[Use, PowerRing] = {}
        self._digests = Digests(columns, self._last)

    def add(self, gateway: int, block: Block, received_ms: int) -> int:
        """Take a block in; gives the time of the newest row before it, ms, so that newer rows can be told apart."""
        use = (gateway, block.schema)
        self._seen_ms[use] = max(received_ms, self._seen_ms.get(use, 0))
        before = self._last.get(use)
        row = LastRow(
            block.t0_ms + block.step_ms * (block.values.shape[1] - 1), block.values[:, -1], block.codes[:, -1]
        )
        if before is None or row.t_ms >= before.t_ms:
            # Copies, so that a row does not keep its whole block in memory.
            self._last[use] = LastRow(row.t_ms, row.values.copy(), row.codes.copy())
        self._ring(use, block)
        return before.t_ms if before else block.t0_ms - 1

    def _ring(self, use: Use, block: Block) -> None:
        ring = self._power.get(use)
        if ring is None and (devices := self._columns.devices(*use)):
            ring = self._power[use] = PowerRing(self._columns.schemas[use[1]], devices)
        if ring is not None:
            ring.add(block)

    def rows(self, gateway: int, block: Block, device: str, after_ms: int, number: int) -> Iterator[LiveSample]:
        """Give a block's rows of one device after an instant, oldest first, numbered from `number` on.

        Of faster rows the first of each second: whoever listens looks on. Of a block longer than a listener's queue
        the end.
        """
        columns = self._columns.devices(gateway, block.schema).get(device)
        if not columns:
            return
        resolutions = {key: self._columns.column(block.schema, at).resolution for key, at in columns.items()}
        for row in _shown(block, after_ms):
            values = {
                key: sample(int(block.values[at, row]), int(block.codes[at, row]), resolutions[key])
                for key, at in columns.items()
            }
            yield LiveSample(number, block.t0_ms + row * block.step_ms, values)
            number += 1

    def signals(self, site: str, device: str) -> list[SignalNow]:
        """See `Telemetry.signals`. Of a signal that several schemas carry, the newest sample counts."""
        uses = [(carrier.gateway, carrier.schema) for carrier in self._columns.carriers(site, device)]
        found: dict[str, SignalNow] = {}
        for use in sorted(uses, key=lambda use: self._last[use].t_ms if use in self._last else 0):
            schema, row = self._columns.schemas[use[1]], self._last.get(use)
            for key, at in self._columns.devices(*use).get(device, {}).items():
                found[key] = signal_now(key, schema.columns[at], at, row)
        return [found[key] for key in sorted(found)]

    def fleet(self, site: str | None, now_ms: int) -> list[ChargerSummary]:
        """See `Telemetry.fleet`."""
        found = [
            self._summary(where, charger, uses, now_ms)
            for (where, charger), uses in self._columns.chargers(site).items()
        ]
        return sorted(found, key=_worst_first)

    def _summary(self, site: str, charger: str, uses: list[Use], now_ms: int) -> ChargerSummary:
        now = self._digests.of(site, charger, uses)
        last_seen_ms, newest = max((self._seen_ms.get(use, 0), use) for use in uses)
        is_heard = now_ms - last_seen_ms <= self._offline_after_ms
        return ChargerSummary(
            site,
            self._columns.gateway_name(*newest),
            charger,
            last_seen_ms,
            is_heard and now.bad_signals < now.signals,
            now.state,
            now.power_w,
            now.temperature_max_c,
            now.signals,
            now.bad_signals,
            now.stale_signals,
            now.session_active,
            self._recent(charger, uses, now_ms),
        )

    def _recent(self, charger: str, uses: list[Use], now_ms: int) -> list[float | None]:
        """Give an hour of power; each minute of the stream that knows it best, of equals of the newest schema."""
        out: list[float | None] = []
        rings = [ring for use in uses if (ring := self._power.get(use))]
        for ring in sorted(rings, key=lambda each: each.rank(charger), reverse=True):
            means = ring.means(charger, now_ms)
            out = (
                [old if new is None else new for old, new in zip(out, means, strict=True)]
                if out and means
                else out or means
            )
        return out


def _worst_first(charger: ChargerSummary) -> tuple[bool, bool, int, str, str]:
    return (charger.state != "faulted", charger.online, -charger.bad_signals, charger.site, charger.charger)


def _shown(block: Block, after_ms: int) -> list[int]:
    """Choose the rows of a block that a listener is shown."""
    t_ms = block.t0_ms + np.arange(block.values.shape[1]) * block.step_ms
    second = t_ms // 1000
    begins = np.diff(second, prepend=second[0] - 1) != 0
    shown: list[int] = np.flatnonzero(begins & (t_ms > after_ms))[-_SHOWN_ROWS_MAX:].tolist()
    return shown
