"""This file reads control groups of both versions from folders that look like the kernel's."""

from pathlib import Path

import pytest

from isolane.cli.processor_groups import Group, chain

V2 = "0::/system.slice/isolane-value.service\n"
V1 = "9:name=systemd:/a\n4:memory:/x\n1:cpu,cpuacct:/a/b\n0::/z\n"


def _write(root: Path, **files: str) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / name.replace("_", ".")).write_text(text + "\n", encoding="ascii")


def test_the_second_version_names_each_group_that_is_weighed(tmp_path: Path) -> None:
    _write(tmp_path / "system.slice", cpu_weight="100", cpu_idle="0")
    _write(tmp_path / "system.slice/isolane-value.service", cpu_weight="10000", cpu_idle="0")
    assert chain(V2, tmp_path) == (Group("system.slice", 1), Group("system.slice/isolane-value.service", 100))


def test_where_the_processor_is_not_handed_out_a_group_does_not_count(tmp_path: Path) -> None:
    _write(tmp_path / "system.slice", cpu_weight="100")
    _write(tmp_path / "system.slice/isolane-value.service")
    assert chain(V2, tmp_path) == (Group("system.slice", 1),)


def test_an_idle_group_weighs_nothing(tmp_path: Path) -> None:
    _write(tmp_path / "system.slice", cpu_weight="100", cpu_idle="1")
    assert chain(V2, tmp_path) == (Group("system.slice", 0),)


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
def test_the_first_version_has_a_mount_of_its_own(tmp_path: Path, mount: str) -> None:
    _write(tmp_path / mount / "a", cpu_shares="2048")
    _write(tmp_path / mount / "a/b", cpu_shares="2")
    assert chain(V1, tmp_path) == (Group("a", 2), Group("a/b", 2 / 1024))


@pytest.mark.parametrize("text", ["", "0::/\n", "1:cpu:/\n", "nonsense\n", "0::/gone\n"])
def test_in_no_group_nothing_is_weighed(tmp_path: Path, text: str) -> None:
    assert chain(text, tmp_path) == ()
