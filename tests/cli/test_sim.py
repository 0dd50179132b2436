"""This file runs `isolane sim year`; it guards that tables and truth lie side by side, and that errors say a way."""

import json
from pathlib import Path

import pytest

from isolane.cli import main

_PLAN = """
seed = 7
days = 1
idle_step_s = 600

[[chargers]]
id = "DC-01"
sessions_per_day = 4

[[chargers.faults]]
kind = "clog"
level = 0.7
ramp_days = 1
"""


def test_year_writes_tables_and_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.toml").write_text(_PLAN, encoding="utf-8")
    out = tmp_path / "out"
    words = ["sim", "year", "-c", str(tmp_path / "plan.toml"), "--out", str(out), "--format", "csv"]
    assert main.main(words) == 0
    rows = (out / "DC-01.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("t,1.0/")
    assert f"{len(rows) - 1} rows of 1 chargers" in capsys.readouterr().out
    charger = json.loads((out / "truth.json").read_text(encoding="utf-8"))["chargers"][0]
    assert charger["faults"][0]["limit_utc"] == 1_767_587_400 + round(86_400 * 0.6 / 0.7)
    assert charger["sessions"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["sim", "year"], "--out"),
        (["sim", "chargers"], "--config"),
        (["sim", "year", "--out", "x", "-c", "none.toml"], "cannot read"),
    ],
)
def test_what_is_missing_is_said(words: list[str], what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(words) == 2
    assert what in capsys.readouterr().err


def test_a_wrong_word_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.toml").write_text(_PLAN.replace("days", "weeks", 1), encoding="utf-8")
    assert main.main(["sim", "year", "-c", str(tmp_path / "plan.toml"), "--out", str(tmp_path)]) == 2
    assert "weeks" in capsys.readouterr().err
