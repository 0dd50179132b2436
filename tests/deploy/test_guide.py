"""This file computes the guide's tables again; it guards that what it calls measured is what the measurement says."""

import re

import pytest

from support.tree import ROOT

GUIDE = (ROOT / "docs/guides/from-one-box-to-many.md").read_text(encoding="utf-8")
MEASURED = (ROOT / "docs/reference/bench-health.md").read_text(encoding="utf-8")
SIGNALS, ROWS, CHARGERS_A_GATEWAY = 50, 60, 50
MONTH_S = 30 * 86_400


def _rows(head: str) -> list[list[str]]:
    table = GUIDE[GUIDE.index(head) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def _measured_bytes(every: str) -> float:
    match = re.search(rf"^\| isolane \| {every} \| ([\d.]+) \|", MEASURED, re.MULTILINE)
    assert match
    return float(match[1])


def test_one_charger() -> None:
    per_sample, rate, month = _rows("| | blocks of 1 row |")
    for column, every in ((1, "1 s"), (2, "60 s")):
        size = float(per_sample[column])
        assert size == pytest.approx(_measured_bytes(every), rel=0.1), "bench-health.md has another figure now"
        assert float(rate[column]) == pytest.approx(SIGNALS * size * 8 / 1000, abs=0.005)
        assert float(month[column]) == pytest.approx(SIGNALS * MONTH_S * size / 1e6, abs=0.5)
    assert f"{round(SIGNALS * MONTH_S / 1e6)} million a month" in GUIDE


def test_what_arrives() -> None:
    size = float(_rows("| | blocks of 1 row |")[0][2])
    rows = _rows("| chargers | gateways |")
    assert [row[0] for row in rows] == ["50", "1,000", "10,000", "100,000"]
    for row in rows:
        chargers, gateways, samples, blocks, kb, mbit, gb = (float(cell.replace(",", "")) for cell in row)
        assert gateways == chargers / CHARGERS_A_GATEWAY
        assert samples == chargers * SIGNALS
        assert blocks == pytest.approx(gateways / ROWS, abs=0.005)
        assert kb == pytest.approx(CHARGERS_A_GATEWAY * SIGNALS * ROWS * size / 1000, abs=0.5)
        assert mbit == pytest.approx(samples * size * 8 / 1e6, abs=0.005)
        assert gb == pytest.approx(samples * size * 86_400 / 1e9, abs=0.005)
    assert f"{round(100_000 / ROWS):,} blocks/s of {SIGNALS * ROWS * size / 1000:.1f} kB at 100,000 chargers" in GUIDE


def test_every_metric_and_file_named_is_there() -> None:
    for path in re.findall(r"`(deploy/[\w./]+)`", GUIDE):
        assert (ROOT / path).exists(), path
    boards = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "deploy/grafana").glob("*.json"))
    for name in re.findall(r"`(isolane_[a-z_]+)", GUIDE):
        assert name in boards, name
