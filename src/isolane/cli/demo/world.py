"""This file writes what the demo's simulator plays; it guards that all is seen healthy before the fault begins."""

from dataclasses import dataclass

from isolane.cli.demo.ports import HOST
from isolane.cli.demo.site import CHARGERS, Charger, DemoSite

SICK = "NORTH-DC-01"
"""The charger whose contact resistance rises; NORTH-DC-02 is its healthy sibling."""
GAIN = 2.2
"""Factor on the contact's heating at the end of the ramp: beyond derating (1.6) and the end of life (2.0)."""


@dataclass(frozen=True, slots=True)
class Play:
    """How the demo goes.

    Attributes:
        speed: Simulated seconds per real second.
        seed: Everything random follows from it.
        fault_after_s: Real seconds until the contact resistance begins to rise.
    """

    speed: float
    seed: int
    fault_after_s: float


def write(site: DemoSite, play: Play) -> None:
    """Write ``world/csms.toml`` and ``world/chargers.toml``."""
    (site.world / "csms.toml").write_text(
        f'port = {site.ports.csms}\nledger_path = "bills.jsonl"\nstatus_path = "csms.json"\n'
        'certificate_path = "../pki/csms.pem"\nkey_path = "../pki/csms.key"\n',
        encoding="utf-8",
    )
    lines = ['journal_path = "metered.jsonl"', 'status_path = "chargers.json"']
    lines += [f"seed = {play.seed}", f"speed = {play.speed}"]
    for charger, port in zip(CHARGERS, site.ports.modbus, strict=True):
        lines += ["", *_charger(charger, port, site, play)]
    (site.world / "chargers.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _charger(charger: Charger, modbus_port: int, site: DemoSite, play: Play) -> list[str]:
    port = site.ports.chargers_wss if charger.secure else site.ports.chargers_ws
    lines = [
        "[[chargers]]",
        f'id = "{charger.identity}"',
        f'kind = "{charger.kind}"',
        f'url = "{"wss" if charger.secure else "ws"}://{HOST}:{port}/ocpp"',
        f"modbus_port = {modbus_port}",
        f'meter = "{"sunspec" if any(name == "sunspec_meter" for name, _ in charger.templates) else "sdm630"}"',
        # Visits of measured length, made to fit: several end within a minute, and plugs do not stay empty for long.
        "gap_s = 40",
        "energy_scale = 0.25",
        "meter_interval_s = 5",
    ]
    if charger.secure:
        lines.append('ca_path = "../pki/ca.pem"')
    if charger.identity == SICK:
        start_s = play.fault_after_s * play.speed
        lines += ["[[chargers.faults]]", 'kind = "conn_gain"', f"level = {GAIN}"]
        lines += [f"start_s = {start_s:.0f}", f"ramp_s = {60 * play.speed:.0f}"]
    return lines
