"""This file starts the O&M center."""

import argparse
import asyncio

from isolane.cli.options import add_config, extra
from isolane.config.load import load

DESCRIPTION = """\
Run the O&M center: take telemetry from gateways over MQTT and HTTPS, store it, and show it in a console and an API.
It never sees billing or drivers. Reads the table [center]. Needs the extra: pip install 'isolane[center]'
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser, "center.toml")


def run(options: argparse.Namespace) -> int:
    """Run until SIGTERM."""
    with extra("center"):
        from isolane.center import app
        from isolane.center.settings import CenterSettings

    asyncio.run(app.run(load(options.config, "center", CenterSettings)))
    return 0
