"""This file holds the service units to the exposure that is written down, and to what separates A from B."""

import os
import re
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
RECORDED = {
    name: float(score)
    for name, score in re.findall(
        r"^\| (isolane-\S+\.service) \| ([\d.]+) \|$", (UNITS / "README.md").read_text(), re.MULTILINE
    )
}


_OF_INSTANCES = {
    "isolane-signer@.service": "%i",  # who signs is a person
    "isolane-renew@.service": "isolane-%i",  # who may read the leg's key
}


def _values(unit: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", (UNITS / unit).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_unit_has_its_exposure_written_down() -> None:
    assert sorted(RECORDED) == SERVICES


@pytest.mark.parametrize("unit", SERVICES)
def test_a_unit_is_no_more_exposed_than_written(unit: str) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNITS / unit)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert found, said
    assert float(found[1]) <= RECORDED[unit]


@pytest.mark.parametrize("unit", SERVICES)
def test_a_unit_has_bounds_and_no_core_dumps(unit: str) -> None:
    for key in ("MemoryMax", "TasksMax"):
        assert len(_values(unit, key)) == 1, key
    assert _values(unit, "CPUQuota") or unit == "isolane-value.service", "the business is not cut short"
    assert _values(unit, "LimitCORE") == ["0"]


def test_each_process_has_a_user_and_a_group_of_its_own() -> None:
    users = {unit: _values(unit, "User") for unit in SERVICES if unit not in _OF_INSTANCES}
    assert users == {unit: _values(unit, "Group") for unit in users}
    processes = [name for unit in users if "ingest" not in unit for name in users[unit]]
    assert len(set(processes)) == len(processes)
    made = re.findall(r"^u (\S+) ", (UNITS / "isolane-users.conf").read_text(), re.MULTILINE)
    assert set(made) == set(processes)
    for unit, user in _OF_INSTANCES.items():
        assert _values(unit, "User") == _values(unit, "Group") or unit == "isolane-signer@.service"
        assert _values(unit, "User") == [user]


def test_no_process_needs_another() -> None:
    for unit in SERVICES:
        needs = [word for key in ("Requires", "BindsTo", "PartOf", "Requisite") for word in _values(unit, key)]
        assert needs == (["isolane-tap-metrics.socket"] if unit == "isolane-tap-metrics.service" else [])


def test_the_tap_has_no_network() -> None:
    unit = "isolane-tap.service"
    assert _values(unit, "PrivateNetwork") == ["yes"]
    assert _values(unit, "RestrictAddressFamilies") == ["AF_UNIX"]
    assert "--metrics-socket" in _values(unit, "ExecStart")[0]


def test_what_is_watched_leads_to_a_unit_that_reads_again() -> None:
    asked = {path.name: _values(path.name, "Unit") for path in sorted(UNITS.glob("*.path"))}
    assert asked == {
        "isolane-broker-lists.path": ["isolane-reload@mosquitto.service"],
        "isolane-value-leg.path": ["isolane-reload@isolane-value.service"],
    }
    assert "--signal=SIGHUP --kill-who=main %i.service" in _values("isolane-reload@.service", "ExecStart")[0]


@pytest.mark.parametrize(
    "unit", sorted(path.name for path in UNITS.iterdir() if path.suffix in {".service", ".timer", ".path", ".socket"})
)
def test_systemd_understands_a_unit(unit: str, tmp_path: Path) -> None:
    for path in UNITS.iterdir():
        if path.suffix in {".service", ".timer", ".path", ".socket"}:
            text = path.read_text(encoding="utf-8").replace("/opt/isolane/current/bin/isolane", "/bin/true")
            (tmp_path / path.name.replace("@.", "@value.")).write_text(text, encoding="utf-8")
    name = unit.replace("@.", "@value.")
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(tmp_path / name)]
    found = {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **found})
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) not in done.stderr, done.stderr
