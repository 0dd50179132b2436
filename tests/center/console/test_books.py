"""This file tests the ledger page's accounts; it guards that one missing sample is seen in words and bar."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.center.console.books import BAR_WIDTH, account, by_gateway, joined
from isolane.center.store.views import GapLine
from support.balanced_line import LINE as BALANCED

COUNT = st.integers(0, 10**12)


LINE = replace(BALANCED, acknowledged=900, queued=60, dropped={"expired": 30, "outbox-full": 10}, samples=960)


def test_the_terms_are_the_gateways_own() -> None:
    made = account(LINE)
    assert [(term.name, term.samples) for term in made.terms] == [
        ("acknowledged", 900),
        ("queued", 60),
        ("thinned", 0),
        ("dropped", 40),
    ]
    assert made.adds_up
    assert made.tone == "good"
    assert made.ahead == 60


def test_books_that_do_not_add_up_show_the_rest() -> None:
    made = account(replace(LINE, produced=1001, verdict="hole"))
    assert not made.adds_up
    assert (made.terms[-1].name, made.terms[-1].samples) == ("unexplained", 1)
    assert made.tone == "fault"


def test_what_the_center_lacks_is_taken_out_of_the_acknowledged_part() -> None:
    made = account(replace(LINE, samples=700, queued=0, dropped={}, produced=900, verdict="hole"))
    assert made.missing == 200
    assert {term.name: term.samples for term in made.bar} == {
        "acknowledged": 700,
        "queued": 0,
        "thinned": 0,
        "dropped": 0,
        "missing": 200,
    }


@given(COUNT, COUNT, COUNT, COUNT, COUNT)
def test_the_bar_is_full_and_shows_every_term(
    acknowledged: int, queued: int, thinned: int, dropped: int, here: int
) -> None:
    whole = acknowledged + queued + thinned + dropped
    bar = account(
        replace(
            LINE,
            produced=whole,
            acknowledged=acknowledged,
            queued=queued,
            thinned=thinned,
            dropped={"expired": dropped},
            samples=here,
        )
    ).bar
    assert all((part.width > 0) == (part.samples > 0) for part in bar)
    if whole:
        assert sum(part.width for part in bar) == pytest.approx(BAR_WIDTH, abs=0.1)


def test_a_gateway_with_a_hole_stands_first() -> None:
    books = by_gateway(
        [
            replace(LINE, gateway="a"),
            replace(LINE, gateway="b"),
            replace(LINE, gateway="b", verdict="hole"),
            replace(LINE, gateway="c", verdict="pending"),
        ]
    )
    assert [(book.gateway, book.worst, len(book.accounts)) for book in books] == [
        ("b", "fault", 2),
        ("c", "busy", 1),
        ("a", "good", 1),
    ]


def test_an_outage_of_many_blocks_is_one_line() -> None:
    def gap(first: int, last: int, reason: str) -> GapLine:
        return GapLine(first, last, 10 * (last - first + 1), reason, first * 1000, last * 1000 + 1000)

    records = [gap(9, 9, "expired"), gap(3, 3, "lane-full"), gap(4, 6, "lane-full"), gap(7, 7, "expired")]
    assert joined(records) == [
        GapLine(3, 6, 40, "lane-full", 3000, 7000),
        gap(7, 7, "expired"),
        gap(9, 9, "expired"),
    ]
    assert joined([]) == []
