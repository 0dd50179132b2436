"""This file reads back from the real Prometheus and VictoriaMetrics what was written; it guards every value."""

import asyncio
import dataclasses
import time
from pathlib import Path

import numpy as np
import pytest

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.health.links.remote_write.link import remote_write_link
from isolane.health.links.remote_write.settings import RemoteWriteSettings
from isolane.health.outbox.cursor import Pace
from isolane.health.outbox.outbox import Outbox
from support.broker import Pki
from support.metric_servers import MetricServer, Prometheus, VictoriaMetrics
from support.outboxes import GATEWAY, SITE, TAG, settings, until
from support.shipping import ship
from support.target_rows import BAD, SCHEMA, rows_draft

pytestmark = pytest.mark.metrics
VOLTAGE = (
    'isolane_ac_voltage_volts{charger="CP-1",gateway="gw-1",site="north",evse="1",variable_instance="L1",run="%s"}'
)


def table(server: MetricServer, pki: Pki, run: str) -> RemoteWriteSettings:
    return RemoteWriteSettings(url=f"{server.url}/api/v1/write", ca=pki.ca, labels={"run": run}, reconnect_s_max=0.2)


async def test_victoria_metrics_has_value_for_value(
    victoria_metrics: VictoriaMetrics, server_pki: Pki, tmp_path: Path
) -> None:
    start = time.time_ns() // 1_000_000_000 * 1000 - 600_000
    drafts = [rows_draft(number, 10, start) for number in range(6)]
    counts = await ship(table(victoria_metrics, server_pki, "vm"), drafts, SCHEMA, tmp_path)
    assert counts.samples == 240
    expected = {start + 1000 * n: float(f"{n // 10}.{n % 10}") for n in range(60)}
    await until(lambda: victoria_metrics.samples(VOLTAGE % "vm") == expected, "all values")
    joules = victoria_metrics.samples('isolane_energy_import_register_joules{run="vm"}')
    assert joules == {start + 1000 * n: (1000 + n) * 3600.0 for n in range(60)}
    assert set(victoria_metrics.samples('isolane_x_cpu_ratio{run="vm"}').values()) == {0.125}


async def test_prometheus_has_value_for_value_and_ends_series_at_holes(
    prometheus: Prometheus, server_pki: Pki, tmp_path: Path
) -> None:
    start = time.time_ns() // 1_000_000_000 * 1000 - 600_000
    drafts = [rows_draft(number, 10, start) for number in (0, 1, 4)]
    codes = np.zeros((4, 10), np.uint8)
    codes[1, 5:8] = BAD
    drafts[1] = dataclasses.replace(drafts[1], codes=codes)
    counts = await ship(table(prometheus, server_pki, "prom"), drafts, SCHEMA, tmp_path)
    assert counts.refused == counts.failures == 0
    there = [*range(15), 18, 19, *range(40, 50)]
    expected = {start + 1000 * n: n / 10 for n in there}
    got = prometheus.samples(VOLTAGE % "prom", start, start + 60_000)
    assert got == expected

    def at(second: int) -> bytes:
        return prometheus.get("/api/v1/query", query=VOLTAGE % "prom", time=str(start // 1000 + second))

    assert b'"1.4"' in at(14)
    assert b'"result":[]' in at(16), "a line across the failed readings"
    assert b'"1.9"' in at(19)
    assert b'"result":[]' in at(30), "a line across the missing blocks"
    assert b'"4.5"' in at(45)


async def test_what_is_older_than_the_window_is_refused_alone_and_the_rest_goes_on(
    prometheus: Prometheus, server_pki: Pki, tmp_path: Path
) -> None:
    # As rows come that a clock which was behind has stamped.
    start = time.time_ns() // 1_000_000_000 * 1000 - 600_000
    past = start - 3 * 86_400_000
    outbox = Outbox(settings(tmp_path / "o.db"), TAG, SystemClock(), SCHEMA, frozenset({"remote_write"}))
    await outbox.open()
    cursor = outbox.cursor("remote_write", Pace(1, 60.0, 3600.0, newest_first=False, in_order=True))
    link = remote_write_link(
        table(prometheus, server_pki, "behind"), Site(name=SITE, gateway=GATEWAY, run_dir=tmp_path), SystemClock()
    )
    for number, begin in ((0, start), (1, past), (2, start)):
        await outbox.put(rows_draft(number, 10, begin))
    task = asyncio.create_task(link.run(cursor))
    try:
        await until(lambda: outbox.tally.blocks_queued == 1 and cursor.set_aside == 1, "the rest")
        assert (link.counts.refused, link.counts.failures) == (1, 0)
    finally:
        task.cancel()
        await asyncio.wait({task})
        await outbox.close()
    expected = {start + 1000 * n: n / 10 for n in (*range(10), *range(20, 30))}
    assert prometheus.samples(VOLTAGE % "behind", start, start + 60_000) == expected


async def test_late_blocks_fit_the_out_of_order_window(prometheus: Prometheus, server_pki: Pki, tmp_path: Path) -> None:
    start = time.time_ns() // 1_000_000_000 * 1000 - 600_000
    drafts = [rows_draft(number, 10, start) for number in (2, 0, 1)]
    counts = await ship(table(prometheus, server_pki, "late"), drafts, SCHEMA, tmp_path)
    assert counts.refused == 0
    got = prometheus.samples(VOLTAGE % "late", start, start + 60_000)
    assert got == {start + 1000 * n: n / 10 for n in range(30)}
