"""This file reads series out of hot blocks and the lake together; it guards that both are of one instant.

It runs on a reader's thread. What is in memory (schemas, carriers) is handed to it, so that it shares nothing but the
cache.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from isolane.center.store.assemble import assemble
from isolane.center.store.cache import BlockCache
from isolane.center.store.columns import Carrier
from isolane.center.store.hot import HotBlock, HotStore, find_blocks, find_gaps, read_blocks
from isolane.center.store.lake import RAW, ROLLUPS_MS, row_thinned, row_times
from isolane.center.store.lake_read import LakeReader, find_files, kind_for
from isolane.center.store.minutes import as_signal, signal_of
from isolane.center.store.partials import Partials, fold, merge
from isolane.center.store.steps import align, choose_step_ms
from isolane.center.store.views import GapRange, Series, SeriesQuery, SignalSeries
from isolane.wire.block import I64, Block, decode
from isolane.wire.schema import Column

_SAMPLES_AT_ONCE = 1 << 22
"""Decoded samples that one question holds in memory at a time: 40 MB."""

Wanted = tuple[Carrier, dict[str, Column]]
"""Blocks that carry the device, and those of its columns that are asked for, by signal key."""


HotTimes = dict[tuple[str, int, str], I64]
"""When the rows of hot blocks are, UTC ms, by gateway, stream and a column's key."""


LakeSteps = dict[str, list[tuple[str, float, Partials]]]
"""What files hold of signals: unit, resolution and steps by key."""


class FarReader(Protocol):
    """A store of full-rate samples on another machine, which can have hot blocks already."""

    def steps(
        self, query: SeriesQuery, columns: Sequence[Column], span: tuple[int, int], step_ms: int, hot: HotTimes
    ) -> dict[str, list[Partials]]:
        """Fold what it holds of some columns within a span, by key; what is hot counts as not there.

        Raises:
            OSError: It does not answer.
        """
        ...


@dataclass(slots=True)
class _Found:
    """What one picture of the store holds of a query: folded hot blocks, and the lake's files still to be read."""

    span: tuple[int, int]
    step_ms: int = 1
    parts: dict[str, list[Partials]] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    records: dict[str, list[GapRange]] = field(default_factory=dict)
    """Gap records of the streams that carry a signal, by its key."""
    hot: HotTimes = field(default_factory=dict)


class SeriesReader:
    """Reads series.

    Args:
        hot: Hot blocks and the book of lake files.
        cache: Decoded blocks.
        lake: The lake.
        far: Where full-rate samples are beside the lake.
    """

    def __init__(self, hot: HotStore, cache: BlockCache, lake: LakeReader, far: FarReader | None = None) -> None:
        self._hot = hot
        self._cache = cache
        self._lake = lake
        self._far = far

    def read(self, query: SeriesQuery, wanted: Sequence[Wanted]) -> Series:
        """Answer a query.

        Args:
            query: See there.
            wanted: All blocks that carry the device.

        Raises:
            OSError: The lake cannot be read.
        """
        found, from_lake = self._from_lake(query, wanted)
        # Sums of minutes first, so that a signal's own words stand.
        named = [(key, column) for _, columns in wanted for key, column in columns.items()]
        named.sort(key=lambda entry: entry[0] == entry[1].key)
        words = {key: (column.unit, column.resolution) for key, column in named}
        for key, folded in from_lake.items():
            words.setdefault(key, folded[-1][:2])
            found.parts[key] += [part for _, _, part in folded]
        if self._far is not None and kind_for(found.step_ms) == RAW:
            far = self._far.steps(query, [column for _, column in named], found.span, found.step_ms, found.hot)
            for key, of in sorted({(key, column.key) for key, column in named}):
                found.parts[key] += [_part_of(part, key, of) for part in far.get(of, ())]
        signals = []
        for key, parts in found.parts.items():
            series = SignalSeries(key, *words.get(key, ("", 0.0)))
            if parts:
                steps = merge(parts)
                records = found.records[key]
                assemble(series, steps, span=found.span, step_ms=found.step_ms, records=records)
            signals.append(series)
        return Series(query.site, query.device, *found.span, found.step_ms, signals)

    def _from_lake(self, query: SeriesQuery, wanted: Sequence[Wanted]) -> tuple[_Found, LakeSteps]:
        """Find what there is and read the lake's part of it; once more where its files are others meanwhile."""
        found = self._find(query, wanted)
        try:
            return found, self._lake.steps(found.paths, query.device, query.signals, found.span, found.step_ms)
        except OSError:
            # What is too old is struck from the book and removed at once, and somebody can be about to read it.
            again = self._find(query, wanted)
            if again.paths == found.paths:
                raise
            return again, self._lake.steps(again.paths, query.device, query.signals, again.span, again.step_ms)

    def _find(self, query: SeriesQuery, wanted: Sequence[Wanted]) -> _Found:
        """Choose the step, fold hot blocks, list files and gap records: all in one picture."""
        found = _Found((query.from_ms, query.to_ms), parts={key: [] for key in query.signals})
        with self._hot.reading() as connection:
            places = [find_blocks(connection, c.gateway, c.schema, *found.span) for c, _ in wanted]
            steps = {place.step_ms for blocks in places for place in blocks}
            in_files = dict(
                connection.execute(
                    "SELECT kind, min(step_ms) FROM file WHERE site = ? AND from_ms < ? AND to_ms > ? GROUP BY kind",
                    (query.site, query.to_ms, query.from_ms),
                ).fetchall()
            )
            interval_ms = min(steps | set(in_files.values()), default=0)
            if not steps and in_files and RAW not in in_files and self._far is None:
                # Full rate has expired: finer steps than what is left would show nothing.
                interval_ms = max(interval_ms, min(ROLLUPS_MS[kind] for kind in in_files))
            found.step_ms = choose_step_ms(query.to_ms - query.from_ms, query.points, interval_ms)
            found.span = align(*found.span, found.step_ms)
            names = dict(connection.execute("SELECT id, name FROM gateway WHERE site = ?", (query.site,)))
            records: dict[str, set[tuple[int, int, str]]] = {key: set() for key in query.signals}
            for carrier, columns in wanted:
                for key, part in self._fold(connection, carrier, columns, found, names[carrier.gateway]):
                    found.parts[key].append(part)
                told = find_gaps(connection, carrier.gateway, carrier.streams, *found.span) if columns else []
                for key in columns:
                    records[key].update(told)
            for key, lost in records.items():
                found.records[key] = [GapRange(begin, end, [reason]) for begin, end, reason in sorted(lost)]
            found.paths = find_files(connection, query.site, kind_for(found.step_ms), found.span)
        return found

    def _fold(
        self, connection: sqlite3.Connection, carrier: Carrier, columns: dict[str, Column], found: _Found, gateway: str
    ) -> Iterator[tuple[str, Partials]]:
        """Fold the hot blocks of one schema, so many at a time that memory stays bounded."""
        places = find_blocks(connection, carrier.gateway, carrier.schema, *found.span) if columns else []
        while places:
            samples = np.cumsum([place.samples for place in places])
            count = max(1, int(np.searchsorted(samples, _SAMPLES_AT_ONCE)))
            blocks = self._load(connection, places[:count])
            if self._far is not None:
                _note_times(found.hot, gateway, columns, blocks)
            yield from _fold_blocks(carrier, columns, blocks, found)
            places = places[count:]

    def _load(self, connection: sqlite3.Connection, places: Sequence[HotBlock]) -> list[Block]:
        """Give decoded blocks in the order of their places."""
        numbers = [place.number for place in places]
        blocks = self._cache.get(numbers)
        for number, data in read_blocks(connection, [number for number in numbers if number not in blocks]):
            blocks[number] = decode(data)
            self._cache.put(number, blocks[number])
        return [blocks[number] for number in numbers]


def _part_of(part: Partials, key: str, of: str) -> Partials:
    """Read steps of a column as steps of the signal that is asked for, which it may be a sum of."""
    return part if key == of else as_signal(part, signal_of(of)[1])


def _note_times(hot: HotTimes, gateway: str, columns: dict[str, Column], blocks: Sequence[Block]) -> None:
    """Note when the rows of some columns of some blocks are."""
    for stream in {block.key.stream for block in blocks}:
        t_ms, _ = row_times([block for block in blocks if block.key.stream == stream])
        for column in columns.values():
            place = (gateway, stream, column.key)
            hot[place] = np.concatenate([hot.get(place, np.empty(0, np.int64)), t_ms])


def _fold_blocks(
    carrier: Carrier, columns: dict[str, Column], blocks: Sequence[Block], found: _Found
) -> Iterator[tuple[str, Partials]]:
    """Fold the wanted columns of some blocks of one schema, rows outside the span left out."""
    t_ms, interval_ms = row_times(blocks)
    within = np.flatnonzero((t_ms >= found.span[0]) & (t_ms < found.span[1]))
    order = within[np.argsort(t_ms[within], kind="stable")]
    if not order.size:
        return
    at = np.array([carrier.columns[key] for key in columns], np.intp)
    values = np.concatenate([block.values[at] for block in blocks], axis=1)[:, order]
    codes = np.concatenate([block.codes[at] for block in blocks], axis=1)[:, order]
    bucket = t_ms[order] // found.step_ms
    rungs, bound = (part[order] for part in row_thinned(blocks))
    for row, (key, column) in enumerate(columns.items()):
        thinned = rungs, bound if column.unit else np.zeros_like(bound)
        part = fold(bucket, interval_ms[order], values[row], codes[row], column.resolution, thinned=thinned)
        yield key, _part_of(part, key, column.key)
