"""This file tests the book of figures; it guards that a late day is due again until its figures are younger."""

from collections.abc import Callable

import pytest

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.kpi_book import MARK_EVERY_MS, DayEntry, DaySum, KpiBook

OpenCatalogue = Callable[[], SqlCatalogue]
NOW_MS = 1_790_000_000_000
PORT = ("depot", "CP-1", 1)


def entry(day: int, *, port: tuple[str, str, int] = PORT, down_ms: int = 0) -> DayEntry:
    return DayEntry(port, day, down_ms, 2, 3, b"runs", b"facts %d" % day)


@pytest.fixture
def book(open_catalogue: OpenCatalogue) -> KpiBook:
    return KpiBook(open_catalogue())


async def test_days_are_due_until_they_are_computed(book: KpiBook) -> None:
    assert await book.due({"depot": 10, "harbour": 12}, 13) == [
        ("depot", 10), ("depot", 11), ("depot", 12), ("harbour", 12)
    ]  # fmt: skip
    await book.put("depot", 10, [entry(10)], NOW_MS)
    assert await book.due({"depot": 10}, 12) == [("depot", 11)]


@pytest.mark.parametrize(
    ("computed_after_ms", "due"), [(-1, True), (0, True), (MARK_EVERY_MS, True), (MARK_EVERY_MS + 1, False)]
)
async def test_a_late_day_is_due_again(book: KpiBook, computed_after_ms: int, *, due: bool) -> None:
    await book.put("depot", 10, [entry(10)], NOW_MS - 1)
    await book.mark([("depot", 10), ("depot", 10)], NOW_MS)
    await book.mark([("depot", 10)], NOW_MS - 5)
    await book.put("depot", 10, [entry(10)], NOW_MS + computed_after_ms)
    assert (await book.due({"depot": 10}, 11) == [("depot", 10)]) is due


async def test_a_day_that_is_stored_again_replaces_what_was_there(book: KpiBook) -> None:
    other = ("depot", "CP-1", 2)
    await book.put("depot", 10, [entry(10), entry(10, port=other), entry(11)], NOW_MS)
    await book.put("depot", 10, [entry(10, down_ms=7)], NOW_MS)
    assert await book.days(0, 99, site="depot", charger="CP-1") == [entry(10, down_ms=7), entry(11)]
    assert await book.facts(11, 11, site="depot") == [(PORT, 11, b"facts 11")]
    assert await book.facts(0, 99, site="harbour") == []
    assert await book.sums(0, 99) == {PORT: DaySum(2, 10, 7, 4, 6)}


async def test_what_people_enter_changes_the_version(book: KpiBook, open_catalogue: OpenCatalogue) -> None:
    versions = [await book.version()]
    made = await book.add_exclusion(
        site="depot", charger="", port=0, from_ms=1, to_ms=2, reason="utility", evidence="letter", made_by="A"
    )
    versions.append(await book.version())
    withdrawn = await book.withdraw(made.number, "B")
    assert withdrawn is not None
    assert (withdrawn.made_by, withdrawn.withdrawn_by) == ("A", "B")
    assert await book.withdraw(made.number, "C") is None
    assert await book.withdraw(99, "C") is None
    assert await KpiBook(open_catalogue()).exclusions() == [withdrawn]
    versions.append(await book.version())
    await book.put("depot", 10, [], NOW_MS)
    versions.append(await book.version())
    await book.add_nameplate(
        site="depot", charger="CP-1", from_ms=10 * 86_400_000, model="M", firmware="1", rated_w=50_000, made_by="A"
    )
    versions.append(await book.version())
    assert len(set(versions)) == len(versions)


async def test_a_nameplate_has_days_since_then_computed_again(book: KpiBook) -> None:
    for day in (9, 10):
        await book.put("depot", day, [entry(day)], NOW_MS)
    plate = await book.add_nameplate(
        site="depot", charger="CP-1", from_ms=10 * 86_400_000, model="M", firmware="1", rated_w=50_000, made_by="A"
    )
    assert await book.due({"depot": 9}, 11) == [("depot", 10)]
    assert await book.nameplates() == [plate]
