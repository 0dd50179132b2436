"""This file kills a gateway and its center in turn while bundles are under way between them.

It guards that over HTTPS every number of every epoch is at the center once, and that the books balance to the sample.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.broker import Pki, free_port, make_pki
from support.center_process import CenterProcess
from support.health_process import Health
from support.outboxes import GATEWAY, until
from support.patience import PATIENCE_S

CENTER = """
[center]
data = "data"
console = "127.0.0.1:0"

[center.https]
address = "127.0.0.1:{port}"
certificate = "{pki.server.certificate}"
key = "{pki.server.key}"
client_ca = "{pki.ca}"
"""
LINK = 'type = "https"\nurl = "https://127.0.0.1:{port}"\n'
BACKLOG = 12


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"), GATEWAY)


def stored(folder: Path) -> list[tuple[int, int]]:
    """Read the center's blocks: (epoch, sequence)."""
    with closing(sqlite3.connect(folder / "data" / "telemetry" / "hot.sqlite3")) as hot:
        return hot.execute("SELECT epoch, sequence FROM block ORDER BY epoch, sequence").fetchall()


def metric(health: Health, name: str) -> Callable[[], float]:
    return lambda: health.metrics()[name]


async def test_killed_in_turn_nothing_is_lost_and_nothing_counted_twice(tmp_path: Path, pki: Pki) -> None:
    port = free_port()
    (tmp_path / "gateway").mkdir()
    center = CenterProcess(tmp_path, CENTER.format(pki=pki, port=port))
    health = Health(tmp_path / "gateway", pki, LINK.format(port=port))
    try:
        for gateway_dies in (False, True, False, True):
            await health.start()
            waiting = metric(health, "isolane_health_outbox_blocks")
            bundles = metric(health, 'isolane_health_link_events_total{event="bundles",link="https"}')
            await until(lambda blocks=waiting: blocks() >= BACKLOG, "a backlog")  # type: ignore[misc]
            center.start()
            await until(lambda taken=bundles: taken() >= 1, "a bundle")  # type: ignore[misc]
            if gateway_dies:
                health.kill()
                center.stop(9)
            else:
                center.stop(9)
                health.kill()
        await health.start()
        center.start()
        await until(lambda: health.metrics()["isolane_health_outbox_blocks"] <= 1, "nothing left")
        assert await health.stop() == 0
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{center.console}/api/v1", timeout=PATIENCE_S
        ) as console:
            lines: list[dict[str, Any]] = (await console.get("/ledger")).json()
        center.stop()
    finally:
        health.kill()
        center.end()
    assert {line["verdict"] for line in lines} == {"balanced"}
    assert all(line["produced"] == line["acknowledged"] == line["samples"] for line in lines)
    blocks = stored(tmp_path)
    assert len(set(blocks)) == len(blocks) == sum(line["blocks"] for line in lines)
    for epoch in {epoch for epoch, _ in blocks}:
        numbers = [sequence for one, sequence in blocks if one == epoch]
        assert numbers == list(range(1, len(numbers) + 1))
