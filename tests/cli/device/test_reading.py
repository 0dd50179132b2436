"""This file checks `isolane device read` against served devices, once over TCP and once over a serial bus."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from isolane.cli import main
from isolane.devices.template import load_built_in
from support.template_server import Served, image_of

Said = pytest.CaptureFixture[str]
Serve = Callable[[Mapping[int, Served]], str]


def test_values_with_units_ages_and_quality(served: Serve, capsys: Said) -> None:
    place = served({2: image_of(load_built_in("eastron_sdm630"))})
    assert main.main(["device", "read", "eastron_sdm630", place, "--unit", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["signal", "value", "unit", "age", "s", "quality"]
    voltage = next(line.split() for line in lines if "ACVoltage[L1]" in line)
    assert voltage[1:3] == ["229", "V"]
    assert voltage[-1] == "GOOD"
    assert len(lines) == 1 + len(load_built_in("eastron_sdm630").points)


def test_the_unit_is_the_templates_unless_it_is_said(served: Serve, capsys: Said) -> None:
    place = served({255: image_of(load_built_in("keba_p30"))})
    assert main.main(["device", "read", "keba_p30", place, "--json"]) == 0
    rows = {row["signal"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["1.0/ElectricalFeed/ACVoltage[L1]"]["value"] == 229
    assert rows["1.0/ElectricalFeed/ACVoltage[L1]"]["quality"] == "GOOD"


def test_a_wrong_template_is_reasons_and_exit_code_1(served: Serve, capsys: Said) -> None:
    place = served({1: image_of(load_built_in("eastron_sdm120"))})
    assert main.main(["device", "read", "keba_p30", place, "--unit", "1"]) == 1
    said = capsys.readouterr().out
    assert "BAD REFUSED" in said
    assert "isolane device scan" in said


def test_nobody_there_is_bad_readings_and_exit_code_1(capsys: Said) -> None:
    assert main.main(["device", "read", "eastron_sdm630", "127.0.0.1:1", "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert {row["reason"] for row in rows} == {"DISCONNECTED"}
    assert all(row["value"] is None for row in rows)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["eastron_sdm360", "127.0.0.1"], "did you mean 'eastron_sdm630'"),
        (["eastron_sdm630"], "give either HOST"),
        (["eastron_sdm630", "127.0.0.1", "--unit", "256"], "--unit 256"),
        (["eastron_sdm630", "127.0.0.1", "--every", "0"], "--every"),
        (["none.toml", "127.0.0.1"], "cannot read the device template"),
    ],
)
def test_what_must_be_put_right_is_exit_code_2(words: list[str], sentence: str, capsys: Said) -> None:
    assert main.main(["device", "read", *words]) == 2
    assert sentence in capsys.readouterr().err


def test_watching_goes_on_until_it_is_interrupted(served: Serve) -> None:
    place = served({2: image_of(load_built_in("eastron_sdm630"))})
    words = ["device", "read", "eastron_sdm630", place, "--unit", "2", "--watch", "--every", "0.1", "--json"]
    # What runs behind a shell's "&" has been told to ignore an interrupt, and its children inherit that.
    command = ["/usr/bin/env", "--default-signal=INT", sys.executable, "-m", "isolane", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        rounds = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(20.0) == 0
    assert all(row["quality"] == "GOOD" for each in rounds for row in each)


def test_a_template_of_ones_own(served: Serve, tmp_path: Path, capsys: Said) -> None:
    assert main.main(["device", "new", "acme_em3", "--dir", str(tmp_path)]) == 0
    image = Served()
    image.put("holding", 0, [2301, 1599, 5001, 0, 0, 1234])
    place = served({1: image})
    assert main.main(["device", "read", str(tmp_path / "acme_em3.toml"), place]) == 0
    said = capsys.readouterr().out
    assert "230.1" in said
    assert "1234" in said
