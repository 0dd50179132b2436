"""This file tests `isolane center alerts check`; it guards that it keeps nothing and says what a rule looks at."""

import asyncio
import time
from pathlib import Path

import pytest

from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_database
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.port import Batch
from isolane.center.store.settings import StoreSettings
from isolane.cli.main import main
from isolane.core.signals import Signal
from support.gateways import FakeGateway

HOSTILE = "<b>\u202eX"


async def fill(folder: Path) -> None:
    """Keep one hot contact of a hostile charger, and a gateway that has just spoken."""
    catalogue = SqlCatalogue(open_database(folder / "catalogue.sqlite3"))
    telemetry = EmbeddedTelemetry(folder / "telemetry", StoreSettings())
    gateway, now_ms = FakeGateway(), time.time_ns() // 1_000_000
    schema = gateway.schema(Signal(HOSTILE, "1.0/TemperatureSensor[ContactDCplus]/Temperature", "Celsius", 0.1))
    block = gateway.block(schema.schema, [[955]], t0_ms=now_ms - 1000, received_ms=now_ms)
    batch = Batch(blocks=(block,), schemas=(schema,))
    await catalogue.admit(block.origin)
    await telemetry.commit(batch)
    await catalogue.record(batch)
    await telemetry.close()
    await catalogue.close()


async def kept(folder: Path) -> int:
    catalogue = SqlCatalogue(open_database(folder / "catalogue.sqlite3"))
    standing = await SqlAlerts(catalogue).standing()
    await catalogue.close()
    return len(standing)


def test_it_tries_the_shipped_rules_over_the_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(fill(tmp_path))
    config = tmp_path / "center.toml"
    config.write_text(f'[center]\ndata = "{tmp_path}"\n', encoding="utf-8")
    assert main(["center", "alerts", "check", "-c", str(config)]) == 0
    told = capsys.readouterr().out
    assert "rules, all valid" in told
    assert "would be open now: 1; explained by those: 0" in told
    assert "L4 contact-stop: Contact of <b> X over 90 °C." in told
    assert "contact-hot                   1 signals\n" in told
    assert "door-open                     0 signals   <- looks at nothing" in told
    assert asyncio.run(kept(tmp_path)) == 0


def test_a_wrong_rule_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rule]]\nid = "x"\nkind = "thresold"\n', encoding="utf-8")
    assert main(["center", "alerts", "check", str(rules)]) == 2
    assert "is no kind of rule" in capsys.readouterr().err


def test_without_a_store_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["center", "alerts", "check"]) == 0
    assert "give -c FILE" in capsys.readouterr().out
    config = tmp_path / "center.toml"
    config.write_text('[center]\ndata = "nothing"\n', encoding="utf-8")
    assert main(["center", "alerts", "check", "-c", str(config)]) == 2
    assert "holds no telemetry yet" in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()
