"""This file reads back what was written; it guards that both forms hold the samples as they were, gaps included."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet  # type: ignore[import-untyped]

from isolane.core.failures import IsolaneError
from isolane.sim.years.files import write_csv, write_parquet, write_tables
from isolane.sim.years.plan import Plan
from isolane.sim.years.year import Chunk, Year

_V, _W = "1.0/EVSE/DCVoltage", "1.0/FiscalMetering/EnergyImportRegister"


def _chunks(charger: str = "DC-01") -> list[Chunk]:
    volts = np.array([399.9, np.nan, 400.1], np.float32)
    register = np.array([85_000_001.0, 85_000_002.0, 85_000_003.0])
    later = {_V: np.zeros(2, np.float32), _W: register[1:] + 2}
    return [Chunk(charger, 1000, 1, {_V: volts, _W: register}), Chunk(charger, 1060, 60, later)]


def test_csv(tmp_path: Path) -> None:
    write_csv(_chunks(), tmp_path / "a.csv")
    rows = list(csv.reader((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()))
    assert rows == [
        ["t", _V, _W],
        ["1000", "399.9", "85000001"],
        ["1001", "", "85000002"],
        ["1002", "400.1", "85000003"],
        ["1060", "0.0", "85000004"],
        ["1120", "0.0", "85000005"],
    ]


def test_parquet(tmp_path: Path) -> None:
    write_parquet(_chunks(), tmp_path / "a.parquet")
    table = parquet.read_table(tmp_path / "a.parquet").to_pydict()
    assert table["t"] == [1000, 1001, 1002, 1060, 1120]
    assert table[_V][1] is None
    assert table[_V][0] == pytest.approx(399.9, abs=1e-4)
    assert table[_W][-1] == 85_000_005


def test_tables_of_a_site(tmp_path: Path) -> None:
    chunks = [chunk for pair in zip(_chunks("A"), _chunks("B"), strict=True) for chunk in pair]
    assert list(write_tables(chunks, tmp_path / "new", "csv")) == chunks
    one, other = ((tmp_path / "new" / f"{name}.csv").read_bytes() for name in "AB")
    assert one == other
    assert one.count(b"\n") == 6


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match="cannot write"):
        write_csv(_chunks(), tmp_path / "none" / "a.csv")
    (tmp_path / "file").touch()
    with pytest.raises(IsolaneError, match="cannot make"):
        list(write_tables(_chunks(), tmp_path / "file", "csv"))
    with pytest.raises(IsolaneError, match="cannot write"):
        Year(Plan(days=1)).truth.write(tmp_path / "none" / "truth.json")


def test_truth_is_json(tmp_path: Path) -> None:
    Year(Plan(days=1)).truth.write(tmp_path / "truth.json")
    assert json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))["chargers"][0]["id"] == "DC-01"
