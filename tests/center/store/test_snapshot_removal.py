"""This file holds and erases snapshots in both catalogues; it guards that what is erased is gone and stays so."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.people_records import PeopleRecords
from isolane.center.store.reapply import reapply
from isolane.center.store.revocations import RevocationLog, read_log
from isolane.center.store.snapshot_book import SnapshotBook
from isolane.center.store.snapshot_port import HeldError
from isolane.center.store.snapshot_settings import SnapshotSettings
from isolane.center.store.snapshot_tables import SnapshotRow
from isolane.center.store.snapshot_views import Erased, FileState, Snapshot, SnapshotQuery
from isolane.health.recorder.facts import Heard
from isolane.health.recorder.keeper import Batch
from isolane.wire.snapshot import CARD, CHUNK, CUT, CardTrigger, encode_card
from isolane.wire.tap_event import TransactionChanged
from support.black_boxes import Plant, settings
from support.gateways import FakeGateway
from support.sent_snapshots import Post, card, chunks, identity

Open = Callable[[], SqlCatalogue]
NAMED, OTHER = "00c0ffee00c0ffee", "1" * 16
EVERYWHERE = SnapshotQuery()


def told_of(folder: Path, pseudonym: str) -> bytes:
    """Have the recorder make a snapshot in which a transaction ends."""
    plant = Plant(folder, settings(before_s=20, after_s=10))
    plant.run(10)
    ended = TransactionChanged("CP-1", plant.clock.mono_ns(), 1, "ended", pseudonym, "EmergencyStop")
    plant.keeper.step(Batch(heard=[Heard(plant.clock.utc_ms, ended)]))
    plant.trigger("unexpected-stop")
    plant.run(30)
    return plant.files()[0].read_bytes()


class World:
    """A book whose gateway of depot has two snapshots, each with its own transaction, and one that is half here."""

    def __init__(self, catalogue: SqlCatalogue, folder: Path) -> None:
        self.catalogue, self.folder = catalogue, folder
        self.log = RevocationLog(folder / "revocations.log")
        self.book = SnapshotBook(catalogue, folder / "snapshots", SnapshotSettings(), self.log)
        self.post = Post(FakeGateway())
        self.files = {1: told_of(folder / "one", NAMED), 2: told_of(folder / "two", OTHER)}

    async def fill(self) -> None:
        """Send all of it."""
        await self.catalogue.admit(self.post.gateway.origin())
        for number, data in self.files.items():
            await self.catalogue.record(self.post.snapshot(card(number), data))
        half = chunks(bytes(100_000), identity(3))[:1]
        await self.catalogue.record(
            self.post.batch((CARD, encode_card(card(3, state=CUT))), *((CHUNK, one) for one in half))
        )
        await self.filed()

    async def filed(self) -> None:
        """File all that waits."""
        while await self.book.file():
            pass

    async def ids(self, query: SnapshotQuery = EVERYWHERE) -> list[str]:
        """Give what is listed, as numbers of `identity`."""
        return sorted(one.id[-1] for one in (await self.book.page(query)).snapshots)

    async def one(self, number: int) -> Snapshot:
        """Give one, which is known."""
        found = await self.book.one(identity(number))
        assert found is not None
        return found

    def on_disk(self) -> list[str]:
        """Give the files there are."""
        return sorted(path.name[31:] for path in (self.folder / "snapshots").rglob("*") if path.is_file())

    async def audit(self) -> list[tuple[str, str, str]]:
        """Give the audit's lines, the first first."""
        lines = await PeopleRecords(self.catalogue).audit(None, 50)
        return [(one.who, one.what, one.subject) for one in lines[::-1]]


@pytest.fixture
async def world(open_catalogue: Open, tmp_path: Path) -> World:
    made = World(open_catalogue(), tmp_path)
    await made.fill()
    return made


async def test_lists_are_by_trigger_and_state(world: World) -> None:
    odd = card(4, triggers=(CardTrigger("door", 2, 5), CardTrigger("tilt", 3, 5)), level=3)
    await world.catalogue.record(world.post.batch((CARD, encode_card(odd))))
    await world.filed()
    assert await world.ids(SnapshotQuery(kind="fault")) == ["1", "2", "3"]
    assert await world.ids(SnapshotQuery(kind="tilt")) == ["4"]
    assert await world.ids(SnapshotQuery(state=CUT)) == ["3"]
    assert await world.ids(SnapshotQuery(file=FileState.WHOLE)) == ["1", "2"]
    again = card(4, triggers=(CardTrigger("door", 2, 5),))
    await world.catalogue.record(world.post.batch((CARD, encode_card(again))))
    await world.filed()
    assert await world.ids(SnapshotQuery(kind="tilt")) == []


async def test_what_somebody_holds_makes_no_room_and_is_not_deleted(open_catalogue: Open, tmp_path: Path) -> None:
    catalogue, post = open_catalogue(), Post(FakeGateway())
    book = SnapshotBook(catalogue, tmp_path / "snapshots", SnapshotSettings(gateway_mb_max=1))
    await catalogue.admit(post.gateway.origin())
    await catalogue.record(post.snapshot(card(1, level=1), bytes(600_000)))
    while await book.file():
        pass
    held = await book.hold(identity(1), "ada", "insurer asks")
    assert held is not None
    assert held.hold is not None
    assert (held.hold.who, held.hold.why) == ("ada", "insurer asks")
    with pytest.raises(HeldError):
        await book.delete(identity(1), "bob")
    assert await book.erase({"site": "depot"}, None, "bob") == Erased(0, 1, 0)
    await catalogue.record(post.snapshot(card(2, level=4), bytes(600_000)))
    while await book.file():
        pass
    states = {one.id: one.file for one in (await book.page(SnapshotQuery())).snapshots}
    assert states == {identity(1): FileState.WHOLE, identity(2): FileState.NO_ROOM}
    let_go = await book.let_go(identity(1), "ada")
    assert let_go is not None
    assert let_go.hold is None
    assert await book.delete(identity(1), "bob")
    lines = [(line.what, line.who) for line in (await PeopleRecords(catalogue).audit(None, 9))[::-1]]
    assert lines == [("snapshot-held", "ada"), ("snapshot-let-go", "ada"), ("snapshot-deleted", "bob")]
    assert await book.hold(identity(9), "ada", "x") is None


async def test_what_is_deleted_takes_nothing_that_still_comes(world: World) -> None:
    assert await world.book.delete(identity(3), "bob")
    assert not await world.book.delete(identity(3), "bob")
    assert await world.ids() == ["1", "2"]
    assert world.on_disk() == ["1.mcap", "2.mcap"]
    parts = [(CHUNK, body) for body in chunks(bytes(100_000), identity(3))]
    await world.catalogue.record(world.post.batch((CARD, encode_card(card(3))), *parts))
    await world.filed()
    assert await world.ids() == ["1", "2"]
    assert world.on_disk() == ["1.mcap", "2.mcap"]
    assert await world.book.one(identity(3)) is None


async def test_a_transaction_is_erased_by_its_pseudonym(world: World) -> None:
    assert await world.book.erase({"pseudonym": NAMED}, frozenset({"harbour"}), "bob") == Erased(0, 0, 0)
    assert await world.book.erase({"pseudonym": NAMED}, frozenset({"depot"}), "bob") == Erased(1, 0, 1)
    assert await world.ids() == ["2", "3"]
    assert world.on_disk() == ["2.mcap", "3.part"]
    assert await world.book.erase({"pseudonym": NAMED}, None, "bob") == Erased(0, 0, 1)
    lines = await world.audit()
    told = hashlib.sha256(NAMED.encode()).hexdigest()
    assert lines[-1] == ("bob", "snapshots-erased", f"pseudonym=sha256:{told}")
    assert not any(NAMED in text for line in lines for text in line)


async def test_a_site_is_erased_and_a_restored_backup_does_not_bring_it_back(world: World, tmp_path: Path) -> None:
    other = Post(FakeGateway("harbour", "gw-9"))
    await world.catalogue.admit(other.gateway.origin())
    await world.catalogue.record(other.batch((CARD, encode_card(card(8)))))
    await world.filed()
    await world.book.hold(identity(2), "ada", "insurer asks")
    assert await world.book.erase({"site": "depot"}, None, "bob") == Erased(2, 1, 0)
    assert await world.ids() == ["2", "8"]
    assert world.on_disk() == ["2.mcap"]
    assert ("bob", "snapshots-erased", "site=depot") in await world.audit()
    facts = read_log(tmp_path / "revocations.log")[1]
    await world.catalogue.write(_as_in_the_backup)
    assert await world.ids() == ["1", "2", "3", "8"]
    await asyncio.to_thread(reapply, world.catalogue.engine, facts, "a backup", "root")
    assert await world.ids() == ["2", "8"]
    assert (await world.audit())[-1] == ("root", "snapshots-erased", "again")


def _as_in_the_backup(session: Session) -> None:
    for row in session.scalars(select(SnapshotRow).filter_by(file=FileState.DELETED)):
        row.file = FileState.LOST
