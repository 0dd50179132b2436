"""This file kills and freezes Channel B during transactions and holds Channel A's bytes against it.

Real processes, as the command line starts them: relay, tap, health and center; chargers and CSMS journal every byte.
"""

import asyncio
import json
import os
import signal
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from support.journalled import JournallingCharger, JournallingCsms
from support.patience import PATIENCE_S
from support.ports import free_base
from support.site import Site, running_site

CHARGERS = 4
RUNS = 3
"""How often the health process is started."""
WAIT_S_MAX = 2.0
"""Longest wait for an answer meanwhile: scheduling on a busy machine, far below any OCPP time-out."""


@asynccontextmanager
async def _transactions(site: Site) -> AsyncIterator[list[JournallingCharger]]:
    """Run transactions on all chargers while the body runs; a connection that ends early fails the test."""
    stop = asyncio.Event()
    chargers = [JournallingCharger(f"CP{number}") for number in range(CHARGERS)]
    url = f"ws://127.0.0.1:{site.ports.chargers_ws}/ocpp"
    async with asyncio.TaskGroup() as group:
        for charger in chargers:
            group.create_task(charger.run(url, stop))
        try:
            yield chargers
        finally:
            stop.set()


def _compare(chargers: list[JournallingCharger], csms: JournallingCsms) -> None:
    for charger in chargers:
        assert len(csms.journals[charger.identity]) == 1, f"{charger.identity} had to reconnect"
        sent, received = charger.journal.facts()
        assert csms.journals[charger.identity][0].facts() == (received, sent)
        assert charger.transactions > 0
        assert charger.longest_wait_s < WAIT_S_MAX


async def _until(condition: object, within_s: float = 20.0) -> None:
    assert callable(condition)
    async with asyncio.timeout(within_s):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.05)


async def _more_transactions(chargers: list[JournallingCharger], count: int = 1) -> None:
    wanted = [charger.transactions + count for charger in chargers]
    await _until(lambda: all(c.transactions >= n for c, n in zip(chargers, wanted, strict=True)))


@pytest.mark.timeout(180)
async def test_killing_and_freezing_channel_b_changes_no_byte_of_channel_a(tmp_path: Path) -> None:
    csms = JournallingCsms()
    async with csms.serving(), running_site(tmp_path / "site", free_base(), csms.port) as site:
        async with _transactions(site) as chargers:
            await _more_transactions(chargers)
            for runs, name in enumerate(("tap", "health"), start=1):
                os.kill(site.pid(name), signal.SIGSTOP)
                await _more_transactions(chargers, 2)
                os.kill(site.pid(name), signal.SIGCONT)
                await _more_transactions(chargers)
                await site.kill(name)
                await _more_transactions(chargers)
                await site.start(name)
                await _more_transactions(chargers)
                await _until(lambda runs=runs: _arrived(site) == runs)
            os.kill(site.pid("tap"), signal.SIGSTOP)
            os.kill(site.pid("health"), signal.SIGSTOP)
            await _more_transactions(chargers, 2)
            await site.kill("tap")
            await site.kill("health")
            await _more_transactions(chargers)
            await site.start("health")
            await site.start("tap")
            await _more_transactions(chargers)
            await _until(lambda: _arrived(site) == RUNS)
            await _until(lambda: site.metric("tap", "isolane_tap_events_sent_total") > 0)
        _compare(chargers, csms)
        await site.stop("health")
        _books_balance(site)


def _ledger(site: Site) -> list[dict[str, Any]]:
    """Give the center's books: a line for each run of the health process of which it has something."""
    url = f"http://127.0.0.1:{site.ports.console}/api/v1/ledger"
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        lines: list[dict[str, Any]] = json.load(answer)
    return lines


def _arrived(site: Site) -> int:
    """Count the runs of the health process of which the center has samples."""
    return sum(line["samples"] > 0 for line in _ledger(site))


def _books_balance(site: Site) -> None:
    lines = _ledger(site)
    assert len(lines) == RUNS, "as many epochs as runs of the health process"
    for line in lines:
        assert line["verdict"] == "balanced", line
        assert line["holes"] == []
        assert line["queued"] == 0
        assert line["produced"] == line["acknowledged"] + line["thinned"] + sum(line["dropped"].values())
        assert line["samples"] == line["acknowledged"] > 0
