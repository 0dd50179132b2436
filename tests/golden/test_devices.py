"""This file decodes registers as devices send them; it guards that a template means what its sources say.

The bytes and their meaning were written without the templates; the Modbus library's own conversion is the second judge.
"""

import tomllib
from typing import Any

import pytest
from pymodbus.client.mixin import ModbusClientMixin

from isolane.devices.template import built_in, load_built_in
from isolane.health.sources.modbus.decode import value_of
from support.tree import ROOT

_GOLDEN: dict[str, dict[str, Any]] = tomllib.loads((ROOT / "tests/golden/devices.toml").read_text(encoding="utf-8"))
_ROWS = [(name, each["word_order"], tuple(row)) for name, each in _GOLDEN.items() for row in each["rows"]]
_ROWS_MIN = 3


def test_every_template_has_golden_registers() -> None:
    assert set(_GOLDEN) == set(built_in())
    assert min(len(each["rows"]) for each in _GOLDEN.values()) >= _ROWS_MIN


@pytest.mark.parametrize(("name", "order", "row"), _ROWS, ids=lambda each: str(each)[:60])
def test_registers_mean_what_the_sources_say(name: str, order: str, row: tuple[Any, ...]) -> None:
    key, table, address, hexed, kind, factor, expected = row
    template = load_built_in(name)
    point = next(each for each in template.points if each.key == key)
    assert (point.table or template.table, point.address) == (table, address)
    words = [int(word, 16) for word in hexed.split()]
    assert value_of(point, template, words) == pytest.approx(expected, rel=1e-6)
    if isinstance(factor, float):
        library = ModbusClientMixin.convert_from_registers(
            words,
            ModbusClientMixin.DATATYPE[kind],
            word_order=order,  # type: ignore[arg-type] # "big" or "little", from the file
        )
        assert isinstance(library, int | float)
        assert library * factor == pytest.approx(expected, rel=1e-6)
