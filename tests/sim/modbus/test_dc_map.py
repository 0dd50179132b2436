"""This file holds the page and the map together; it guards that a template written from it reads right."""

import re
from pathlib import Path

from isolane.core.signals import is_signal_key
from isolane.sim.modbus import dc_map
from isolane.sim.modbus.rows import Row

_PAGE = Path(__file__).parents[3] / "docs" / "reference" / "dc-charger-map.md"
_LINE = re.compile(r"^\| (\d+) \| (\w+) \| `?([^`|]+?)`? \| ([^|]*) \| ([^|]*) \| ([^|]*) \| (.*) \|$", re.MULTILINE)


def test_page_and_map_say_the_same() -> None:
    page = [
        Row(int(at), kind, name, unit.strip(), float(scale), float(step), text)
        for at, kind, name, unit, scale, step, text in _LINE.findall(_PAGE.read_text(encoding="utf-8"))
    ]
    assert page == [*dc_map.IDENTITY, *dc_map.SIGNALS]


def test_rows_do_not_overlap_and_fit_the_block() -> None:
    first, count = dc_map.BLOCK
    end = 0
    for row in (*dc_map.IDENTITY, *dc_map.SIGNALS):
        assert row.address >= end, row.name
        end = row.address + row.words
    assert all(first <= row.address and row.address + row.words <= first + count for row in dc_map.SIGNALS)


def test_every_signal_has_a_valid_key() -> None:
    assert all(is_signal_key(row.name) for row in dc_map.SIGNALS)
