"""This file writes to the real VictoriaMetrics in both versions; it guards every value, and what is lost is told."""

import time
from pathlib import Path
from typing import Any

import pytest

from isolane.core.failures import IsolaneError
from isolane.health.links.influx.settings import InfluxSettings
from support.broker import Pki
from support.http_target import HttpTarget, Posted, Reply
from support.metric_servers import VictoriaMetrics
from support.outboxes import until
from support.shipping import ship
from support.target_rows import SCHEMA, rows_draft


@pytest.mark.metrics
@pytest.mark.parametrize(
    "version", [{"version": 2, "bucket": "b", "org": "o"}, {"version": 1, "database": "site"}], ids=["v2", "v1"]
)
async def test_victoria_metrics_has_value_for_value(
    victoria_metrics: VictoriaMetrics, server_pki: Pki, tmp_path: Path, version: dict[str, Any]
) -> None:
    run = f"influx{version['version']}"
    table = InfluxSettings(url=victoria_metrics.url, ca=server_pki.ca, tags={"run": run}, **version)
    start = time.time_ns() // 1_000_000_000 * 1000 - 600_000
    counts = await ship(table, [rows_draft(number, 10, start) for number in range(6)], SCHEMA, tmp_path)
    assert counts.samples == 240
    match = f'isolane_ac_voltage_volts{{charger="CP-1",site="north",gateway="gw-1",run="{run}"}}'
    expected = {start + 1000 * n: n / 10 for n in range(60)}
    await until(lambda: victoria_metrics.samples(match) == expected, "all values")


async def test_a_partial_write_is_counted_and_not_repeated(pki: Pki, tmp_path: Path) -> None:
    said = b'{"message":"failure writing points: partial write: points beyond retention policy dropped=7"}'

    def take(_: Posted) -> Reply:
        return Reply(422, said)

    target = HttpTarget(pki, take)
    await target.start()
    table = InfluxSettings(
        url=f"https://localhost:{target.port}",
        ca=pki.ca,
        certificate=pki.gateway.certificate,
        key=pki.gateway.key,
        bucket="b",
    )
    try:
        counts = await ship(table, [rows_draft(0)], SCHEMA, tmp_path)
    finally:
        await target.stop()
    assert counts.rejected == 7
    assert counts.refused == 0
    assert len(target.asked) == 1


@pytest.mark.parametrize("more", [{}, {"version": 1, "bucket": "b"}])
def test_a_version_without_its_place_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(IsolaneError, match="needs `"):
        InfluxSettings(url="https://x", **more)
