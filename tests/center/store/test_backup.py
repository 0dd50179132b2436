"""This file saves, restores and compares; it guards that what comes back is of one moment, value for value."""

import asyncio
import shutil
import sqlite3
import tarfile
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from isolane.center.store.backup import MANIFEST, backup, restore
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_catalogue as open_engine
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.port import Batch, PoisonArrival
from isolane.center.store.settings import StoreSettings
from isolane.center.store.views import SeriesQuery
from isolane.core.failures import IsolaneError
from isolane.wire.uplink import Up
from support.gateways import GOOD, STALE, T0_MS, TIMEOUT, FakeGateway, power, voltage
from support.postgres import Postgres

LATER_MS = T0_MS + 86_400_000
HOUR = SeriesQuery("depot", "CP-1", (power().key, voltage().key), T0_MS, T0_MS + 3_600_000, 3600)


class Center:
    """The stores of a center in one folder."""

    def __init__(self, settings: StoreSettings, data: Path) -> None:
        self.catalogue = SqlCatalogue(open_engine(settings, data))
        self.telemetry = EmbeddedTelemetry(data / "telemetry", settings)

    async def take(self, batch: Batch) -> None:
        """Commit as ingest does."""
        await self.telemetry.commit(batch)
        await self.catalogue.record(batch)

    async def close(self) -> None:
        await self.telemetry.close()
        await self.catalogue.close()

    async def told(self) -> list[object]:
        """Give everything that readers see."""
        catalogue, telemetry = self.catalogue, self.telemetry
        return [
            await catalogue.sites(),
            await catalogue.chargers(),
            await catalogue.ledger(),
            await catalogue.quarantine(),
            await telemetry.series(HOUR),
            await telemetry.signals("depot", "CP-1"),
        ]


Open = Callable[[StoreSettings, Path], Center]


@pytest.fixture
async def open_center() -> AsyncIterator[Open]:
    """Opens centers and closes them at the end."""
    opened: list[Center] = []

    def open_one(settings: StoreSettings, data: Path) -> Center:
        opened.append(Center(settings, data))
        return opened[-1]

    yield open_one
    for center in opened:
        await center.close()


async def filled(center: Center, gateway: FakeGateway) -> None:
    """Let it have samples in the lake and hot ones, a gap, books and poison."""
    schema = gateway.schema()
    await center.catalogue.admit(gateway.origin())
    for number in range(6):
        codes = [[GOOD] * 60, [GOOD, STALE, TIMEOUT] * 20]
        block = gateway.block(schema.schema, [range(60), range(60)], codes, t0_ms=T0_MS + 60_000 * number)
        await center.take(Batch(schemas=(schema,), blocks=(block,)))
        if number == 3:
            await center.telemetry.roll(T0_MS + 3_900_000)
    gap = gateway.gap(7, 8, T0_MS + 360_000, T0_MS + 480_000, samples=240)
    poison = PoisonArrival(gateway.origin(), Up.BLOCK, "1/1/9", "damaged", b"\0\xff")
    await center.take(Batch(gaps=(gap,), ledgers=(gateway.statement(8, 960, dropped=240),), poison=(poison,)))


@pytest.mark.parametrize("name", ["saved", "saved.tar"])
async def test_what_is_restored_is_what_was_saved(
    open_center: Open, store_settings: StoreSettings, gateway: FakeGateway, tmp_path: Path, name: str
) -> None:
    """From each kind of catalogue into SQLite; the center it is saved from stays open."""
    center = open_center(store_settings, tmp_path / "data")
    await filled(center, gateway)
    manifest = backup(store_settings, tmp_path / "data", tmp_path / name, "1.2.3")
    assert manifest.release == "1.2.3"
    assert len(manifest.files) == 5
    assert list((tmp_path / "data/telemetry").glob("pinned*")) == []
    restored = restore(StoreSettings(), tmp_path / "new", tmp_path / name)
    assert restored.manifest == manifest
    again = open_center(StoreSettings(), tmp_path / "new")
    assert await again.told() == await center.told()
    (line,) = await again.catalogue.ledger()
    assert (line.verdict, line.blocks) == ("balanced", 6)
    assert folders(tmp_path) == ["data", "new", *(["saved"] if name == "saved" else [])]


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside"])
def test_an_archive_that_leads_out_of_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    saved = tmp_path / "saved.tar"
    with tarfile.open(saved, "w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    with pytest.raises(IsolaneError, match="no file below it"):
        restore(StoreSettings(), tmp_path / "new", saved)
    assert folders(tmp_path) == []
    assert not (tmp_path / "outside").exists()


def folders(folder: Path) -> list[str]:
    """Give the folders in a folder: nothing half done is left."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


async def test_a_catalogue_moves_to_postgresql_and_goes_on_there(
    open_center: Open, in_postgres: StoreSettings, gateway: FakeGateway, tmp_path: Path
) -> None:
    center = open_center(StoreSettings(), tmp_path / "data")
    await filled(center, gateway)
    backup(StoreSettings(), tmp_path / "data", tmp_path / "saved", "1")
    restore(in_postgres, tmp_path / "new", tmp_path / "saved")
    again = open_center(in_postgres, tmp_path / "new")
    assert await again.told() == await center.told()
    poison = PoisonArrival(gateway.origin(), Up.BLOCK, "1/1/10", "damaged too", b"")
    await again.take(Batch(poison=(poison,)))
    assert [entry.key for entry in await again.catalogue.quarantine()] == ["1/1/10", "1/1/9"]
    with pytest.raises(IsolaneError, match="is not empty"):
        restore(in_postgres, tmp_path / "third", tmp_path / "saved")


async def test_a_backup_of_a_busy_center_is_of_one_moment(
    open_center: Open, gateway: FakeGateway, tmp_path: Path
) -> None:
    """The restored books know each restored block, and each block that they know is restored."""
    center, settings = open_center(StoreSettings(), tmp_path / "data"), StoreSettings()
    schema = gateway.schema()
    await center.catalogue.admit(gateway.origin())
    stop = asyncio.Event()

    async def work() -> None:
        number = 0
        while not stop.is_set():
            block = gateway.block(schema.schema, [[number], [number]], t0_ms=T0_MS + 1000 * (number % 3600))
            await center.take(Batch(schemas=(schema,), blocks=(block,)))
            number += 1

    working = asyncio.create_task(work())
    for at in range(5):
        await asyncio.to_thread(backup, settings, tmp_path / "data", tmp_path / f"saved-{at}", "1")
    stop.set()
    await working
    counted = []
    for at in range(5):
        restore(settings, tmp_path / f"new-{at}", tmp_path / f"saved-{at}")
        again = open_center(settings, tmp_path / f"new-{at}")
        lines = await again.catalogue.ledger()
        series = await again.telemetry.series(HOUR)
        blocks = sum(line.blocks for line in lines)
        assert sum(series.signals[0].good) == blocks
        assert all(line.holes == [] for line in lines)
        counted.append(blocks)
    assert counted == sorted(counted)
    assert counted[-1] > 0


async def test_files_that_are_merged_meanwhile_are_saved_all_the_same(
    open_center: Open, gateway: FakeGateway, tmp_path: Path
) -> None:
    settings = StoreSettings(hot_minutes=1, raw_days=0, minute_days=0)
    center = open_center(settings, tmp_path / "data")
    schema = gateway.schema()
    await center.catalogue.admit(gateway.origin())
    stop = asyncio.Event()

    async def work() -> None:
        number = 0
        while not stop.is_set():
            block = gateway.block(schema.schema, [[number], [number]], t0_ms=T0_MS + 1000 * number)
            await center.take(Batch(schemas=(schema,), blocks=(block,)))
            await center.telemetry.roll(LATER_MS * 2)
            number += 1

    working = asyncio.create_task(work())
    saved = 0
    for at in range(8):
        try:
            await asyncio.to_thread(backup, settings, tmp_path / "data", tmp_path / f"saved-{at}", "1")
        except IsolaneError:
            continue
        restore(settings, tmp_path / f"new-{at}", tmp_path / f"saved-{at}")
        again = open_center(settings, tmp_path / f"new-{at}")
        (series, _) = (await again.telemetry.series(HOUR)).signals
        assert sum(series.good) >= sum(line.blocks for line in await again.catalogue.ledger())
        saved += 1
    stop.set()
    await working
    assert saved > 0


def a_backup(tmp_path: Path) -> Path:
    """Save an empty center."""
    data, settings = tmp_path / "data", StoreSettings()
    open_engine(settings, data).dispose()
    backup(settings, data, tmp_path / "saved", "1")
    return tmp_path / "saved"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda saved: (saved / "catalogue.sqlite3").write_bytes(b"x"), "is not what was saved"),
        (lambda saved: (saved / "catalogue.sqlite3").unlink(), "is missing"),
        (lambda saved: (saved / MANIFEST).unlink(), "is no backup"),
        (lambda saved: (saved / MANIFEST).write_text("{}", encoding="utf-8"), "is no backup"),
        (
            lambda saved: (saved / MANIFEST).write_text(
                (saved / MANIFEST).read_text(encoding="utf-8").replace('"catalogue', '"../data/catalogue'),
                encoding="utf-8",
            ),
            "outside of it",
        ),
        (
            lambda saved: (saved / MANIFEST).write_text(
                (saved / MANIFEST).read_text(encoding="utf-8").replace('"format": 1', '"format": 9'), encoding="utf-8"
            ),
            "has format 9",
        ),
    ],
)
def test_a_damaged_backup_is_refused_before_anything_is_written(
    tmp_path: Path, damage: Callable[[Path], object], told: str
) -> None:
    saved = a_backup(tmp_path)
    damage(saved)
    with pytest.raises(IsolaneError, match=told):
        restore(StoreSettings(), tmp_path / "new", saved)
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    saved = a_backup(tmp_path)
    with pytest.raises(IsolaneError, match="exists"):
        backup(StoreSettings(), tmp_path / "data", saved, "1")
    with pytest.raises(IsolaneError, match="is not empty"):
        restore(StoreSettings(), tmp_path / "data", saved)
    (tmp_path / "other.draft").mkdir()
    with pytest.raises(IsolaneError, match="interrupted"):
        backup(StoreSettings(), tmp_path / "data", tmp_path / "other", "1")


def test_what_was_never_a_center_has_no_backup(tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match="there is no catalogue"):
        backup(StoreSettings(), tmp_path / "nowhere", tmp_path / "saved", "1")
    assert list(tmp_path.iterdir()) == []


def test_tables_of_another_release_are_not_saved(tmp_path: Path) -> None:
    open_engine(StoreSettings(), tmp_path / "data").dispose()
    with closing(sqlite3.connect(tmp_path / "data" / "catalogue.sqlite3")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.commit()
    with pytest.raises(IsolaneError, match="of revision 0001"):
        backup(StoreSettings(), tmp_path / "data", tmp_path / "saved", "1")
    shutil.rmtree(tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_away_is_told(postgres: Postgres, tmp_path: Path) -> None:
    address = postgres.new_database().replace(f":{postgres.port}", ":1")
    settings = StoreSettings(catalogue=address, catalogue_password=postgres.password)
    with pytest.raises(IsolaneError, match="cannot save"):
        backup(settings, tmp_path, tmp_path / "saved", "1")
    assert list(tmp_path.iterdir()) == []
