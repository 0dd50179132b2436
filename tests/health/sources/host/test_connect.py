"""This file reads the wear of flash memory as the kernel shows it; it guards that a word that says nothing is none."""

from pathlib import Path

import pytest

from isolane.health.sources.host.connect import worn_percent


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
