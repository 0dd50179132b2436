"""This file holds visits and vehicles against the measured data; it guards that the summaries are those of the data.

The data itself is not part of the project. Where it lies beside the checkout (../shared/data) the summaries are
computed anew and compared; where it does not, those two tests are skipped. A file that is there and malformed fails
them.
"""

import itertools
import json
import random
import statistics
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.sim.physics.vehicles import MODELS, Vehicle, draw_model
from isolane.sim.physics.visits import ENERGY_WH, LEVELS, SOC_ARRIVAL, STAY_MIN, draw_visit, quantile
from support.measured import DATA, needs_data

_NAMESPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def _columns(path: Path) -> dict[str, list[float]]:
    """Read the numbers of a one-sheet workbook by column title."""
    with zipfile.ZipFile(path) as book:
        strings = [
            "".join(text.text or "" for text in item.iter(f"{_NAMESPACE}t"))
            for item in ET.fromstring(book.read("xl/sharedStrings.xml"))  # noqa: S314 - a file of our own
        ]
        sheet = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))  # noqa: S314 - a file of our own
        rows = list(sheet.iter(f"{_NAMESPACE}row"))
    titles = {cell.attrib["r"].rstrip("1"): strings[int(cell[0].text or "")] for cell in rows[0]}
    columns: dict[str, list[float]] = {title: [] for title in titles.values()}
    for row in rows[1:]:
        for cell in row:
            if cell.attrib.get("t") != "s" and len(cell):
                columns[titles[cell.attrib["r"].rstrip("0123456789")]].append(float(cell[-1].text or ""))
    return columns


@needs_data
@pytest.mark.parametrize(
    ("title", "table", "step"),
    [("Stay (min)", STAY_MIN, 1.0), ("Energy (Wh)", ENERGY_WH, 100.0), ("SOC arrival", SOC_ARRIVAL, 0.01)],
)
def test_quantiles_are_those_of_the_sessions(title: str, table: tuple[float, ...], step: float) -> None:
    values = sorted(_columns(DATA / "epfl" / "Session_data.xlsx")[title])
    assert len(values) == 1878
    scale = 100 if title.startswith("SOC") else 1
    for level, entry in zip(LEVELS, table, strict=True):
        measured = values[min(len(values) - 1, int(level * (len(values) - 1) + 0.5))] / scale
        assert entry == pytest.approx(measured, abs=step / 2 + 1e-9), level


@needs_data
def test_models_are_the_medians_of_the_cars() -> None:
    document = json.loads((DATA / "open-ev-data" / "ev-data.json").read_text(encoding="utf-8"))
    chargers = [
        (car["usable_battery_size"] * 1000, car["dc_charger"])
        for car in document["data"]
        if car.get("dc_charger") and not car["dc_charger"]["is_default_charging_curve"]
    ]
    bounds = [(0, 60), (60, 120), (120, 180), (180, 1000)]
    for model, (low, high) in zip(MODELS, bounds, strict=True):
        group = [(battery, dc) for battery, dc in chargers if low <= dc["max_power"] < high]
        assert model.cars == len(group)
        assert model.battery_wh == statistics.median(battery for battery, _ in group)
        assert model.dc_power_w == statistics.median(dc["max_power"] for _, dc in group) * 1000
        for place, share in enumerate(model.dc_curve):
            shares = [_power(dc["charging_curve"], 10 * place) / dc["max_power"] for _, dc in group]
            assert share == pytest.approx(statistics.median(shares), abs=0.0051), (model.cars, place)


def _power(curve: list[dict[str, float]], percent: float) -> float:
    for one, next_one in itertools.pairwise(curve):
        if one["percentage"] <= percent <= next_one["percentage"]:
            width = next_one["percentage"] - one["percentage"]
            share = (percent - one["percentage"]) / width if width else 1.0
            return one["power"] + (next_one["power"] - one["power"]) * share
    return curve[-1]["power"]


@given(st.floats(0, 1))
def test_quantile_stays_in_the_table(level: float) -> None:
    assert STAY_MIN[0] <= quantile(STAY_MIN, level) <= STAY_MIN[-1]


def test_quantile_at_its_points() -> None:
    assert [quantile(ENERGY_WH, level) for level in LEVELS] == pytest.approx(ENERGY_WH)


@given(st.integers(0, 10_000), st.floats(0.01, 2))
def test_a_visit_fits_its_battery(seed: int, scale: float) -> None:
    visit = draw_visit(random.Random(seed), scale)
    assert 200 <= visit.energy_wh <= max(200, (1 - visit.vehicle.soc) * visit.vehicle.model.battery_wh)
    assert visit.stay_s >= 60


def test_a_full_car_asks_for_nothing() -> None:
    for model in MODELS:
        assert Vehicle(model, 1.0).dc_request_w == 0
        assert Vehicle(model, 1.0).ac_request_a == (0, 0, 0)
        assert Vehicle(model, 0.0).dc_request_w == model.dc_power_w * model.dc_curve[0]
        assert model.pack_v * 0.9 < Vehicle(model, 0.5).voltage_v < model.pack_v * 1.1


def test_taking_energy_fills_the_battery() -> None:
    vehicle = Vehicle(MODELS[0], 0.5)
    vehicle.take(vehicle.model.battery_wh, 900)
    assert vehicle.soc == pytest.approx(0.75)
    vehicle.take(vehicle.model.battery_wh, 3600)
    assert vehicle.soc == 1.0


def test_groups_are_drawn_by_their_size() -> None:
    rng = random.Random(1)
    drawn = [draw_model(rng) for _ in range(4000)]
    for model in MODELS:
        assert drawn.count(model) / 4000 == pytest.approx(model.cars / 113, abs=0.03)
