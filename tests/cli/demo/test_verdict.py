"""This file checks that the demo's exit code cannot be 0 by accident."""

from dataclasses import replace

import pytest

from isolane.cli.demo.verdict import Bills, Books, Privacy, judge_bills, judge_books, judge_privacy

BILLS = Bills(matched=5, differing=0, missing=0, open=0, billed_wh=12_345)
BOOKS = Books(produced=100, acknowledged=90, queued=10, dropped=0, at_center=90, holes=0)


def test_exact_bills_are_good_and_say_so() -> None:
    judgement = judge_bills(BILLS)
    assert judgement.good
    assert "12,345 Wh" in judgement.sentence


@pytest.mark.parametrize("change", [{"matched": 0}, {"differing": 1}, {"missing": 1}, {"open": 1}])
def test_any_wrong_or_absent_bill_is_not(change: dict[str, int]) -> None:
    assert not judge_bills(replace(BILLS, **change)).good


def test_balanced_books_are_good() -> None:
    assert judge_books(BOOKS).good


@pytest.mark.parametrize(
    "change", [{"produced": 101}, {"queued": 9}, {"at_center": 89}, {"holes": 1}, {"produced": 0, "acknowledged": -10}]
)
def test_a_sample_unaccounted_for_is_not(change: dict[str, int]) -> None:
    assert not judge_books(replace(BOOKS, **change)).good


def test_privacy_needs_events_to_look_through() -> None:
    assert judge_privacy(Privacy(events=10, found=())).good
    assert not judge_privacy(Privacy(events=0, found=())).good
    assert not judge_privacy(Privacy(events=10, found=("TAG-1 in tap.jsonl",))).good
