"""This file tests sessions on a clock of its own; it guards that an ended one opens nothing."""

from collections.abc import Callable

import pytest

from isolane.center.people.sessions import Sessions
from isolane.center.people.settings import AccessSettings
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.people_records import Note, PeopleRecords, Person
from isolane.center.store.people_views import Visit

NOTE = Note(0, "night", "log-in", "", "")
NIGHT = Person(name="night", role="viewer", tenants="*", password=None, subject=None, disabled=False, created_ms=0)
MIN_MS, H_MS = 60_000, 3_600_000


class Times:
    """Both clocks, which go only when told."""

    def __init__(self) -> None:
        self.ms = H_MS

    def now_ms(self) -> int:
        return self.ms

    def clock(self) -> float:
        return self.ms / 1000


class Counting(PeopleRecords):
    """Counts what the database is asked and told."""

    asked = 0
    told = 0

    async def session(self, id_: bytes):  # type: ignore[no-untyped-def]  # noqa: ANN201 - as its parent
        self.asked += 1
        return await super().session(id_)

    async def touch(self, id_: bytes, seen_ms: int) -> None:
        self.told += 1
        await super().touch(id_, seen_ms)


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
async def records(open_catalogue: Callable[[], SqlCatalogue]) -> Counting:
    made = Counting(open_catalogue())
    await made.add_person(NIGHT, NOTE)
    return made


def sessions_of(records: PeopleRecords, times: Times) -> Sessions:
    settings = AccessSettings(idle_minutes=10, session_hours=2)
    return Sessions(records, settings, times.now_ms, times.clock)


async def test_a_session_that_rests_is_over(records: Counting, times: Times) -> None:
    sessions = sessions_of(records, times)
    cookie = await sessions.open(NIGHT, Visit(), "browser", NOTE)
    times.ms += 10 * MIN_MS - 1
    assert await sessions.find(cookie) is not None
    times.ms += 10 * MIN_MS - 1
    assert await sessions.find(cookie) is not None
    times.ms += 10 * MIN_MS
    assert await sessions.find(cookie) is None
    assert await sessions_of(records, times).find(cookie) is None


async def test_a_session_that_is_always_used_is_over_at_last(records: Counting, times: Times) -> None:
    sessions = sessions_of(records, times)
    cookie = await sessions.open(NIGHT, Visit(), "browser", NOTE)
    for _ in range(2 * 60 - 1):
        times.ms += MIN_MS
        assert await sessions.find(cookie) is not None
    times.ms += MIN_MS
    assert await sessions.find(cookie) is None


async def test_a_request_costs_no_round_trip(records: Counting, times: Times) -> None:
    sessions = sessions_of(records, times)
    cookie = await sessions.open(NIGHT, Visit(), "browser", NOTE)
    for _ in range(1000):
        assert await sessions.find(cookie) is not None
    assert (records.asked, records.told) == (1, 0)
    times.ms += 2 * MIN_MS
    await sessions.find(cookie)
    assert (records.asked, records.told) == (2, 1)


async def test_an_ended_session_opens_nothing_here_at_once_and_elsewhere_within_seconds(
    records: Counting, times: Times
) -> None:
    here, elsewhere = sessions_of(records, times), sessions_of(records, times)
    cookie = await here.open(NIGHT, Visit(), "browser", NOTE)
    assert await elsewhere.find(cookie) is not None
    assert await here.find(cookie) is not None
    here.forget(await records.end_sessions("night", NOTE))
    assert await here.find(cookie) is None
    times.ms += 3001
    assert await elsewhere.find(cookie) is None


async def test_a_new_session_ends_the_one_the_browser_had(records: Counting, times: Times) -> None:
    sessions = sessions_of(records, times)
    old = await sessions.open(NIGHT, Visit(), "browser", NOTE)
    new = await sessions.open(NIGHT, Visit(session=old), "browser", NOTE)
    assert old != new
    assert await sessions.find(old) is None
    assert await sessions.find(new) is not None


async def test_a_cookie_of_ones_own_making_opens_nothing(records: Counting, times: Times) -> None:
    sessions = sessions_of(records, times)
    for cookie in ("", "x", "x" * 43, "ü" * 43, "x" * 5000):
        assert await sessions.find(cookie) is None
    new = await sessions.open(NIGHT, Visit(session="planted"), "browser", NOTE)
    assert new != "planted"
    assert await sessions.find("planted") is None


async def test_who_is_disabled_is_out(records: Counting, times: Times) -> None:
    sessions = sessions_of(records, times)
    cookie = await sessions.open(NIGHT, Visit(), "browser", NOTE)
    sessions.forget(await records.change_person("night", NOTE, disabled=True))
    assert await sessions.find(cookie) is None
