"""This file tests how numbers are written; it guards that server and browser agree."""

import json
import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.async_api import Page

from isolane.center.console import formats, sparkline

OpenPage = Callable[..., Awaitable[Page]]
CASES: dict[str, list[Any]] = json.loads(Path(__file__).with_name("formats.json").read_text(encoding="utf-8"))


class Center(Protocol):
    """What these tests use of the fixture."""

    url: str


@pytest.mark.parametrize(("value", "unit", "resolution", "number", "shown"), CASES["quantity"])
def test_a_quantity_is_written_with_its_si_prefix(
    value: float | None, unit: str, resolution: float, number: str, shown: str
) -> None:
    assert formats.quantity(value, unit, resolution) == (number, shown)


@pytest.mark.parametrize(("value", "unit", "resolution", "text"), CASES["text"])
def test_text_joins_number_and_unit(value: float | None, unit: str, resolution: float, text: str) -> None:
    assert formats.text(value, unit, resolution) == text


@pytest.mark.parametrize(("part", "whole", "decimals", "text"), CASES["share"])
def test_a_share_is_never_rounded_up(part: int, whole: int, decimals: int, text: str) -> None:
    assert formats.share(part, whole, decimals) == text


@pytest.mark.parametrize(("age_s", "text"), CASES["duration"])
def test_a_duration_has_at_most_two_units(age_s: float | None, text: str) -> None:
    assert formats.duration(age_s) == text


@given(st.integers(0, 10**12), st.integers(1, 10**12))
def test_only_everything_is_100_percent(missing: int, whole: int) -> None:
    part = max(0, whole - missing)
    assert (formats.share(part, whole) == f"100{formats.THIN}%") == (part == whole)


@given(st.floats(-1e9, 1e9), st.integers(0, 3))
def test_a_number_reads_back_as_itself(value: float, decimals: int) -> None:
    read = float(formats.number(value, decimals).replace(formats.THIN, "").replace(formats.MINUS, "-"))
    assert abs(read - value) <= 0.5 * 10**-decimals * (1 + 1e-9) + abs(value) * 1e-15


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(None, formats.NOTHING), (0, "0\u202fB"), (999, "999\u202fB"), (1_250, "1.3\u202fkB"), (3.2e9, "3.2\u202fGB")],
)
def test_sizes_have_decimal_prefixes(size_bytes: float | None, text: str) -> None:
    assert formats.size(size_bytes) == text


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
async def test_the_browser_writes_the_same(center: Center, open_page: OpenPage) -> None:
    page = await open_page(center.url + "/ledger")
    written = await page.evaluate(
        """async (cases) => {
          const f = await import("/static/js/format.js");
          const { paths } = await import("/static/js/sparkline.js");
          return {
            quantity: cases.quantity.map(([value, unit, resolution]) => f.quantity(value, unit, resolution)),
            text: cases.text.map(([value, unit, resolution]) => f.text(value, unit, resolution)),
            share: cases.share.map(([part, whole, decimals]) => f.share(part, whole, decimals)),
            duration: cases.duration.map(([age]) => f.duration(age)),
            sparkline: cases.sparkline.map(paths),
          };
        }""",
        CASES,
    )
    assert written["quantity"] == [case[3:] for case in CASES["quantity"]]
    assert written["text"] == [case[3] for case in CASES["text"]]
    assert written["share"] == [case[3] for case in CASES["share"]]
    assert written["duration"] == [case[1] for case in CASES["duration"]]
    assert [tuple(pair) for pair in written["sparkline"]] == [sparkline.paths(case) for case in CASES["sparkline"]]


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
async def test_an_axis_has_a_range_for_every_number_there_is(center: Center, open_page: OpenPage) -> None:
    """Its span is a number, and wider than what a float tells apart."""
    page = await open_page(center.url + "/ledger")
    ranges = await page.evaluate(
        """async () => {
          const { rangeOf } = await import("/static/js/chart.js");
          const ends = [-1.7976931348623157e308, -1e15, -5e-324, -0, 5e-324, 1, 1e15, 1.7976931348623157e308];
          const pairs = ends.flatMap((low, at) => ends.slice(at).map((high) => [low, high]));
          const steps = [1, 0.1, 5e-324, 1e300, Infinity];
          return pairs.flatMap(([low, high]) => steps.map((step) => rangeOf(low, high, "W", null, step)));
        }"""
    )
    assert len(ranges) == 36 * 5
    for low, high in ranges:
        assert math.isfinite(high - low)
        assert high - low > 1e-10 * max(1, abs(low), abs(high))
