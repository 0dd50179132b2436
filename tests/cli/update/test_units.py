"""This file tests `cli.update.units`: what is no process that stays is left alone."""

from pathlib import Path

import pytest

from isolane.cli.update.units import Units
from isolane.core.failures import IsolaneError


def _systemctl(folder: Path, text: str) -> Units:
    program = folder / "systemctl"
    program.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    program.chmod(0o755)
    return Units(str(program), {}, 1.0)


def test_what_runs_for_a_moment_is_no_process_to_be_restarted(tmp_path: Path) -> None:
    names = [
        *("isolane-value.service", "isolane-ingest@1.service", "isolane-update.service", "isolane-tap.service"),
        *("isolane-tap-metrics.service", "isolane-renew@health.service", "isolane-reload@mosquitto.service"),
    ]
    said = "\\n".join(f"{name} loaded active running" for name in names)
    running = _systemctl(tmp_path, f"printf '{said}\\n'").running()
    assert running == ["isolane-value.service", "isolane-ingest@1.service", "isolane-tap.service"]


def test_a_systemd_that_says_no_is_told(tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match="no such unit"):
        _systemctl(tmp_path, "echo no such unit >&2; exit 1").restart(["isolane-value.service"])
