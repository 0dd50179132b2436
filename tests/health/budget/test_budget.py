"""This file spends a month and watches what still leaves a gateway: alarms and receipts, until the next one."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.health.budget.budget import Budget
from isolane.health.budget.settings import BudgetSettings
from isolane.health.links.https.settings import HttpsSettings
from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.records import Draft
from isolane.health.outbox.settings import OutboxSettings
from isolane.health.pipeline import Pipeline
from isolane.health.sampling.settings import SamplingSettings
from isolane.health.settings import HealthSettings
from isolane.health.sources.host.settings import HostSettings
from isolane.wire.block import I64, U8
from support.broker import Pki
from support.centers import Brain, HttpsCenter
from support.outboxes import GATEWAY, SITE, ManualClock, is_balanced, until


@pytest.mark.parametrize(("used", "is_spent"), [(949_999, False), (950_000, True), (2_000_000, True)])
def test_the_reserve_is_for_the_urgent_and_for_links_that_go_first(
    tmp_path: Path, used: int, *, is_spent: bool
) -> None:
    settings = BudgetSettings(month_mb=1, first=("f",))
    budget = Budget(settings, tmp_path / "o.budget", ManualClock(), ["a", "f"])
    budget.month.books.used = used
    assert budget.is_spent is is_spent
    assert budget.spares("a") is is_spent
    assert not budget.spares("f")


def test_without_a_limit_nothing_is_ever_spent(tmp_path: Path) -> None:
    budget = Budget(BudgetSettings(), tmp_path / "o.budget", ManualClock(), ["a"])
    budget.month.books.used = 1 << 60
    assert not budget.spares("a")


def _pipeline(folder: Path, pki: Pki, port: int) -> Pipeline:
    who = pki.gateway
    settings = HealthSettings(
        flush_s=0,
        sampling=SamplingSettings(step_ms=100),
        budget=BudgetSettings(rate_kbit_s=4000, month_mb=100),
        outbox=OutboxSettings(path=folder / "o.db", block_rows=1),
        sources=(HostSettings(period_s=0.1),),
        links=(
            HttpsSettings(
                url=f"https://127.0.0.1:{port}", ca=pki.ca, certificate=who.certificate, key=who.key, ledger_s=0.2
            ),
        ),
    )
    return Pipeline(Site(name=SITE, gateway=GATEWAY, run_dir=folder), settings, SystemClock())


async def test_in_a_month_that_is_spent_alarms_arrive_and_samples_stay_in_the_outbox(tmp_path: Path, pki: Pki) -> None:
    brain, stop = Brain(), asyncio.Event()
    async with HttpsCenter(brain, pki) as center:
        made = _pipeline(tmp_path, pki, center.port)
        made.budget.month.books.used = 96_000_000
        await made.outbox.open()
        running = asyncio.create_task(made.run(stop))
        try:
            await until(lambda: bool(brain.ledgers) and made.counts.blocks >= 5, "a session, and samples")
            columns = len(made.schema.columns)
            alarm = Draft(made.schema.id, 1_700_000_000_000, 100, *_row(columns))
            for lane in (Lane.ALARM, Lane.RECEIPT):
                await made.outbox.put(alarm, lane)
            await until(lambda: len(brain.samples) == 2, "the alarm and the receipt")
            blocks = made.counts.blocks
            await until(lambda: made.counts.blocks >= blocks + 5, "more samples")
            assert len(brain.samples) == 2
            assert len(brain.ledgers) == 1
            assert made.outbox.tally.blocks_queued >= 10
            made.budget.month.books.used = 0
            await until(lambda: len(brain.samples) >= 12, "with the next month they go")
        finally:
            stop.set()
            async with asyncio.timeout(30):
                await running
    assert is_balanced(made.outbox.tally)


def _row(columns: int) -> tuple[I64, U8]:
    return np.arange(columns, dtype=np.int64).reshape(columns, 1), np.zeros((columns, 1), np.uint8)
