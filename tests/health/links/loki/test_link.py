"""This file reads back from the real VictoriaLogs what Loki is pushed; it guards every label and every value."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from isolane.health.links.loki.settings import LokiSettings
from support.broker import Pki
from support.log_server import VictoriaLogs, t_ms
from support.outboxes import until
from support.shipping import ship
from support.site_rows import ROWS, SCHEMA, Told, apart, drafts, facts

pytestmark = [pytest.mark.metrics, pytest.mark.timeout(1200)]
"""The server is compiled first where it has not been."""


def of_loki(record: dict[str, Any]) -> Told:
    """Read a record of Loki's push; each label is a field of its own and names the stream."""
    labels = {name: value for name, value in record.items() if not name.startswith("_")}
    assert (labels.pop("site"), labels.pop("gateway")) == ("north", "gw-1")
    assert labels.pop("job") == "loki-test"
    assert all(f'{name}="{value}"' in record["_stream"] for name, value in labels.items())
    charger, event, level = labels.pop("charger", ""), labels.pop("event"), labels.pop("level")
    assert not labels
    return t_ms(record), event, level.upper(), charger, json.loads(record["_msg"])


async def test_what_loki_is_pushed_comes_back_value_for_value(
    victoria_logs: VictoriaLogs, server_pki: Pki, tmp_path: Path
) -> None:
    start_ms = time.time_ns() // 1_000_000_000 * 1000 - 600_000
    table = LokiSettings(
        url=victoria_logs.url + victoria_logs.loki, ca=server_pki.ca, labels={"job": "loki-test"}, ledger_s=3600
    )
    counts = await ship(table, drafts(start_ms), SCHEMA, tmp_path)
    assert (counts.failures, counts.refused, counts.facts) == (0, 0, 6)
    query = 'job:="loki-test"'
    await until(lambda: len(victoria_logs.records(query)) == counts.facts, "all lines")
    rows, ((_, _, level, charger, books),) = apart([of_loki(record) for record in victoria_logs.records(query)])
    assert rows == facts(start_ms)
    assert (level, charger, books["produced"], books["dropped"]) == ("INFO", "", 5 * ROWS, 0)
