"""This file tests the counts of what each link missed; it guards that they are exact, for every way a block leaves."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hyp_settings
from hypothesis import strategies as st

from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.missed import BROUGHT
from isolane.health.outbox.records import Key
from isolane.health.outbox.store import Store
from support.outboxes import SCHEMA, TAG, ManualClock, draft, is_balanced, settings


def made(path: Path, clock: ManualClock, required: tuple[str, ...], links: tuple[str, ...], bytes_max: int) -> Store:
    store = Store(settings(path, bytes_max=bytes_max), TAG, clock, SCHEMA, frozenset(required))
    store.held.update(dict.fromkeys(links, frozenset()))
    store.open()
    return store


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def keys(store: Store, link: str) -> list[Key]:
    out = store.pick(link, frozenset(), frozenset(), 1000, newest_first=False, in_order=True)
    return [each.key for each in out if each.kind == "block"]


def test_what_the_required_links_brought_away_is_missed_by_the_others_to_the_sample(
    tmp_path: Path, clock: ManualClock
) -> None:
    store = made(tmp_path / "o.db", clock, ("a", "b"), ("a", "b", "c", "d"), 1 << 20)
    for number in range(6):
        store.put(draft(number))
    blocks = keys(store, "a")
    store.settle("c", blocks[:2], [])
    store.settle("a", blocks[:4], [])
    assert store.tally.missed == {}
    store.settle("b", blocks[1:3], [])
    assert store.tally.missed == {("c", BROUGHT): (1, 10), ("d", BROUGHT): (2, 20)}
    store.settle("c", blocks[2:], [])
    store.settle("b", blocks, [])
    store.settle("a", blocks, [])
    assert store.tally.missed == {("c", BROUGHT): (1, 10), ("d", BROUGHT): (6, 60)}
    assert store.tally.acknowledged == 60
    store.close()


def test_what_is_given_up_is_missed_by_those_that_had_not_brought_it(tmp_path: Path, clock: ManualClock) -> None:
    store = made(tmp_path / "o.db", clock, ("a",), ("a", "b"), 100_000)
    for number in range(3):
        store.put(draft(number))
    store.settle("b", keys(store, "b"), [])
    store.forget("b")
    for number in range(3, 20):
        store.put(draft(number, rows=1000, noise=30))
    dropped = store.tally.dropped["outbox-full"]
    missed = store.tally.missed
    assert missed["a", "outbox-full"][1] == dropped
    assert missed["b", "outbox-full"] == (missed["a", "outbox-full"][0] - 3, dropped - 30)
    clock.pass_s(4000)
    store.tend()
    assert store.tally.missed["a", "expired"][1] == store.tally.dropped["expired"] > 0
    assert store.tally.missed["b", "expired"] == store.tally.missed["a", "expired"]
    # A block too large to be stored at all.
    before = store.tally.missed["b", "outbox-full"][1]
    store.put(draft(30, rows=20_000, noise=30), Lane.LIVE)
    assert store.tally.missed["b", "outbox-full"][1] == before + 40_000
    assert is_balanced(store.tally)
    store.close()


def test_it_is_counted_once_across_restarts_and_when_a_link_is_not_required_any_more(
    tmp_path: Path, clock: ManualClock
) -> None:
    store = made(tmp_path / "o.db", clock, ("a", "b"), ("a", "b"), 1 << 20)
    for number in range(4):
        store.put(draft(number))
    store.settle("a", keys(store, "a")[:3], [])
    store.close()
    store = made(tmp_path / "o.db", clock, ("a",), ("a", "b"), 1 << 20)
    assert store.tally.missed == {("b", BROUGHT): (3, 30)}
    store.close()
    store = made(tmp_path / "o.db", clock, ("a",), ("a", "b"), 1 << 20)
    assert store.tally.missed == {("b", BROUGHT): (3, 30)}
    store.settle("a", keys(store, "a"), [])
    assert store.tally.missed == {("b", BROUGHT): (4, 40)}
    assert store.tally.empty
    store.close()


def test_a_link_alone_misses_nothing(tmp_path: Path, clock: ManualClock) -> None:
    store = made(tmp_path / "o.db", clock, ("a",), ("a",), 1 << 20)
    for number in range(3):
        store.put(draft(number))
    store.settle("a", keys(store, "a"), [])
    assert store.tally.missed == {}
    store.close()


def test_what_leaves_while_a_link_has_it_under_way_is_missed_only_if_it_is_not_brought(
    tmp_path: Path, clock: ManualClock
) -> None:
    store = made(tmp_path / "o.db", clock, ("a",), ("a", "b"), 1 << 20)
    for number in range(4):
        store.put(draft(number))
    blocks = keys(store, "b")
    store.settle("a", keys(store, "a")[:3], [])
    assert store.tally.missed == {}
    assert store.settle("b", blocks[:1], []) == 1
    store.tend()
    assert store.tally.missed == {}
    store.pick("b", frozenset(blocks[1:2]), frozenset(), 10, newest_first=False)
    store.tend()
    assert store.tally.missed == {("b", BROUGHT): (1, 10)}
    store.forget("b")
    store.tend()
    store.tend()
    assert store.tally.missed == {("b", BROUGHT): (2, 20)}
    assert store.settle("b", blocks[1:2], []) == 0
    assert store.troubles.unknown_acks == 1
    store.close()


@given(st.lists(st.tuples(st.sampled_from("abcpx"), st.integers(0, 3)), max_size=60))
@hyp_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_block_is_brought_by_a_link_or_missed_by_it_or_waits(tmp_path: Path, steps: list[tuple[str, int]]) -> None:
    clock = ManualClock()
    path = tmp_path / "o.db"
    for old in tmp_path.iterdir():
        old.unlink()
    store = made(path, clock, ("a", "b"), ("a", "b", "c"), 1 << 20)
    produced, brought = 0, {"a": 0, "b": 0, "c": 0}
    flights: dict[str, list[Key]] = {"a": [], "b": [], "c": []}
    for step, number in steps:
        if step == "p":
            store.put(draft(produced))
            produced += 1
        elif step == "x":
            clock.pass_s(1000)
            store.tend()
        elif number:
            flights[step] += [
                each.key
                for each in store.pick(step, frozenset(flights[step]), frozenset(), number, newest_first=number == 2)
                if each.kind == "block"
            ]
        elif flights[step]:
            brought[step] += store.settle(step, [flights[step].pop()], []) or 0
    for link in flights:
        store.forget(link)
    store.tend()
    for link, count in brought.items():
        left = store.pick(link, frozenset(), frozenset(), 1000, newest_first=False)
        missed = sum(blocks for (name, _), (blocks, _) in store.tally.missed.items() if name == link)
        assert count + missed + sum(each.kind == "block" for each in left) == produced
    store.close()
