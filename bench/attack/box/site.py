"""This file writes the files of a site for the box; it guards that they are what an installer makes.

The settings are those of `isolane init` with what deploy/systemd/README.md says about paths. The relay's door for own
calls is there, and closed to the health process.
"""

import subprocess
import sys
from pathlib import Path

CSMS_PORT = 7000
"""Where the box, in a network of its own, finds a CSMS."""
_CHANGES = {
    'url = "wss://csms.example/ocpp"': f'url = "ws://127.0.0.1:{CSMS_PORT}/ocpp"',
    'run_dir = "run"': 'run_dir = "/run/isolane"',
    'key_file = "tap-pseudonym.key"': 'key_file = "/var/lib/isolane-tap/pseudonym.key"',
    'path = "health/outbox.db"': 'path = "/var/lib/isolane-health/outbox.db"',
    "# [value.own_calls]": "[value.own_calls]",
    '# enabled_for = ["CP1"]': 'enabled_for = ["CP1"]',
    '# audit = "value/own-calls.jsonl"': 'audit = "/var/lib/isolane-value/own-calls.jsonl"',
}
_SOURCE = '\n[[health.sources]]\ntype = "ocpp"\n[[health.sources.chargers]]\ncharger = "CP1"\n'
_CENTER = 'data = "center"'
_TARGET = "[Unit]\nDescription=the box\nDefaultDependencies=no\n"
_EVERY = """[Unit]
DefaultDependencies=no
[Service]
StandardError=append:/run/box/logs/%N.log
"""


def write_site(folder: Path, units: dict[str, str]) -> None:
    """Make the folder that becomes /etc/isolane, and beside it units of the harness.

    Args:
        folder: Must not exist.
        units: Further units, by file name.

    Raises:
        RuntimeError: The settings of `isolane init` are not what they were.
    """
    command = [sys.executable, "-m", "isolane", "init", str(folder), "--host", "box", "--link", "mqtt"]
    subprocess.run(command, check=True, capture_output=True)
    settings = (folder / "site.toml").read_text(encoding="utf-8")
    for old, new in _CHANGES.items():
        if old not in settings:
            raise RuntimeError(f"isolane init does not write {old!r} any more")
        settings = settings.replace(old, new)
    (folder / "site.toml").write_text(settings + _SOURCE, encoding="utf-8")
    center = (folder / "center.toml").read_text(encoding="utf-8").replace(_CENTER, 'data = "/var/lib/isolane-center"')
    (folder / "center.toml").write_text(center, encoding="utf-8")
    ours = folder / "units"
    (ours / "service.d").mkdir(parents=True)
    (ours / "socket.d").mkdir()
    (ours / "box.target").write_text(_TARGET, encoding="utf-8")
    (ours / "service.d" / "box.conf").write_text(_EVERY, encoding="utf-8")
    (ours / "socket.d" / "box.conf").write_text("[Unit]\nDefaultDependencies=no\n", encoding="utf-8")
    for name, text in units.items():
        (ours / name).write_text(text, encoding="utf-8")
