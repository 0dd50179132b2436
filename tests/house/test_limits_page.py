"""This file makes the page of limits fail when it goes stale: settings, defaults, metrics, events and tests exist."""

import re
from dataclasses import dataclass

import pytest

from isolane.value.access.settings import Access
from isolane.value.security_events import Kind
from isolane.value.settings import Limits
from support.tree import ROOT

_PAGE = ROOT / "docs/reference/limits.md"
_SHORT = {"handshakes": "isolane_value_handshakes_total", "limit_closes": "isolane_value_limit_closes_total"}


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    limit: str
    default: str
    unit: str
    reason: str
    over: str
    metric: str
    event: str
    test: str


def _rows() -> list[Row]:
    lines = [line for line in _PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return [Row(*(cell.strip().strip("`") for cell in line.strip("|").split("|"))) for line in lines]


def _content(folder: str) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / folder).rglob("*.py")))


def test_every_limit_is_on_the_page_with_its_default() -> None:
    settings = {name: getattr(Limits(), name) for name in Limits.__struct_fields__}
    settings["failures_per_min"] = Access().failures_per_min
    assert {row.limit: float(row.default) for row in _rows()} == settings


@pytest.mark.parametrize("row", _rows(), ids=lambda row: str(row.limit))
def test_what_the_page_names_exists(row: Row) -> None:
    assert row.unit
    assert row.reason
    assert row.over
    assert row.event == "-" or row.event in {kind.value for kind in Kind}
    source = _content("src/isolane/value")
    if row.metric != "-":
        name, _, label = row.metric.partition("{")
        assert f'"{_SHORT.get(name, name)}"' in source
        value = re.search(r'"(.+)"', label)
        assert value is None or f'"{value[1]}"' in source
    assert f"def {row.test}(" in _content("tests/value")
