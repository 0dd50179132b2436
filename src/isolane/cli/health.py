"""This file starts Channel B."""

import argparse
import asyncio

from isolane.cli.options import add_config, extra
from isolane.config.load import load
from isolane.config.site import Site

DESCRIPTION = """\
Run Channel B: read meters, chargers and the tap's facts, put them on a 1 Hz grid, store them as blocks, and deliver
the blocks to the O&M center over MQTT or HTTPS. A block leaves the disk only when the center has acknowledged its
commit. The books (produced = acknowledged + queued + thinned + dropped) are on the metrics page and at the center.
Reads the tables [site] and [health]. Needs the extra: pip install 'isolane[health]'
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)


def run(options: argparse.Namespace) -> int:
    """Run until SIGTERM."""
    with extra("health"):
        from isolane.health import app
        from isolane.health.settings import HealthSettings

    asyncio.run(app.run(load(options.config, "site", Site), load(options.config, "health", HealthSettings)))
    return 0
