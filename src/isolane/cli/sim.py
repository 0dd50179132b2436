"""This file starts the simulated world."""

import argparse
import asyncio
from pathlib import Path

from isolane.cli.options import extra
from isolane.core.failures import IsolaneError

DESCRIPTION = """\
Run a part of the simulated world, for trying and testing a gateway without a site.

  chargers   AC chargers on OCPP 1.6J and DC chargers on OCPP 2.0.1, with physics behind their meter values and a
             Modbus TCP server each; faults on a schedule; a journal of every watt-hour metered
  csms       a CSMS with a billing ledger, to the watt-hour
  year       no process, but data: a year (or as long as its file says) of a site at 1 Hz with chargers that fall ill,
             a table for each charger and truth.json beside them, written to the folder of --out

Each reads a TOML file of its own, described in docs/reference/simulator.md and, for year, fault-simulator.md there;
year can do without: ten healthy chargers. SIGTERM ends running transactions first.
Needs the extra: pip install 'isolane[sim]'
"""

_CHARGERS = 10


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("part", choices=("chargers", "csms", "year"), help="what to run")
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help="its TOML file")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="year: where to write")
    parser.add_argument("--format", choices=("parquet", "csv"), default="parquet", help="year: default parquet")


def run(options: argparse.Namespace) -> int:
    """Run until SIGTERM, or until all is written.

    Raises:
        IsolaneError: The file is missing or wrong, or nothing can be written.
    """
    if options.part == "year":
        return _year(options.config, options.out, options.format)
    if options.config is None:
        raise IsolaneError(f"isolane sim {options.part} needs its file", "give it with --config FILE")
    with extra("sim"):
        from isolane.sim import app
        from isolane.sim.scenario import load_csms, load_scenario

    if options.part == "csms":
        asyncio.run(app.run_csms(load_csms(options.config)))
    else:
        asyncio.run(app.run_chargers(load_scenario(options.config)))
    return 0


def _year(config: Path | None, out: Path | None, form: str) -> int:
    if out is None:
        raise IsolaneError("isolane sim year needs a folder to write to", "give it with --out FOLDER")
    with extra("sim"):
        from isolane.sim.years.files import write_tables
        from isolane.sim.years.plan import Charger, Plan, load_plan
        from isolane.sim.years.year import Year

    healthy = tuple(Charger(id=f"DC-{n + 1:02d}") for n in range(_CHARGERS))
    plan = load_plan(config) if config is not None else Plan(chargers=healthy, idle_step_s=60)
    year = Year(plan)
    rows = sum(len(chunk) for chunk in write_tables(year.chunks(), out, form))
    year.truth.write(out / "truth.json")
    print(f"{rows} rows of {len(plan.chargers)} chargers in {out}, what was really so in {out / 'truth.json'}")
    return 0
