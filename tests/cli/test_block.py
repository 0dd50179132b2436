"""This file tests `isolane block dump` on a real outbox and on single blocks."""

import builtins
import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet  # type: ignore[import-untyped]

from isolane.cli.main import main
from isolane.core.clock import SystemClock
from isolane.core.rungs import Rung
from isolane.core.samples import Quality, Reason
from isolane.core.signals import Signal
from isolane.health.outbox.records import Draft
from isolane.health.outbox.settings import OutboxSettings
from isolane.health.outbox.store import Store
from isolane.health.thinning.ring import Ring
from isolane.health.thinning.settings import KeptSettings
from isolane.wire.anchor import Anchor
from isolane.wire.block import Block, BlockKey, Thinned, code, encode, gateway_tag
from isolane.wire.floats import pattern
from isolane.wire.schema import Schema

TAG = gateway_tag("north", "gw-1")
SCHEMA = Schema.of(
    (Signal("CP-1", "1.0/ElectricalFeed/ACVoltage[L1]", "V", 0.1), Signal("", "0.0/Controller/Active", "", 1))
)
T0 = 1_700_000_000_000
BAD = code(Quality.BAD, Reason.TIMEOUT)


def block(*, thinned: bool = False) -> Block:
    away = code(Quality.GOOD, Reason.THINNED) if thinned else 0
    way = Thinned(Rung.DEADBAND, 2, np.array([True, True])) if thinned else None
    values = np.array([[2301, 0 if thinned else 2302], [1, 0]], np.int64)
    return Block(BlockKey(T0, 0, 1), SCHEMA.id, T0, 1000, values, np.array([[0, away], [0, BAD]], np.uint8), way)


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    path = tmp_path / "o.db"
    store = Store(OutboxSettings(path=path), TAG, SystemClock(), SCHEMA, frozenset())
    store.open()
    for second in range(3):
        values = np.array([[2301 + second], [1]], np.int64)
        store.put(Draft(SCHEMA.id, T0 + second * 1000, 1000, values, np.zeros((2, 1), np.uint8)))
    store.close()
    return path


def dumped(capfdbinary: pytest.CaptureFixture[bytes], *arguments: str) -> bytes:
    assert main(["block", "dump", *arguments]) == 0
    return capfdbinary.readouterr().out


def test_an_outbox_is_written_as_csv_with_exact_decimals(
    outbox: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    rows = list(csv.DictReader(io.StringIO(dumped(capfdbinary, str(outbox)).decode())))
    assert [row["value"] for row in rows] == ["230.1", "1.0", "230.2", "1.0", "230.3", "1.0"]
    assert rows[0]["t"] == "2023-11-14T22:13:20.000+00:00"
    assert (rows[0]["charger"], rows[0]["unit"], rows[0]["quality"], rows[0]["bound"]) == ("CP-1", "V", "GOOD", "")
    assert [row["sequence"] for row in rows] == ["1", "1", "2", "2", "3", "3"]


def test_floats_are_written_as_decimals_that_read_back_the_same(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    schema = Schema.of((Signal("CP-1", "1.0/EVSE/xDistortion", "Percent", 0), SCHEMA.signals[0]))
    path = tmp_path / "f.db"
    store = Store(OutboxSettings(path=path), TAG, SystemClock(), schema, frozenset())
    store.open()
    real = [0.1 + 0.2, -0.0, 5e-324, -1.7976931348623157e308, 1 / 3]
    for second, value in enumerate(real):
        values = np.array([[pattern(value)], [2301]], np.int64)
        row = Draft(schema.id, T0 + second * 1000, 1000, values, np.zeros((2, 1), np.uint8), floats=schema.floats)
        store.put(row)
    store.close()
    rows = list(csv.DictReader(io.StringIO(dumped(capfdbinary, str(path)).decode())))
    assert [float(row["value"]).hex() for row in rows[::2]] == [value.hex() for value in real]
    lines = dumped(capfdbinary, str(path), "--format", "json").splitlines()
    assert [json.loads(line)["value"] for line in lines[::2]] == real
    assert rows[1]["value"] == "230.1"
    out = tmp_path / "f.parquet"
    assert main(["block", "dump", str(path), "--format", "parquet", "--out", str(out)]) == 0
    assert parquet.read_table(out).to_pydict()["value"][::2] == real


def test_a_block_is_written_as_json_lines(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    file, schema = tmp_path / "block", tmp_path / "schema.json"
    file.write_bytes(encode(block(thinned=True), TAG))
    schema.write_bytes(SCHEMA.json)
    out = dumped(capfdbinary, str(file), "--schema", str(schema), "--format", "json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [(row["value"], row["reason"], row["bound"]) for row in rows] == [
        (230.1, "NONE", None),
        (1.0, "NONE", None),
        (230.1, "THINNED", 0.2),
        (None, "TIMEOUT", None),
    ]


def test_an_outbox_is_written_as_parquet(outbox: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.parquet"
    assert main(["block", "dump", str(outbox), "--format", "parquet", "--out", str(out)]) == 0
    table = parquet.read_table(out).to_pydict()
    assert table["value"] == [230.1, 1.0, 230.2, 1.0, 230.3, 1.0]
    assert set(table["key"]) == {column.key for column in SCHEMA.columns}


def test_a_block_comes_from_standard_input(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = tmp_path / "schema.json"
    schema.write_bytes(SCHEMA.json)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(encode(block(), TAG))))
    assert dumped(capfdbinary, "-", "--schema", str(schema)).count(b"\n") == 5


def test_what_is_missing_or_wrong_is_said_in_words(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plain, anchored, rubbish = tmp_path / "plain", tmp_path / "anchored", tmp_path / "rubbish"
    plain.write_bytes(encode(block(), TAG))
    anchored.write_bytes(encode(block(), TAG, Anchor(SCHEMA.id, np.array([2300, 1]))))
    rubbish.write_bytes(b"SQLite format 3\0 and no more of it")
    for arguments, words in (
        ([str(plain)], "needs schema"),
        ([str(anchored)], "anchor"),
        ([str(rubbish)], "cannot be read as an outbox"),
        ([str(tmp_path / "none")], "cannot read"),
        ([str(plain), "--schema", str(plain)], "is no schema"),
        ([__file__], "neither an outbox nor a block"),
    ):
        assert main(["block", "dump", *arguments]) == 2
        assert words in capfd.readouterr().err


def test_parquet_without_its_package_says_what_to_install(
    outbox: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    real = builtins.__import__

    def without(name: str, *more: object) -> object:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["block", "dump", str(outbox), "--format", "parquet"]) == 2
    assert "pip install 'isolane[center]'" in capfd.readouterr().err


@pytest.fixture
def site(tmp_path: Path, outbox: Path) -> Path:
    """A site's settings, with an outbox, and three minutes kept at full rate beside it."""
    file = tmp_path / "site.toml"
    file.write_text(f'[health.outbox]\npath = "{outbox.name}"\n[[health.sources]]\ntype = "host"\n', encoding="utf-8")
    ring = Ring(KeptSettings(), tmp_path / "o.db.kept", TAG, SystemClock())
    for number in range(1, 4):
        values = np.array([np.arange(60) + 2000 + 60 * number, np.ones(60)], np.int64)
        key = BlockKey(T0, 0, number)
        ring.keep(SCHEMA, Block(key, SCHEMA.id, T0 + 60_000 * number, 1000, values, np.zeros((2, 60), np.uint8)))
    ring.flush()
    return file


def test_what_is_kept_at_full_rate_is_written_between_two_times(
    site: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    for source in (["-c", str(site), "--kept"], [str(site.parent / "o.db.kept")]):
        rows = list(csv.DictReader(io.StringIO(dumped(capfdbinary, *source).decode())))
        assert len(rows) == 3 * 60 * 2
        assert [float(row["value"]) for row in rows[::2]] == [round(206 + 0.1 * n, 1) for n in range(180)]
        span = ["--from", "2023-11-14T22:14:30Z", "--to", "2023-11-14T22:15:22+00:00"]
        rows = list(csv.DictReader(io.StringIO(dumped(capfdbinary, *source, *span).decode())))
        assert [row["t"][11:19] for row in (rows[0], rows[-1])] == ["22:14:30", "22:15:21"]
        assert len(rows) == 52 * 2
        assert [row["sequence"] for row in (rows[0], rows[-1])] == ["1", "2"]


def test_without_a_file_the_outbox_of_the_site_is_written(
    site: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert dumped(capfdbinary, "-c", str(site)).count(b"\n") == 7
    assert dumped(capfdbinary, "-c", str(site), "--from", "2023-11-14T22:13:22").count(b"\n") == 3


def test_what_cannot_be_kept_or_meant_is_said_in_words(
    site: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for arguments, words in (
        ([str(tmp_path / "none"), "--kept"], "nothing is kept at full rate in"),
        (["-c", str(site), "--from", "2023-11-14", "--to", "2023-11-14"], "--to is not after --from"),
        (["-c", str(tmp_path / "none.toml")], "cannot read"),
    ):
        assert main(["block", "dump", *arguments]) == 2
        assert words in capfd.readouterr().err
    with pytest.raises(SystemExit):
        main(["block", "dump", "--from", "yesterday"])
    assert "is no time such as" in capfd.readouterr().err


def test_a_reader_that_has_enough_is_no_failure(tmp_path: Path) -> None:
    ring = Ring(KeptSettings(), tmp_path / "kept", TAG, SystemClock())
    rows = np.arange(2 * 3000, dtype=np.int64).reshape(2, 3000)
    ring.keep(SCHEMA, Block(BlockKey(T0, 0, 1), SCHEMA.id, T0, 1000, rows, np.zeros((2, 3000), np.uint8)))
    ring.flush()
    command = [sys.executable, "-m", "isolane", "block", "dump", str(tmp_path / "kept")]
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as dump:
        assert dump.stdout is not None
        assert dump.stderr is not None
        assert dump.stdout.readline().startswith(b"charger,key")
        dump.stdout.close()
        assert dump.stderr.read() == b""
        assert dump.wait(60) == 0
