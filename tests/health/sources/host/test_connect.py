"""This file reads the wear of flash memory as the kernel shows it; it guards that a word that says nothing is none."""

from pathlib import Path

import pytest

from isolane.health.sources.host.connect import Looks, Spent, busy_percent, worn_percent


@pytest.mark.parametrize(
    ("texts", "percent"),
    [
        (["0x01 0x02\n"], 20.0),
        (["0x03 0x01\n", "0x0b 0x00\n"], 110.0),
        (["0x00 0x00\n"], None),
        (["0xff 0x20\n"], None),
        (["what?\n", "0x02 0x02\n"], 20.0),
        ([], None),
    ],
)
def test_the_most_worn_memory_counts(texts: list[str], percent: float | None, tmp_path: Path) -> None:
    for number, text in enumerate(texts):
        (tmp_path / f"mmc{number}:0001").mkdir()
        (tmp_path / f"mmc{number}:0001" / "life_time").write_text(text, encoding="ascii")
    assert worn_percent(tmp_path) == percent


@pytest.mark.parametrize(
    ("now", "percent"),
    [
        (Spent(110.0, 57.5), 25.0),
        (Spent(110.0, 50.0), 100.0),
        (Spent(110.0, 61.0), 0.0),  # what a processor waited for is sometimes counted back
        (Spent(110.0, 49.9), 100.0),
        (Spent(100.0, 50.0), None),
        (Spent(99.0, 50.0), None),
    ],
)
def test_a_load_is_that_of_the_time_between_two_looks(now: Spent, percent: float | None) -> None:
    assert busy_percent(Spent(100.0, 50.0), now) == percent


def test_a_quick_look_leaves_the_load_since_the_ordinary_one_alone() -> None:
    first, *later = ([Spent(10 * at, 5 * at)] for at in range(6))
    looks = Looks(first)
    rapid = [False, True, True, False, True]
    before = [looks.before(now, rapid=each) for now, each in zip(later, rapid, strict=True)]
    assert before == [first, later[0], later[1], later[0], later[3]]
