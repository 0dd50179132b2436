"""This file makes stores sick; it guards that the doctor says where, and touches nothing unless told."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_catalogue as open_engine
from isolane.center.store.doctor import Finding, examine
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.port import Batch
from isolane.center.store.settings import StoreSettings, VictoriaSettings
from isolane.center.store.views import SeriesQuery
from isolane.core.failures import IsolaneError
from support.gateways import T0_MS, FakeGateway, power

LATER_MS = T0_MS + 86_400_000
SETTINGS = StoreSettings()


@pytest.fixture
async def data(tmp_path: Path, gateway: FakeGateway, store_settings: StoreSettings) -> Path:
    """A center that has run, with two blocks in the lake and two hot ones."""
    folder = tmp_path / "data"
    catalogue = SqlCatalogue(open_engine(store_settings, folder))
    telemetry = EmbeddedTelemetry(folder / "telemetry", store_settings)
    schema = gateway.schema()
    await catalogue.admit(gateway.origin())
    for number in range(4):
        block = gateway.block(schema.schema, [[1] * 60, [2] * 60], t0_ms=T0_MS + 60_000 * number)
        batch = Batch(schemas=(schema,), blocks=(block,))
        await telemetry.commit(batch)
        await catalogue.record(batch)
        if number == 1:
            await telemetry.roll(LATER_MS)
    await catalogue.record(Batch(ledgers=(gateway.statement(4, 480),)))
    await telemetry.close()
    await catalogue.close()
    return folder


def found(settings: StoreSettings, data: Path, *, repair: bool = False) -> list[Finding]:
    """Examine, and leave out what this machine's own disk says."""
    return [finding for finding in examine(settings, data, repair=repair) if "are free" not in finding.what]


def files(data: Path, kind: str = "raw") -> list[Path]:
    return sorted((data / "telemetry/lake" / kind).rglob("*.parquet"))


def test_a_well_center_has_no_findings(data: Path, store_settings: StoreSettings) -> None:
    assert found(store_settings, data) == []


async def test_a_damaged_hot_block_is_named_and_put_aside(data: Path, store_settings: StoreSettings) -> None:
    with closing(sqlite3.connect(data / "telemetry/hot.sqlite3")) as hot:
        (content,) = hot.execute("SELECT data FROM block WHERE sequence = 3").fetchone()
        hot.execute("UPDATE block SET data = ? WHERE sequence = 3", (content[:-1] + bytes([content[-1] ^ 1]),))
        hot.commit()
    (finding,) = found(store_settings, data)
    assert finding.where == f"hot block depot-gw-1-{T0_MS}-1-3"
    assert "--repair" in finding.remedy
    (finding,) = found(store_settings, data, repair=True)
    (aside,) = (data / "telemetry/damaged").iterdir()
    assert str(aside) in finding.remedy
    assert found(store_settings, data) == []
    telemetry = EmbeddedTelemetry(data / "telemetry", store_settings)
    query = SeriesQuery("depot", "CP-1", (power().key,), T0_MS, T0_MS + 240_000, 4)
    assert (await telemetry.series(query)).signals[0].good == [60, 60, 0, 60]
    await telemetry.close()


async def test_a_missing_file_is_named_and_struck(data: Path, store_settings: StoreSettings) -> None:
    (file,) = files(data)
    file.unlink()
    (finding,) = found(store_settings, data)
    assert (finding.where, finding.what) == (str(file), "is missing, with 240 samples")
    assert len(found(store_settings, data, repair=True)) == 1
    assert found(store_settings, data) == []


def test_a_file_that_is_another_is_named(data: Path, store_settings: StoreSettings) -> None:
    (file,) = files(data)
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    assert [finding.where for finding in found(store_settings, data)] == [str(file)]
    file.write_bytes(b"\0" * len(content))
    (finding,) = found(store_settings, data, repair=True)
    assert finding.what.startswith("cannot be read")


def test_an_orphan_is_named_and_removed(data: Path, store_settings: StoreSettings) -> None:
    (file,) = files(data)
    orphan = file.with_name("nobodys.parquet")
    orphan.write_bytes(b"")
    assert found(store_settings, data) == []
    os.utime(orphan, (time.time() - 3600,) * 2)
    assert [finding.where for finding in found(store_settings, data)] == [str(orphan)]
    assert [finding.remedy for finding in found(store_settings, data, repair=True)] == ["removed"]
    assert found(store_settings, data) == []
    assert files(data) == [file]


def test_what_a_killed_backup_left_is_named_and_removed(data: Path, store_settings: StoreSettings) -> None:
    folder = data / "telemetry/pinned-x"
    folder.mkdir()
    assert found(store_settings, data) == []
    os.utime(folder, (time.time() - 100_000,) * 2)
    assert [finding.where for finding in found(store_settings, data, repair=True)] == [str(folder)]
    assert found(store_settings, data) == []


async def test_a_hole_and_a_clock_are_named(data: Path, store_settings: StoreSettings, gateway: FakeGateway) -> None:
    catalogue = SqlCatalogue(open_engine(store_settings, data))
    tomorrow_ms = time.time_ns() // 1_000_000 + 86_400_000
    await catalogue.record(Batch(ledgers=(gateway.statement(6, 720, at_ms=tomorrow_ms),)))
    await catalogue.close()
    findings = found(store_settings, data)
    assert [finding.where for finding in findings] == [
        "clock",
        f"ledger of depot/gw-1, run {T0_MS}, stream 1",
    ]
    assert findings[1].what == "blocks 5 to 6 never came"


def test_tables_of_another_release_and_lost_databases_are_named(data: Path, tmp_path: Path) -> None:
    open_engine(SETTINGS, data).dispose()
    with closing(sqlite3.connect(data / "catalogue.sqlite3")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.commit()
    assert ["of revision 0001" in finding.what for finding in found(SETTINGS, data)] == [True]
    (data / "catalogue.sqlite3").write_bytes(b"no database" * 1000)
    (data / "telemetry/hot.sqlite3").write_bytes(b"no database" * 1000)
    assert len(found(SETTINGS, data)) == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    assert [finding.what.split()[0] for finding in found(SETTINGS, empty)] == ["there", "is"]
    with pytest.raises(IsolaneError, match="no data folder"):
        examine(SETTINGS, tmp_path / "nowhere")


def test_servers_that_are_away_are_named(data: Path, tmp_path: Path) -> None:
    settings = StoreSettings(
        catalogue="postgresql://isolane@127.0.0.1:1/isolane", telemetry=VictoriaSettings(url="http://127.0.0.1:1")
    )
    assert [finding.where for finding in found(settings, data)] == ["catalogue", "http://127.0.0.1:1"]
    assert tmp_path.exists()
