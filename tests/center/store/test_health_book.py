"""This file files health papers in both catalogues; it guards that what is newer stands, whatever the order."""

from collections.abc import Callable

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.health_book import FEATURES_MAX, HealthBook
from isolane.center.store.port import Batch, PaperArrival
from isolane.wire.block import BlockKey
from isolane.wire.health_paper import (
    HEALTH,
    LEVEL,
    VERSION,
    FeatureNote,
    HealthNote,
    LevelNote,
    Part,
    RemedyNote,
    ScoreNote,
    encode_health,
    encode_level,
)
from isolane.wire.paper import PAPERS, Paper
from support.gateways import T0_MS, FakeGateway

GATEWAY = FakeGateway()
T0_S = T0_MS // 1000
PINS = Part("CP-1", "1.1", "TemperatureSensor[ContactDCplus]", "connector/1", "contact_heating[DCplus]")
WELD = Part("CP-1", "1.0", "PowerContactor", "contactor/1", "weld")


def score(at_s: int, value: float, level: int = -1) -> ScoreNote:
    return ScoreNote(PINS, "K/A2", "measured", "good", level, 60, value, 4.0, 1.2e-3, 5e-5, 1e-3, 2e-3, at_s)


def level(at_s: int, before: int, now: int, part: Part = WELD) -> LevelNote:
    return LevelNote(
        VERSION, part, before, now, at_s, RemedyNote("Replace the set.", "contactor", "CX017"), 400.0, 60.0, "V"
    )


def papers(*bodies: tuple[str, bytes], first: int = 1) -> Batch:
    return Batch(
        papers=tuple(
            PaperArrival(GATEWAY.origin(), Paper(BlockKey(T0_MS, PAPERS, first + at), T0_MS, kind, body))
            for at, (kind, body) in enumerate(bodies)
        )
    )


async def test_scores_features_and_changes_stand_where_they_are_looked_for(
    open_catalogue: Callable[[], SqlCatalogue],
) -> None:
    catalogue = open_catalogue()
    book = HealthBook(catalogue)
    await catalogue.admit(GATEWAY.origin())
    features = tuple(FeatureNote(PINS, T0_S + at, 1e-3 + at * 1e-6, 5e-5, 900, {"peak_c": 50.0}) for at in range(5))
    note = HealthNote(VERSION, T0_S, (score(T0_S + 4, 80.0),), features)
    await catalogue.record(papers((HEALTH, encode_health(note)), (LEVEL, encode_level(level(T0_S + 9, -1, 4)))))
    assert await book.file() == 2
    assert await book.file() == 0
    weld, pins = await book.parts()
    assert (weld.level, weld.component, weld.score) == (4, "PowerContactor", None)
    assert weld.change is not None
    assert weld.change.remedy.mrec == "CX017"
    assert (pins.value, pins.level, pins.site) == (80.0, -1, "depot")
    assert [point.at_ms for point in await book.features(pins.number)] == [(T0_S + at) * 1000 for at in range(5)]
    assert (await book.features(pins.number, 2))[0].evidence == {"peak_c": 50.0}
    (change,) = await book.changes("depot", "CP-1")
    assert (change.before, change.level, change.part) == (-1, 4, weld.number)
    assert [part.number for part in await book.standing(1)] == [weld.number]
    assert await book.parts(["elsewhere"]) == []


async def test_what_is_older_covers_nothing_that_is_newer(open_catalogue: Callable[[], SqlCatalogue]) -> None:
    catalogue = open_catalogue()
    book = HealthBook(catalogue)
    await catalogue.admit(GATEWAY.origin())
    over, begun = level(T0_S + 20, 4, -1), level(T0_S + 9, -1, 4)
    late = HealthNote(VERSION, T0_S, (score(T0_S + 1, 99.0),))
    fresh = HealthNote(VERSION, T0_S, (score(T0_S + 50, 70.0, 1),))
    bodies = [(LEVEL, encode_level(over)), (LEVEL, encode_level(begun)), (HEALTH, encode_health(fresh))]
    await catalogue.record(papers(*bodies, (HEALTH, encode_health(late))))
    await book.file()
    by_measure = {part.measure: part for part in await book.parts()}
    assert by_measure["weld"].level == -1
    assert by_measure["contact_heating[DCplus]"].value == 70.0
    assert [change.level for change in await book.changes("depot", "CP-1")] == [-1, 4]


async def test_features_that_come_again_stand_once_and_the_oldest_go(
    open_catalogue: Callable[[], SqlCatalogue],
) -> None:
    catalogue = open_catalogue()
    book = HealthBook(catalogue)
    await catalogue.admit(GATEWAY.origin())
    features = tuple(FeatureNote(PINS, T0_S + at, 1.0) for at in range(FEATURES_MAX + 50))
    first = HealthNote(VERSION, T0_S, (), features)
    await catalogue.record(papers((HEALTH, encode_health(first)), (HEALTH, encode_health(first))))
    await book.file()
    (part,) = await book.parts()
    found = await book.features(part.number, 10 * FEATURES_MAX)
    assert len(found) == FEATURES_MAX
    assert found[0].at_ms == (T0_S + 50) * 1000


async def test_a_body_that_cannot_be_read_is_counted_and_does_not_stop_the_rest(
    open_catalogue: Callable[[], SqlCatalogue],
) -> None:
    catalogue = open_catalogue()
    book = HealthBook(catalogue)
    await catalogue.admit(GATEWAY.origin())
    await catalogue.record(papers((LEVEL, b"{"), (HEALTH, b"no zstd"), (LEVEL, encode_level(level(T0_S, -1, 2)))))
    assert await book.file() == 3
    assert book.unreadable == 2
    assert [part.level for part in await book.parts()] == [2]
