"""This file tests the verdict on a gateway's books."""

import pytest

from isolane.center.store.ledger import BALANCED, HOLE, HOLES_MAX, PENDING, UNSTATED, GapClaim, Statement, judge
from isolane.center.store.stretches import Range, Stretches


def stated(last: int, produced: int, queued: int = 0, thinned: int = 0, dropped: int = 0) -> Statement:
    return Statement(last, produced, produced - queued - thinned - dropped, queued, thinned, dropped)


@pytest.mark.parametrize(
    ("statement", "here", "samples", "gaps", "verdict", "holes"),
    [
        pytest.param(stated(10, 100), [(1, 10)], 100, [], BALANCED, [], id="all here"),
        pytest.param(stated(10, 100, 20), [(1, 10)], 100, [], BALANCED, [], id="acknowledgements are on their way"),
        pytest.param(stated(10, 100, 20), [(1, 8)], 80, [], PENDING, [(9, 10)], id="the rest is queued"),
        pytest.param(stated(10, 100, 20), [(1, 3), (6, 10)], 80, [], PENDING, [(4, 5)], id="newest first"),
        pytest.param(stated(10, 100), [(1, 3), (6, 10)], 80, [], HOLE, [(4, 5)], id="lost without a word"),
        pytest.param(
            stated(10, 100, 0, 0, 20), [(1, 3), (6, 10)], 80, [GapClaim(4, 5, 20)], BALANCED, [], id="lost and told"
        ),
        pytest.param(
            stated(10, 100, 0, 0, 20), [(1, 3), (6, 10)], 80, [GapClaim(4, 4, 10)], HOLE, [(5, 5)], id="half told"
        ),
        pytest.param(stated(10, 100), [(1, 10)], 90, [], HOLE, [], id="blocks are here, samples are not"),
        pytest.param(stated(10, 100, 0, 5), [(1, 10)], 95, [], BALANCED, [], id="some were thinned"),
        pytest.param(
            stated(10, 100, 0, 0, 10),
            [(1, 10)],
            100,
            [GapClaim(5, 5, 10)],
            BALANCED,
            [],
            id="told as lost, came after all",
        ),
        pytest.param(stated(10, 100), [(1, 12)], 120, [], BALANCED, [], id="newer than the statement"),
        pytest.param(stated(10, 100), [(1, 10), (12, 12)], 110, [], HOLE, [(11, 11)], id="a newer hole"),
        pytest.param(
            Statement(10, 100, 90, 0, 0, 0), [(1, 10)], 100, [], HOLE, [], id="books that contradict themselves"
        ),
        pytest.param(None, [(2, 3)], 20, [], UNSTATED, [(1, 1)], id="no statement"),
        pytest.param(stated(0, 0), [], 0, [], BALANCED, [], id="nothing produced"),
    ],
)
def test_verdicts(
    *,
    statement: Statement | None,
    here: list[Range],
    samples: int,
    gaps: list[GapClaim],
    verdict: str,
    holes: list[Range],
) -> None:
    assert judge(statement, Stretches(here), samples, gaps) == (verdict, holes)


def test_holes_are_listed_up_to_a_bound() -> None:
    here = Stretches((number, number) for number in range(2, 4 * HOLES_MAX, 2))
    verdict, holes = judge(stated(4 * HOLES_MAX, 10**6), here, 5, [])
    assert verdict == HOLE
    assert len(holes) == HOLES_MAX
