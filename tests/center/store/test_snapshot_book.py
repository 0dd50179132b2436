"""This file sends snapshots to both catalogues; it guards that a file is whole or not there, wherever a center dies."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.alert_port import Decisions, Opening
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.snapshot_book import SnapshotBook
from isolane.center.store.snapshot_filing import sane
from isolane.center.store.snapshot_settings import SnapshotSettings
from isolane.center.store.snapshot_shelf import SnapshotShelf
from isolane.center.store.snapshot_views import FileState, Snapshot, SnapshotQuery
from isolane.wire.snapshot import CARD, CHUNK, CUT, OPEN, WHOLE, Card, encode_card
from support.gateways import T0_MS, FakeGateway
from support.sent_snapshots import Post, card, chunks, identity, recorded

Open = Callable[[], SqlCatalogue]
MIB = 1 << 20


async def opened(open_catalogue: Open, folder: Path, *posts: Post, **bounds: int) -> tuple[SqlCatalogue, SnapshotBook]:
    catalogue = open_catalogue()
    for post in posts:
        await catalogue.admit(post.gateway.origin())
    return catalogue, SnapshotBook(catalogue, folder / "snapshots", msgspec.convert(bounds, SnapshotSettings))


async def all_filed(book: SnapshotBook) -> None:
    while await book.file():
        pass


async def seen(book: SnapshotBook, number: int = 1) -> Snapshot:
    found = await book.one(identity(number))
    assert found is not None
    return found


async def test_a_recorded_snapshot_is_here_byte_for_byte(open_catalogue: Open, tmp_path: Path) -> None:
    told, data = recorded(tmp_path / "box")
    post = Post()
    catalogue, book = await opened(open_catalogue, tmp_path, post)
    await catalogue.record(post.snapshot(told, data))
    await all_filed(book)
    (found,) = (await book.page(SnapshotQuery())).snapshots
    assert (found.id, found.charger, found.site, found.level) == (told.id, "CP-1", "depot", 4)
    assert found.card is not None
    assert found.card.triggers[0].kind == "contactor-under-load"
    assert found.card.standouts[0].key == told.standouts[0].key
    path = book.path_of(found)
    assert path is not None
    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o600
    assert await book.one("../../etc/passwd") is None


async def test_parts_come_in_any_order_twice_and_before_their_card(open_catalogue: Open, tmp_path: Path) -> None:
    data = os.urandom(5 * 65_536 + 9)
    post = Post()
    catalogue, book = await opened(open_catalogue, tmp_path, post)
    parts = [(CHUNK, body) for body in chunks(data, identity(1))]
    await catalogue.record(post.batch(*parts[:1:-1], *parts[:1:-1]))
    await all_filed(book)
    found = await seen(book)
    assert (found.card, found.level, found.file, found.parts_here, found.parts) == (None, 0, FileState.PARTS, 4, 6)
    assert found.begun_ms == T0_MS
    assert book.path_of(found) is None
    await catalogue.record(post.batch(*parts, (CARD, encode_card(card(state=CUT)))))
    await all_filed(book)
    found = await seen(book)
    assert (found.file, found.state, found.level) == (FileState.WHOLE, CUT, 3)
    path = book.path_of(found)
    assert path is not None
    assert path.read_bytes() == data


async def test_a_card_of_an_ended_snapshot_stands(open_catalogue: Open, tmp_path: Path) -> None:
    post = Post()
    catalogue, book = await opened(open_catalogue, tmp_path, post)
    await catalogue.record(
        post.batch((CARD, encode_card(card(state=WHOLE, level=4))), (CARD, encode_card(card(state=OPEN, level=2))))
    )
    await all_filed(book)
    assert ((await seen(book)).state, (await seen(book)).level) == (WHOLE, 4)


async def test_a_wrong_sum_sets_a_file_aside_until_another_comes(open_catalogue: Open, tmp_path: Path) -> None:
    data = os.urandom(70_000)
    post = Post()
    catalogue, book = await opened(open_catalogue, tmp_path, post)
    await catalogue.record(post.batch(*((CHUNK, body) for body in chunks(data, identity(1), b"\1" * 32))))
    await all_filed(book)
    found = await seen(book)
    assert found.file == FileState.WRONG
    assert book.path_of(found) is None
    assert [file.suffix for file in (tmp_path / "snapshots").rglob("*") if file.is_file()] == [".wrong"]
    await catalogue.record(post.batch(*((CHUNK, body) for body in chunks(data, identity(1)))))
    await all_filed(book)
    assert (await seen(book)).file == FileState.WHOLE
    assert [file.suffix for file in (tmp_path / "snapshots").rglob("*") if file.is_file()] == [".mcap"]


class Dies(BaseException):
    """The process is gone."""


STEPS = [(SnapshotShelf, "remove"), (SnapshotShelf, "write"), (SnapshotShelf, "close"), (SqlCatalogue, "write")]


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("place", range(len(STEPS)))
async def test_killed_between_any_two_steps_it_goes_on(
    open_catalogue: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int, *, is_after: bool
) -> None:
    data, post = os.urandom(34 * 65_536), Post()
    kind, name = STEPS[place]
    catalogue, book = await opened(open_catalogue, tmp_path, post)
    await catalogue.record(post.snapshot(card(), data))
    deaths = 0
    real = getattr(kind, name)
    for at in range(8):
        calls = 0

        def dying(*args: object, at: int = at) -> object:
            nonlocal calls, deaths
            calls += 1
            if calls == at + 1:
                deaths += 1
                if is_after and name != "write":
                    real(*args)
                raise Dies
            return real(*args)

        monkeypatch.setattr(kind, name, dying)
        book = SnapshotBook(catalogue, tmp_path / "snapshots", SnapshotSettings())
        try:
            await book.sweep()
            await all_filed(book)
        except Dies:
            continue
        finally:
            monkeypatch.setattr(kind, name, real)
        break
    assert deaths > 0
    await all_filed(book)
    found = await seen(book)
    path = book.path_of(found)
    assert path is not None
    assert path.read_bytes() == data
    assert [file for file in (tmp_path / "snapshots").rglob("*") if file.is_file()] == [path]


async def test_the_oldest_of_the_lowest_level_make_room_and_what_an_alarm_names_stays(
    open_catalogue: Open, tmp_path: Path
) -> None:
    post = Post()
    catalogue, book = await opened(open_catalogue, tmp_path, post, gateway_mb_max=1)
    data = os.urandom(MIB // 3)
    opening = Opening("hot", "charger/depot/CP-9", "depot", "CP-9", "", 3, "t", "s", "w", "a", "p")
    await SqlAlerts(catalogue).decide(Decisions(openings=[opening]), (), T0_MS + 60_000)
    for number, level in ((1, 2), (2, 3), (3, 2)):
        told = card(number, level=level, charger="CP-9" if number == 1 else "CP-1")
        await catalogue.record(post.snapshot(told, data))
        await all_filed(book)
    assert {(await seen(book, number)).file for number in (1, 2, 3)} == {FileState.WHOLE}
    await catalogue.record(post.snapshot(card(4, level=2), data))
    await all_filed(book)
    files = [(await seen(book, number)).file for number in (1, 2, 3, 4)]
    assert files == [FileState.WHOLE, FileState.WHOLE, FileState.REMOVED, FileState.WHOLE]
    await catalogue.record(post.snapshot(card(5, level=1), data))
    await all_filed(book)
    assert (await seen(book, 5)).file == FileState.NO_ROOM
    held = [file.stat().st_size for file in (tmp_path / "snapshots").rglob("*") if file.is_file()]
    assert sum(held) <= MIB
    assert len(held) == 3


async def test_all_together_have_a_bound_and_one_that_is_too_large_moves_nothing(
    open_catalogue: Open, tmp_path: Path
) -> None:
    one, other = Post(), Post(FakeGateway(name="gw-2"))
    catalogue, book = await opened(open_catalogue, tmp_path, one, other, mb_max=1)
    data = os.urandom(MIB * 2 // 3)
    await catalogue.record(one.snapshot(card(1), data))
    await all_filed(book)
    await catalogue.record(other.snapshot(card(2, level=4), os.urandom(MIB + 1)))
    await all_filed(book)
    assert [(await seen(book, number)).file for number in (1, 2)] == [FileState.WHOLE, FileState.NO_ROOM]
    await catalogue.record(other.snapshot(card(3, level=4), data))
    await all_filed(book)
    assert [(await seen(book, number)).file for number in (1, 3)] == [FileState.REMOVED, FileState.WHOLE]


async def test_an_id_is_its_first_gateways(open_catalogue: Open, tmp_path: Path) -> None:
    one, other = Post(), Post(FakeGateway(site="harbour", name="gw-2"))
    catalogue, book = await opened(open_catalogue, tmp_path, one, other)
    data = os.urandom(1000)
    await catalogue.record(one.snapshot(card(1), data))
    await catalogue.record(other.snapshot(card(1, level=1), os.urandom(2000)))
    await all_filed(book)
    found = await seen(book)
    assert (found.site, found.level, found.size, book.refused) == ("depot", 3, 1000, 2)
    assert (await book.page(SnapshotQuery(sites=frozenset({"harbour"})))).snapshots == []


async def test_files_that_a_restore_did_not_bring_are_told_as_lost_and_strays_go(
    open_catalogue: Open, tmp_path: Path
) -> None:
    post = Post()
    catalogue, book = await opened(open_catalogue, tmp_path, post)
    for number in (1, 2):
        await catalogue.record(post.snapshot(card(number), os.urandom(1000)))
    await all_filed(book)
    path = book.path_of(await seen(book))
    assert path is not None
    path.unlink()
    stray = path.with_name("stray")
    stray.symlink_to("/etc/passwd")
    await book.sweep()
    assert [(await seen(book, number)).file for number in (1, 2)] == [FileState.LOST, FileState.WHOLE]
    assert not stray.is_symlink()


async def test_pages_follow_each_other_and_filters_hold(
    open_catalogue: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    post = Post()
    catalogue, book = await opened(open_catalogue, tmp_path, post)
    bodies = [
        (CARD, encode_card(card(number, level=number % 4 + 1, charger=("CP-1", "")[number % 2]))) for number in range(6)
    ]
    await catalogue.record(post.batch(*bodies, (CARD, b"{"), (CHUNK, b"no")))
    await all_filed(book)
    assert book.unreadable == 2
    told = [line for line in caplog.messages if line.startswith("security-event type=unreadable gateway=gw-1")]
    assert len(told) == 1, "of a minute"
    first = await book.page(SnapshotQuery(limit=4))
    assert first.before is not None
    rest = await book.page(SnapshotQuery(limit=4, before=first.before))
    assert [int(one.id[12:], 16) for one in [*first.snapshots, *rest.snapshots]] == [5, 4, 3, 2, 1, 0]
    assert len((await book.page(SnapshotQuery(device="gateway:gw-1"))).snapshots) == 3
    assert len((await book.page(SnapshotQuery(device="CP-1", level_min=3))).snapshots) == 1
    assert (await book.page(SnapshotQuery(from_ms=T0_MS + 1))).snapshots == []
    assert (await book.page(SnapshotQuery(to_ms=T0_MS))).snapshots == []
    assert (await book.page(SnapshotQuery(site="harbour"))).snapshots == []


CARDS = [
    card(level=9),
    card(sha256="<b>"),
    card(charger="x" * 101),
    msgspec.structs.replace(card(), begun_ms=-1),
    msgspec.structs.replace(card(), to_ms=2**62),
]


@pytest.mark.parametrize("told", CARDS)
def test_a_card_that_cannot_be_is_no_card(told: Card) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        sane(encode_card(told))


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_name_leads_out_of_the_folder(site: str, gateway: str) -> None:
    folder = Path("/somewhere/snapshots")
    path = SnapshotShelf(folder).path((site, gateway, identity(1)), FileState.WHOLE)
    assert len(path.relative_to(folder).parts) == 3
    assert ".." not in path.parts
    assert "\0" not in str(path)
