"""This file exports a snapshot; it guards that what a foreign reader finds is what the charger measured."""

from pathlib import Path

import comtrade  # type: ignore[import-untyped]
import numpy as np
import pytest
from pyarrow import parquet  # type: ignore[import-untyped]

from isolane.cli.main import main
from isolane.wire.snapshot_file.content import content
from isolane.wire.snapshot_file.manifest import check
from support.black_boxes import CURRENT, LOAD_A, Plant, settings


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Gives a snapshot with rows of two rates, and values that are not there."""
    plant = Plant(tmp_path / "box", settings(before_s=30, after_s=15))
    plant.run(30)
    plant.is_bursting = True
    plant.run(5)
    plant.trigger(charger="")
    plant.run(25)
    return plant.files()[0]


def test_each_form_has_every_value(snapshot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = content(check(snapshot.read_bytes()).anatomy)
    out = {name: str(tmp_path / f"one.{name}") for name in ("html", "parquet", "comtrade")}
    given = [part for name, path in out.items() for part in (f"--{name}", path)]
    assert main(["blackbox", "export", str(snapshot), *given]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [str(tmp_path / "one.cfg"), str(tmp_path / "one-100ms.cfg")]
    assert Path(out["html"]).read_text().startswith("<!doctype html>")
    rows = parquet.read_table(out["parquet"]).to_pylist()
    assert len(rows) == sum(line.t_ms.size for line in told.lines) + len(told.happenings)
    current = [row for row in rows if (row["charger"], row["what"]) == ("CP-2", CURRENT)]
    bad = [row["text"] for row in current if row["value"] is None]
    assert bad
    assert set(bad) == {"BAD TIMEOUT"}
    assert {(row["value"], row["unit"]) for row in current if row["value"] is not None} == {(100.0, "A")}
    assert {row["kind"] for row in rows} == {"health", "wave", "ocpp", "state", "log"}
    record = comtrade.load(str(tmp_path / "one.cfg"))
    (line,) = [line for line in told.lines if line.name == f"CP-1 {CURRENT}"]
    at = record.analog_channel_ids.index(line.name)
    assert np.allclose(record.analog[at], line.values, rtol=1e-6)
    assert min(record.analog[at]) >= LOAD_A
    assert np.allclose(record.time, (line.t_ms - line.t_ms[0]) / 1000, atol=1e-6)
    missing = np.array(record.analog[record.analog_channel_ids.index(f"CP-2 {CURRENT}")])
    assert (missing < -3e38).sum() == len(bad)  # the standard's mark, which this reader gives as it stands
    trigger_ms = next(one.t_ms for one in told.happenings if one.what == "trigger")
    assert record.trigger_time == pytest.approx((trigger_ms - int(line.t_ms[0])) / 1000, abs=1e-3)
    fast = comtrade.load(str(tmp_path / "one-100ms.cfg"))
    (wave,) = [line for line in told.lines if line.step_ms == 100]
    assert np.allclose(fast.analog[0], wave.values)
    assert (fast.station_name, fast.rec_dev_id, fast.cfg.rev_year) == ("north", "gw-1", "2013")


def test_of_a_cut_file_what_is_readable_is_exported(snapshot: Path, tmp_path: Path) -> None:
    data = snapshot.read_bytes()
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(data[: len(data) * 2 // 3])
    table = tmp_path / "cut.parquet"
    assert main(["blackbox", "export", str(cut), "--parquet", str(table)]) == 0
    assert parquet.read_table(table).num_rows > 100
    assert main(["blackbox", "export", str(cut)]) == 2
    assert main(["blackbox", "export", str(cut), "--html", str(tmp_path / "none" / "x.html")]) == 2
    cut.write_bytes(data[:100])
    assert main(["blackbox", "export", str(cut), "--comtrade", str(tmp_path / "x")]) == 0
