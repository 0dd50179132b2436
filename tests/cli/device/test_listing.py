"""This file checks `isolane device list` and `show`; it guards that people and scripts see the same templates."""

import json

import pytest

from isolane.cli import main
from isolane.devices.template import built_in, load_built_in

Said = pytest.CaptureFixture[str]


def test_every_template_is_listed(capsys: Said) -> None:
    assert main.main(["device", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert {line.split()[0] for line in lines} == set(built_in())
    assert next(line for line in lines if line.startswith("keba_p30")).count("Modbus TCP") == 1


def test_the_list_is_data_for_scripts(capsys: Said) -> None:
    assert main.main(["device", "list", "--json"]) == 0
    listed = {each["template"]: each for each in json.loads(capsys.readouterr().out)}
    assert listed["eastron_sdm630"]["maker"] == "Eastron"
    assert listed["eastron_sdm630"]["protocol"] == "modbus"
    assert listed["keba_p30"]["speaks"] == ["tcp"]


@pytest.mark.parametrize("name", built_in())
def test_a_template_is_shown_with_its_page_and_each_register(name: str, capsys: Said) -> None:
    template = load_built_in(name)
    assert main.main(["device", "show", name]) == 0
    said = capsys.readouterr().out
    assert template.source.url in said
    assert all(page in said for page in template.checked)
    assert all(f" {point.key} " in said for point in template.points)
    assert main.main(["device", "show", name, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["points"]) == len(template.points)


def test_a_name_that_is_none_is_a_sentence(capsys: Said) -> None:
    assert main.main(["device", "show", "eastron_sdm360"]) == 2
    assert "did you mean 'eastron_sdm630'" in capsys.readouterr().err


def test_sunspec_models_are_shown_like_a_template(capsys: Said) -> None:
    assert main.main(["device", "show", "sunspec:701,714", "--ports", "2"]) == 0
    said = capsys.readouterr().out
    assert "https://github.com/sunspec/models" in said
    assert " xInverter/Power[L1] " in said
    assert " xInverter/DCVoltage[2] " in said
    assert main.main(["device", "show", "sunspec:701,99"]) == 2
    assert "model 99 is not known" in capsys.readouterr().err
    assert main.main(["device", "show", "sunspec:x"]) == 2
    assert "sunspec:701,714" in capsys.readouterr().err
