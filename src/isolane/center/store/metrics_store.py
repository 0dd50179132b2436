"""This file keeps full-rate samples in VictoriaMetrics; it guards that a block is forgotten here only when it is there.

VictoriaMetrics acknowledges samples that it has in memory alone, and drops in silence what it does not like. So a block
stays in the hot store, which is durable, until VictoriaMetrics has given every sample's time back `settle_s` after it
took them: by then what it had in memory is on its disk. What it does not give back is sent again; the same sample twice
is one sample.

`send` runs on one thread, `confirmed` on another, `steps` on any.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from isolane.center.store.hot import HotStore, read_blocks
from isolane.center.store.hot_read import HotTimes
from isolane.center.store.partials import Partials, fold
from isolane.center.store.remote_write import BOUND_METRIC, CODE_METRIC, RUNG_LABEL, Line, Sending, lines
from isolane.center.store.rolling import Picked
from isolane.center.store.victoria import Stored, VictoriaMetrics
from isolane.center.store.views import SeriesQuery
from isolane.core.rungs import Rung
from isolane.core.samples import Quality
from isolane.core.signals import Signal
from isolane.wire.block import I64, decode
from isolane.wire.floats import to_bits
from isolane.wire.names import metric_name, unit
from isolane.wire.schema import Column, Schema

_log = logging.getLogger(__name__)

_DAY_MS = 86_400_000
_SAMPLES_AT_ONCE = 200_000
"""Of one request, out or back: about 4 MB before it is packed."""
_LABELS_AS_SAMPLES = 20
"""What a series costs in a request beside its samples, in samples: in a block of one row nearly all of it is names."""
_READ_AT_ONCE_MS = 2 * 3_600_000
_GATEWAY = "gateway:"

_NUMBERS_AT_ONCE = 500

_Row = tuple[int, str, str, bytes, int, int]
"""Number, site, gateway, schema, time of the first row, samples of a hot block."""
_SeriesId = tuple[str, str, str, str]
"""Name, charger, key and rung of a series within a gateway's stream."""


class MetricsStore:
    """Sends hot blocks to VictoriaMetrics, asks them back, and reads.

    Args:
        victoria: Where they go.
        settle_s: See `VictoriaSettings`.
        days: How long full-rate samples are kept, d; 0 for ever. Older blocks need not be there.
    """

    def __init__(self, victoria: VictoriaMetrics, settle_s: float, days: int) -> None:
        self._victoria = victoria
        self._settle_s = settle_s
        self._days = days
        self._lock = threading.Lock()
        self._taken: dict[int, float] = {}
        """When it took the hot blocks that it has taken, on the monotonic clock, by number."""
        self._after = 0
        """Hot blocks up to this number are either in `_taken` or in `_waiting`."""
        self._waiting: set[int] = set()
        self.lost_blocks = 0

    @property
    def waiting_blocks(self) -> int:
        """Blocks that were to be sent and are not taken."""
        return len(self._waiting)

    # Sending

    def send(self, hot: HotStore, schemas: Mapping[bytes, Schema], now_ms: int) -> int:
        """Send the hot blocks that have not been taken and whose schema is known; gives how many.

        Raises:
            OSError: It does not take them; those before are taken.
        """
        rows = self._unsent(hot)
        # What lies in the future is a gateway's wrong clock; VictoriaMetrics would drop it until its time has come.
        wanted = [row for row in rows if row[3] in schemas and row[4] < now_ms + _DAY_MS]
        for part in _parts([row[5] + _LABELS_AS_SAMPLES * len(schemas[row[3]].columns) for row in wanted]):
            places = {row[0]: row for row in wanted[part]}
            with hot.reading() as connection:
                found = dict(read_blocks(connection, list(places)))
            self._victoria.write(
                Sending(places[number][1], places[number][2], schemas[places[number][3]], decode(data))
                for number, data in found.items()
            )
            with self._lock:
                self._taken.update(dict.fromkeys(found, time.monotonic()))
                self._waiting.difference_update(found)
        return len(wanted)

    def _unsent(self, hot: HotStore) -> list[_Row]:
        """Find what is new and what is still waiting, by number."""
        query = (
            "SELECT b.number, g.site, g.name, b.schema, b.t0_ms, b.samples FROM block b"
            " JOIN gateway g ON g.id = b.gateway WHERE b.number"
        )
        with self._lock:
            waiting = sorted(self._waiting)
        with hot.reading() as connection:
            rows: list[_Row] = []
            for at in range(0, len(waiting), _NUMBERS_AT_ONCE):
                part = waiting[at : at + _NUMBERS_AT_ONCE]
                # Only question marks are put into the text.
                rows += connection.execute(f"{query} IN ({','.join('?' * len(part))})", part)
            rows += connection.execute(f"{query} > ? ORDER BY b.number", (self._after,))
        with self._lock:
            self._waiting = {row[0] for row in rows} | (self._waiting - set(waiting))
        self._after = max([self._after, *(row[0] for row in rows)])
        return rows

    def forget(self, hot: HotStore) -> None:
        """Forget blocks that have left the hot store."""
        with hot.reading() as connection:
            here = {number for (number,) in connection.execute("SELECT number FROM block")}
        with self._lock:
            self._taken = {number: when for number, when in self._taken.items() if number in here}

    # Asking back

    def confirmed(self, picked: Sequence[Picked], schemas: Mapping[bytes, Schema], now_ms: int) -> set[int]:
        """Give the numbers of those blocks that are there for good; what should be there and is not is sent again.

        Raises:
            OSError: It does not answer.
        """
        expired_ms = now_ms - self._days * _DAY_MS if self._days else 0
        old = {one.number for one in picked if _end_ms(one) <= expired_ms}
        with self._lock:
            since = time.monotonic() - self._settle_s
            settled = [one for one in picked if self._taken.get(one.number, since + 1) <= since]
        here: set[int] = set()
        for group in _grouped([one for one in settled if one.number not in old]):
            here |= self._ask_back(group, schemas)
        lost = {one.number for one in settled} - here - old
        if lost:
            self.lost_blocks += len(lost)
            _log.warning("metrics-store-lost blocks=%d", len(lost))
            with self._lock:
                for number in lost:
                    self._taken.pop(number, None)
                self._waiting |= lost
        return here | old

    def _ask_back(self, group: Sequence[Picked], schemas: Mapping[bytes, Schema]) -> set[int]:
        """Give the numbers of those blocks, all of one gateway, stream and step, of which every sample is there."""
        first = group[0]
        match = {
            "site": first.site,
            "gateway": first.gateway,
            "stream": str(first.block.key.stream),
            "step_ms": str(first.block.step_ms),
        }
        span = min(one.block.t0_ms for one in group), max(_end_ms(one) for one in group)
        stored: dict[_SeriesId, I64] = {_id_of(one): one.t_ms for one in self._victoria.export([match], *span)}
        none = np.empty(0, np.int64)
        here = set()
        for one in group:
            wanted = lines(schemas[one.block.schema], one.block)
            if all(_has(stored.get(_id(line), none), line.t_ms) for line in wanted):
                here.add(one.number)
        return here

    # Reading

    def steps(
        self, query: SeriesQuery, columns: Sequence[Column], span: tuple[int, int], step_ms: int, hot: HotTimes
    ) -> dict[str, list[Partials]]:
        """See `FarReader.steps`."""
        factors: dict[tuple[str, str], float] = {}
        for column in columns:
            signal = Signal(column.charger, column.key, column.unit, column.resolution)
            factors[column.key, metric_name(signal)] = float(unit(column.unit).factor)
        device = {"site": query.site, "charger": query.device}
        if query.device.startswith(_GATEWAY):
            device = {"site": query.site, "charger": "", "gateway": query.device.removeprefix(_GATEWAY)}
        matches = [{**device, "signal": key} for key in sorted({column.key for column in columns})]
        found: dict[str, list[Partials]] = {}
        for begin in range(span[0], span[1], _READ_AT_ONCE_MS) if matches else ():
            stored = list(self._victoria.export(matches, begin, min(begin + _READ_AT_ONCE_MS, span[1])))
            for key, part in _folded(stored, factors, step_ms, hot):
                found.setdefault(key, []).append(part)
        return found


def _has(stored: I64, t_ms: I64) -> bool:
    """Tell whether all of some instants are among others, which ascend."""
    at = np.searchsorted(stored, t_ms)
    return bool(at[-1] < stored.size and (stored[at] == t_ms).all()) if t_ms.size else True


def _folded(
    stored: Sequence[Stored], factors: Mapping[tuple[str, str], float], step_ms: int, hot: HotTimes
) -> Iterator[tuple[str, Partials]]:
    """Fold series into steps, each with its codes and bounds; samples of hot blocks are left out."""
    beside: dict[frozenset[tuple[str, str]], list[Stored]] = {}
    for one in stored:
        if one.labels["__name__"] in {CODE_METRIC, BOUND_METRIC}:
            beside.setdefault(_place(one), []).append(one)
    for one in stored:
        key = one.labels["signal"]
        factor = factors.get((key, one.labels["__name__"]))
        if factor is None:
            continue
        here = hot.get((one.labels["gateway"], int(one.labels["stream"]), key), np.empty(0, np.int64))
        rest = np.flatnonzero(~np.isin(one.t_ms, here))
        if rest.size:
            sole = Stored(one.labels, one.t_ms[rest], one.values[rest] / factor)
            yield key, _steps(sole, beside.get(_place(one), ()), factor, step_ms)


def _steps(one: Stored, beside: Sequence[Stored], factor: float, step_ms: int) -> Partials:
    """Fold one series, given in its signal's unit, with what stands beside it."""
    marks = np.where(np.isnan(one.values), np.uint8(Quality.BAD), np.uint8(0))
    rungs, bound = np.zeros(one.t_ms.size, np.int64), np.zeros(one.t_ms.size)
    for told in beside:
        at = np.searchsorted(one.t_ms, told.t_ms).clip(max=one.t_ms.size - 1)
        same = one.t_ms[at] == told.t_ms
        if told.labels["__name__"] == CODE_METRIC:
            marks[at[same]] = told.values[same].astype(np.uint8)
        else:
            rungs[at[same]] |= 1 << Rung[told.labels[RUNG_LABEL].upper()]
            bound[at[same]] = told.values[same] / factor
    bucket = one.t_ms // step_ms
    interval_ms = np.full(bucket.size, int(one.labels["step_ms"]))
    part = fold(bucket, interval_ms, to_bits(one.values), marks, 0.0, thinned=(rungs, np.zeros_like(rungs)))
    starts = np.flatnonzero(np.diff(bucket, prepend=bucket[0] - 1))
    return replace(part, bound=np.maximum.reduceat(bound, starts))


def _place(stored: Stored) -> frozenset[tuple[str, str]]:
    """Give what a series shares with those that stand beside it."""
    return frozenset(pair for pair in stored.labels.items() if pair[0] not in {"__name__", RUNG_LABEL})


def _end_ms(one: Picked) -> int:
    rows: int = one.block.values.shape[1]
    return one.block.t0_ms + one.block.step_ms * rows


def _id(line: Line) -> _SeriesId:
    return line.name, line.signal.charger, line.signal.key, line.rung


def _id_of(stored: Stored) -> _SeriesId:
    told = stored.labels
    return told["__name__"], told.get("charger", ""), told["signal"], told.get(RUNG_LABEL, "")


def _grouped(picked: Sequence[Picked]) -> Iterator[list[Picked]]:
    """Put blocks of one gateway, stream and step together, in the order of time, not too many at once."""
    groups: dict[tuple[str, str, int, int], list[Picked]] = {}
    for one in picked:
        groups.setdefault((one.site, one.gateway, one.block.key.stream, one.block.step_ms), []).append(one)
    for group in groups.values():
        group.sort(key=lambda one: one.block.t0_ms)
        for part in _parts([one.block.values.size for one in group]):
            yield group[part]


def _parts(samples: Sequence[int]) -> Iterator[slice]:
    """Cut a list of things with so many samples each into slices of not too many."""
    begin = total = 0
    for at, size in enumerate(samples):
        if total + size > _SAMPLES_AT_ONCE and at > begin:
            yield slice(begin, at)
            begin, total = at, 0
        total += size
    if begin < len(samples):
        yield slice(begin, len(samples))
