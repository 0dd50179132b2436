"""This file starts the simulated world."""

import argparse
import asyncio
from pathlib import Path

from isolane.cli.options import extra

DESCRIPTION = """\
Run a part of the simulated world, for trying and testing a gateway without a site.

  chargers   AC chargers on OCPP 1.6J and DC chargers on OCPP 2.0.1, with physics behind their meter values and a
             Modbus TCP server each; faults on a schedule; a journal of every watt-hour metered
  csms       a CSMS with a billing ledger, to the watt-hour

Each reads a TOML file of its own, described in docs/reference/simulator.md. SIGTERM ends running transactions first.
Needs the extra: pip install 'isolane[sim]'
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("part", choices=("chargers", "csms"), help="what to run")
    parser.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="its TOML file")


def run(options: argparse.Namespace) -> int:
    """Run until SIGTERM."""
    with extra("sim"):
        from isolane.sim import app
        from isolane.sim.scenario import load_csms, load_scenario

    if options.part == "csms":
        asyncio.run(app.run_csms(load_csms(options.config)))
    else:
        asyncio.run(app.run_chargers(load_scenario(options.config)))
    return 0
