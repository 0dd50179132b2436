"""This file replays recordings through the command; it guards that an operator sees what a gateway would have said."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from isolane.cli.main import main
from isolane.cli.soh.map import example, load_map
from isolane.cli.soh.recording import pieces
from isolane.core.failures import IsolaneError
from support.measured import DATA, needs_data

START = datetime(2026, 1, 5, tzinfo=UTC)


def _csv(path: Path, names: list[str], rows: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.write("timestamp," + ",".join(names) + "\n")
        for at, row in enumerate(rows):
            time = (START + timedelta(seconds=at)).strftime("%Y-%m-%dT%H:%M:%SZ")
            file.write(time + "," + ",".join("" if np.isnan(v) else f"{v:g}" for v in row) + "\n")
    return path


def _map(path: Path, columns: str, rest: str = "") -> Path:
    path.write_text(f'{rest}\n[time]\ncolumn = "timestamp"\n[columns]\n{columns}\n')
    return path


def test_the_example_is_a_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["soh", "map"]) == 0
    file = tmp_path / "map.toml"
    file.write_text(capsys.readouterr().out)
    assert load_map(file).columns["I dc"].signal == "1.0/EVSE/DCCurrent"
    assert example()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[columns]\na = { sgnal = 'x' }", "sgnal"),
        ("[columns]\na = { signal = 'volts' }", "no signal"),
        ("[columns]\na = { signal = '1.0/EVSE/Power' }\nb = { signal = '1.0/EVSE/Power' }", "two columns"),
        ("columns = 3", "columns"),
        ("[columns", "not valid TOML"),
    ],
)
def test_a_wrong_map_is_explained(tmp_path: Path, text: str, what: str) -> None:
    file = tmp_path / "map.toml"
    file.write_text(text)
    with pytest.raises(IsolaneError, match=what):
        load_map(file)


def test_rows_stand_at_their_second_and_holes_stay_holes(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("t,x\n100.2,1\n100.9,2\n103,4\n200000,5\n")
    recording = load_map(_map(tmp_path / "m.toml", "x = {}").with_name("m.toml"))
    recording = type(recording)(recording.columns, time=type(recording.time)(column="t", unit="s"))
    first, second = pieces(file, recording)
    assert first.start_s == 100
    assert first.rows[:, 0].tolist()[0] == 2
    assert np.isnan(first.rows[1:3, 0]).all()
    assert first.rows[3, 0] == 4
    assert (second.start_s, second.rows.tolist()) == (200_000, [[5.0]])


def test_a_file_that_goes_back_in_time_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.csv"
    file.write_text("timestamp,x\n2026-01-01T00:00:05Z,1\n2026-01-01T00:00:01Z,2\n")
    assert main(["soh", "replay", str(file), "--map", str(_map(tmp_path / "m.toml", "x = {}"))]) == 2
    assert "back in time" in capsys.readouterr().err


def test_a_column_that_is_not_there_is_named_with_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _csv(tmp_path / "a.csv", ["current"], np.ones((5, 1)))
    assert main(["soh", "replay", str(file), "--map", str(_map(tmp_path / "m.toml", "curent = {}"))]) == 2
    assert "did you mean 'current'?" in capsys.readouterr().err


def test_an_unnamed_column_that_changes_is_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rows = np.column_stack([rng.normal(5, 0.5, 36_000), rng.normal(20, 1, 36_000)])
    rows[24_000:, 0] += 2
    file = _csv(tmp_path / "a.csv", ["pressure <b>", "calm"], rows)
    columns = '"pressure <b>" = {}\ncalm = {}'
    baseline = "[baseline]\nfrom = 2026-01-05T00:00:00Z\nto = 2026-01-05T05:00:00Z"
    out = tmp_path / "report"
    assert (
        main(
            ["soh", "replay", str(file), "--map", str(_map(tmp_path / "m.toml", columns, baseline)), "--out", str(out)]
        )
        == 0
    )
    with (out / "levels.csv").open() as table:
        levels = list(csv.DictReader(table))
    assert {row["component"] for row in levels} == {"Unnamed[pressure__b_]"}
    first = min(int(row["utc_s"]) for row in levels)
    onset = int(START.timestamp()) + 24_000
    assert onset <= first <= onset + 3600
    page = (out / "report.html").read_text()
    assert "<b>" not in page
    assert "<script" not in page
    assert json.loads((out / "report.json").read_bytes())["rows"] == 36_000


@needs_data
def test_a_real_rig_whose_cooler_fails_is_seen(tmp_path: Path) -> None:
    """2,205 cycles of a minute: cooler at 3, then 20, then 100 %; learnt until ten minutes before its first change."""
    columns = [np.loadtxt(DATA / "hydraulic" / f"TS{number}.txt.gz").ravel() for number in (1, 2, 3, 4)]
    profile = np.loadtxt(DATA / "hydraulic" / "profile.txt")[:, 0]
    change_s = 60 * int(np.flatnonzero(profile != profile[0])[0])
    file = _csv(tmp_path / "rig.csv", ["TS1", "TS2", "TS3", "TS4"], np.column_stack(columns)[: change_s + 12_000])
    until = (START + timedelta(seconds=change_s - 600)).strftime("%Y-%m-%dT%H:%M:%SZ")
    mapped = _map(
        tmp_path / "m.toml", "TS1={}\nTS2={}\nTS3={}\nTS4={}", f"[baseline]\nfrom = 2026-01-05T00:00:00Z\nto = {until}"
    )
    assert main(["soh", "replay", str(file), "--map", str(mapped), "--out", str(tmp_path / "r")]) == 0
    with (tmp_path / "r/levels.csv").open() as table:
        levels = list(csv.DictReader(table))
    onset = int(START.timestamp()) + change_s
    assert levels
    assert onset <= min(int(row["utc_s"]) for row in levels) <= onset + 7200
