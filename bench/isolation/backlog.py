"""This file fills an outbox with the blocks of an outage; it guards that the product's own outbox writes them."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from bench.isolation.signals import COLUMNS, Walk

from isolane.config.load import load
from isolane.config.site import Site
from isolane.core.clock import NS_PER_MS
from isolane.health.outbox.pack import Pack
from isolane.health.outbox.records import Draft
from isolane.health.outbox.store import Store
from isolane.health.settings import HealthSettings
from isolane.health.sources import catalogue
from isolane.wire.block import gateway_tag
from isolane.wire.schema import Schema

_ROWS_AT_ONCE = 600
_STEP_MS = 1000
_BEGAN_MS = 1_780_000_000_000
_LINK = "mqtt"


class _Past:
    """Both clocks during the outage."""

    def __init__(self) -> None:
        self.now_ms = _BEGAN_MS

    def mono_ns(self) -> int:
        return (self.now_ms - _BEGAN_MS) * NS_PER_MS

    def utc_ns(self) -> int:
        return self.now_ms * NS_PER_MS


def fill(settings_file: Path, path: Path, hours: float) -> int:
    """Write the outbox of a site that was cut off for hours, at a row a second.

    Args:
        settings_file: Of the site; its names, signals and block size are used.
        path: The file to write, best on a memory file system: each block is synced to it.
        hours: Length of the outage.

    Returns:
        Samples that wait in it.
    """
    site, health = load(settings_file, "site", Site), load(settings_file, "health", HealthSettings)
    past = _Past()
    schema = Schema.of(catalogue.signals_of(catalogue.build(health.sources, site, past)))
    settings = msgspec.structs.replace(health.outbox, path=path)
    store = Store(settings, gateway_tag(site.name, site.gateway), past, schema, frozenset({_LINK}))
    store.open()
    for draft in _drafts(schema, settings.block_rows, int(hours * 3600)):
        past.now_ms = draft.end_ms
        store.put(draft)
    past.now_ms += settings.backfill_after_s * 1000
    store.tend()
    queued = store.tally.queued
    store.close()
    return queued


def _drafts(schema: Schema, block_rows: int, rows: int) -> Iterator[Draft]:
    walk, pack = Walk(0), Pack(schema.id, COLUMNS, _STEP_MS, block_rows)
    codes = np.zeros(COLUMNS, np.uint8)
    for begin in range(0, rows, _ROWS_AT_ONCE):
        values = walk.rows(_ROWS_AT_ONCE)
        for row in range(min(_ROWS_AT_ONCE, rows - begin)):
            yield from pack.add(_BEGAN_MS + (begin + row) * _STEP_MS, values[:, row], codes)
    yield from pack.seal()
