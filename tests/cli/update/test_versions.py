"""This file tests `cli.update.versions`: at each moment one whole version is in force."""

import os
import subprocess
from pathlib import Path

import pytest

from isolane.cli.update.versions import Versions
from isolane.core.failures import IsolaneError


def _whole(versions: Versions, *names: str) -> None:
    for name in names:
        versions.place(name).mkdir(parents=True)
        (versions.place(name) / "program").write_text(name, encoding="ascii")
        versions.finish(name, b"release")


def _in_force(root: Path) -> str:
    return (root / "current" / "program").read_text(encoding="ascii")


def test_a_trial_ends_well_or_is_taken_back(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    _whole(versions, "1", "2", "3")
    versions.begin_trial("1")
    versions.end_trial()
    assert (versions.linked("trial"), versions.linked("previous")) == (None, None)
    versions.begin_trial("2")
    assert (_in_force(tmp_path), versions.linked("trial")) == ("2", "1")
    versions.end_trial()
    assert (_in_force(tmp_path), versions.linked("trial"), versions.linked("previous")) == ("2", None, "1")
    versions.begin_trial("3")
    assert versions.go_back() == "2"
    assert (_in_force(tmp_path), versions.linked("trial"), versions.linked("previous")) == ("2", None, "1")
    assert versions.go_back() is None


def test_the_step_back_is_the_one_that_the_unit_does_at_the_start_of_a_box(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    _whole(versions, "1", "2")
    versions.begin_trial("1")
    versions.begin_trial("2")
    subprocess.run(["/bin/mv", "-T", str(tmp_path / "trial"), str(tmp_path / "current")], check=True)
    assert (_in_force(tmp_path), versions.linked("trial")) == ("1", None)


def test_what_is_half_or_led_to_by_nothing_is_removed(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    _whole(versions, "1", "2", "3", "4")
    versions.begin_trial("1")
    versions.begin_trial("2")
    versions.end_trial()
    versions.place("5").mkdir()
    (tmp_path / "next").symlink_to("versions/5")
    assert not versions.is_whole("5")
    assert versions.tidy("4") == ["3", "5"]
    assert versions.tidy("5") == ["4"]
    assert sorted(path.name for path in (tmp_path / "versions").iterdir()) == ["1", "2"]
    assert not os.path.lexists(tmp_path / "next")


def test_only_one_updates_and_what_was_seen_never_becomes_less(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    with versions.alone(), pytest.raises(IsolaneError, match="under way"), Versions(tmp_path).alone():
        pass
    versions.see(5, 100)
    versions.see(3, 200)
    assert (versions.seen().number, versions.seen().issued) == (5, 200)
    (tmp_path / "seen").write_bytes(b"")
    with pytest.raises(IsolaneError, match="backup"):
        versions.seen()
