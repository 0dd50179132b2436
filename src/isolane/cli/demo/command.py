"""This file is `isolane demo`: it runs the other commands together, shows them, and judges them at the end."""

import argparse
import asyncio
import shutil
import sys
from pathlib import Path

from isolane.cli.options import extra
from isolane.core.failures import IsolaneError

DESCRIPTION = """\
Run the whole product on this machine, on loopback: four simulated chargers with physics (two AC 22 kW on OCPP 1.6J,
two DC 150 kW on OCPP 2.0.1) and a Modbus TCP server each, a CSMS with a billing ledger, the relay, the tap, the health
channel, mosquitto with mutual TLS (HTTPS where it is not installed), and the O&M center with its console.

After a while the contact resistance of NORTH-DC-01 begins to rise: watch its temperature leave its sibling's.

At the end it judges itself: exit code 0 only if every bill matches the charger's meter to the watt-hour, the ledger
balances to the sample, and nothing personal left the tap. Ctrl-C ends it the same way and leaves no process behind.
"""

_NEEDED = ("health", "center", "sim")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--seconds", type=float, metavar="N", help="end after N seconds (default: at Ctrl-C)")
    parser.add_argument("--folder", type=Path, default=Path("build/demo"), help="its files (default: build/demo)")
    parser.add_argument(
        "--link",
        choices=("auto", "mqtt", "https"),
        default="auto",
        help="how telemetry travels (default: mqtt if it can)",
    )
    parser.add_argument("--base-port", type=int, default=8600, metavar="PORT", help="first of 14 ports (default: 8600)")
    parser.add_argument("--speed", type=float, default=20.0, help="simulated seconds per second (default: 20)")
    parser.add_argument("--seed", type=int, default=7, help="everything random follows from it (default: 7)")
    parser.add_argument(
        "--fault-after", type=float, default=30.0, metavar="S", help="seconds until it begins (default: 30)"
    )


def run(options: argparse.Namespace) -> int:
    """Run, show, judge; 1 if the judgement is bad."""
    with extra(",".join(_NEEDED)):
        from isolane.cli.demo import performance, world
        from isolane.cli.demo.ports import Ports
        from isolane.cli.demo.site import DemoSite, lay_out

    ports = Ports.from_base(options.base_port)
    ports.check_free()
    site = DemoSite(options.folder.absolute(), ports, _link(options.link))
    lay_out(site)
    world.write(site, world.Play(options.speed, options.seed, options.fault_after))
    plan = performance.Plan(options.seconds, options.fault_after, _mosquitto(), is_watched=sys.stdout.isatty())
    return asyncio.run(performance.perform(site, plan))


def _link(wanted: str) -> str:
    found = _mosquitto() is not None
    if wanted == "mqtt" and not found:
        raise IsolaneError(
            "mosquitto is not installed", "install it (as root: apt-get install mosquitto) or use --link https"
        )
    if wanted == "auto" and not found:
        print("mosquitto is not installed: telemetry goes by HTTPS (as root: apt-get install mosquitto for MQTT)")
    return "mqtt" if found and wanted != "https" else "https"


def _mosquitto() -> str | None:
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
