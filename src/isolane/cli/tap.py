"""This file starts the tap."""

import argparse
import asyncio
from pathlib import Path

from isolane.cli.options import add_config
from isolane.config.load import load
from isolane.config.site import Site

DESCRIPTION = """\
Run the tap: the one window from Channel A to Channel B.

It takes the relay's raw copies from a Unix socket in [site] run_dir, decodes OCPP, and passes on typed facts that are
built from a list of allowed fields; idTags, tokens, keys and free text end here. It may lose, it never delays: the
relay sends without waiting and counts what was not taken. Reads the tables [site] and [tap].
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)
    parser.add_argument(
        "--metrics-socket",
        type=Path,
        metavar="PATH",
        help="serve the metrics page on this Unix socket and open no network at all; something else passes on what"
        " asks at [tap] metrics (deploy/systemd does)",
    )


def run(options: argparse.Namespace) -> int:
    """Run until SIGTERM."""
    from isolane.tap import app
    from isolane.tap.settings import TapSettings

    site, settings = load(options.config, "site", Site), load(options.config, "tap", TapSettings)
    asyncio.run(app.run(site, settings, options.metrics_socket))
    return 0
