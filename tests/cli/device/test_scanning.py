"""This file checks `isolane device scan` as a person and a script use it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from isolane.cli import main
from isolane.cli.device import scanning
from isolane.cli.device.place import units_of
from isolane.devices.template import load_built_in
from support.sunspec_device import SunSpecDevice
from support.template_server import Served, image_of

Said = pytest.CaptureFixture[str]
Serve = Callable[[Mapping[int, Served]], str]


def test_a_scan_names_the_device_the_reasons_and_the_next_command(served: Serve, capsys: Said) -> None:
    place = served({2: image_of(load_built_in("eastron_sdm630"))})
    assert main.main(["device", "scan", place, "--units", "1,2"]) == 0
    said = capsys.readouterr().out
    assert "unit 2:" in said
    assert "eastron_sdm630  (Eastron SDM630)" in said
    assert "50 Hz (+20)" in said
    assert f"isolane device read eastron_sdm630 {place} --unit 2" in said


def test_a_scan_is_data_for_scripts(served: Serve, capsys: Said) -> None:
    place = served({255: image_of(load_built_in("keba_p30"))})
    assert main.main(["device", "scan", place, "--units", "255", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["found"]
    assert [each["unit"] for each in found] == [255]
    assert found[0]["candidates"][0]["template"] == "keba_p30"
    assert any("1016" in reason for reason in found[0]["candidates"][0]["reasons"])


def test_the_note_of_a_charger_is_told(served: Serve, capsys: Said) -> None:
    place = served({255: image_of(load_built_in("keba_p30"))})
    assert main.main(["device", "scan", place, "--units", "255"]) == 0
    assert "isolane writes nothing" in capsys.readouterr().out


def test_a_template_of_ones_own_is_looked_for(served: Serve, tmp_path: Path, capsys: Said) -> None:
    assert main.main(["device", "new", "acme_em3", "--dir", str(tmp_path)]) == 0
    file = tmp_path / "acme_em3.toml"
    image = Served()
    image.put("holding", 0, [2301, 1599, 5001, 0, 0, 1234])
    place = served({1: image})
    assert main.main(["device", "scan", place, "--units", "1", "--template-file", str(file)]) == 0
    assert str(file) in capsys.readouterr().out


def test_nothing_there_is_said_with_what_to_try(served: Serve, capsys: Said) -> None:
    place = served({})
    assert main.main(["device", "scan", place, "--units", "1,2"]) == 1
    assert "no unit answered" in capsys.readouterr().out


def test_what_must_be_put_right_is_exit_code_2(tmp_path: Path, capsys: Said) -> None:
    assert main.main(["device", "scan"]) == 2
    assert main.main(["device", "scan", "127.0.0.1:1", "--units", "x"]) == 2
    assert main.main(["device", "scan", "--serial", str(tmp_path / "ttyUSB9")]) == 2
    said = capsys.readouterr().err
    assert said.count("isolane device: ") == 3
    assert "/dev/serial/by-id" in said


def test_over_tcp_255_is_looked_at_early_even_where_refusals_say_nothing(served: Serve, capsys: Said) -> None:
    assert units_of(scanning._ALL_TCP_UNITS)[:2] == (1, 255)
    assert set(units_of(scanning._ALL_TCP_UNITS)) == {*range(1, 248), 255}
    place = served({255: image_of(load_built_in("keba_p30"))})
    assert main.main(["device", "scan", place, "--json", "--units", "1,255,2-12"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [each["unit"] for each in report["found"]] == [255]
    assert report["silent"][0] == 1
    assert not report["left"]


def test_sunspec_models_are_read_by_number_where_no_template_fits(served: Serve, capsys: Said) -> None:
    image = Served()
    values = {10: 0xFFFF & -1234, 116: 1, 48: 0, 49: 0}
    models = {103: (50, {}), 160: (28, {}), 701: (153, values)}
    image.registers["holding"] |= SunSpecDevice(40_000, models).words
    place = served({3: image})
    assert main.main(["device", "scan", place, "--units", "3"]) == 0
    said = capsys.readouterr().out
    assert "SunSpec models 1, 103, 160, 701" in said
    assert f"look: isolane device read sunspec:103,160 {place} --unit 3" in said, "701 tells what 103 does"
    assert main.main(["device", "read", "sunspec:701", place, "--unit", "3", "--json"]) == 0
    rows = {row["signal"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["1.0/xInverter/Power"]["value"] == -12_340
    assert rows["1.0/xInverter/Frequency"]["reason"] == "NOT_IMPLEMENTED"
    assert main.main(["device", "read", "sunspec:714", place, "--ports", "33"]) == 2
