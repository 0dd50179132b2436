"""This file lays the demo's folder out; it guards that the demo runs a site as `isolane init` makes one."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from isolane.cli import folder
from isolane.cli.demo.ports import HOST, Ports
from isolane.core.failures import IsolaneError

MARK = ".isolane-demo"
"""Says that a folder is a demo's and may be made anew."""


@dataclass(frozen=True, slots=True)
class Charger:
    """One charger of the demo: identity, kind for the simulator, EVSEs, and the templates behind its Modbus port."""

    identity: str
    kind: str
    secure: bool
    templates: tuple[tuple[str, str], ...]


CHARGERS = (
    Charger("NORTH-AC-01", "ac22", secure=False, templates=(("abb_terra_ac", ""), ("eastron_sdm630", "Meter"))),
    Charger("NORTH-AC-02", "ac22", secure=True, templates=(("abb_terra_ac", ""), ("sunspec_meter", "Meter"))),
    Charger("NORTH-DC-01", "dc150", secure=True, templates=(("isolane_dc150", ""), ("eastron_sdm630", "Meter"))),
    Charger("NORTH-DC-02", "dc150", secure=True, templates=(("isolane_dc150", ""), ("eastron_sdm630", "Meter"))),
)


@dataclass(frozen=True, slots=True)
class DemoSite:
    """Where everything of one demo is."""

    folder: Path
    ports: Ports
    link: str

    @property
    def logs(self) -> Path:
        """One log file a process."""
        return self.folder / "logs"

    @property
    def world(self) -> Path:
        """Folder of the simulator: scenario, journals, status."""
        return self.folder / "world"

    @property
    def tap_journal(self) -> Path:
        """Every packet that leaves the tap."""
        return self.folder / "tap.jsonl"


def lay_out(site: DemoSite) -> None:
    """Make the folder anew.

    Raises:
        IsolaneError: It holds something that is not a demo's, or cannot be written.
    """
    _clear(site.folder)
    ports = site.ports
    values = {
        "file": str(site.folder / "site.toml"),
        "value_metrics": f"{HOST}:{ports.value_metrics}",
        "tap_metrics": f"{HOST}:{ports.tap_metrics}",
        "health_metrics": f"{HOST}:{ports.health_metrics}",
        "center_metrics": f"{HOST}:{ports.center_metrics}",
        "csms": f"wss://{HOST}:{ports.csms}/ocpp",
        "csms_trust": 'ca = "pki/ca.pem"',
        "listen_ws": f"{HOST}:{ports.chargers_ws}",
        "listen_wss": f"{HOST}:{ports.chargers_wss}",
        "tap_more": f'# Every packet that leaves, for the demo\'s own audit.\njournal = "{site.tap_journal.name}"\n',
        "block_rows": "1",
        "sources": _sources(ports),
        "console": f"{HOST}:{ports.console}",
        "ingest": f"{HOST}:{ports.ingest}",
        "ingest_port": str(ports.ingest),
        "broker_port": str(ports.broker),
        "broker_bind": HOST,
        "broker_host": HOST,
        "center_host": HOST,
    }
    values["links"] = folder.passage(f"{site.link}.toml", values)
    values["mqtt"] = folder.passage("center-mqtt.toml", values) if site.link == "mqtt" else ""
    authority = folder.make(folder.Plan(site.folder, "north", "gw-1", (HOST,), (HOST,), values))
    authority.issue("csms", common_name=HOST, hosts=[HOST])
    (site.folder / MARK).touch()
    site.logs.mkdir()
    site.world.mkdir()


def _clear(path: Path) -> None:
    try:
        if (path / MARK).exists():
            shutil.rmtree(path)
    except OSError as error:
        raise IsolaneError(f"cannot clear {path}: {error.strerror}", "choose another folder with --folder") from error


def _sources(ports: Ports) -> str:
    lines = ["[[health.sources]]", 'type = "ocpp"']
    for charger in CHARGERS:
        lines += ["[[health.sources.chargers]]", f'charger = "{charger.identity}"', "station = false"]
    for charger, port in zip(CHARGERS, ports.modbus, strict=True):
        name = charger.identity.lower()
        lines += ["", "[[health.sources]]", 'type = "modbus"', f'name = "{name}"', f'address = "{HOST}:{port}"']
        for unit, (template, instance) in enumerate(charger.templates, start=1):
            lines += ["[[health.sources.devices]]", f'charger = "{charger.identity}"', f'template = "{template}"']
            lines += [f"unit = {unit}", *([f'instance = "{instance}"'] if instance else [])]
    return "\n".join(lines) + "\n"
