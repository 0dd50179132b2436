"""This file starts Channel A: the relay itself, or the supervisor of several, or one of these."""

import argparse
import sys

from isolane.cli.options import add_config
from isolane.config.load import load
from isolane.config.site import Site

DESCRIPTION = """\
Run Channel A: the OCPP relay.

Chargers connect to its listeners as if it were the CSMS. For each it dials the CSMS first, with the same path,
subprotocols and credentials, and answers the charger exactly as the CSMS answered. From then on bytes pass both ways
as they came. Reads the tables [site] and [value].

SIGHUP reads allow-list, limits, retrofits, own calls, certificates and credentials again; nobody is dropped, and what
cannot be used stays as it was and is logged.
With [value] workers above 1 it is a supervisor and as many relays on the same ports; signals go to the supervisor.
SIGTERM drains: no new connection is taken, and living ones are closed with 1001 so that chargers come back.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)
    parser.add_argument("--worker-socket", type=int, help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> int:
    """Run until SIGTERM."""
    from isolane.value.settings import ValueSettings

    def read() -> ValueSettings:
        return load(options.config, "value", ValueSettings)

    site, settings = load(options.config, "site", Site), read()
    if options.worker_socket is not None:
        from isolane.value.workers.worker import main as work

        work(site, settings, read, options.worker_socket)
    elif settings.workers > 1:
        from isolane.value.workers.supervisor import main as supervise

        program = [sys.executable, "-P", "-m", "isolane", "value"]
        supervise(settings, [*program, "--log-level", options.log_level, "-c", str(options.config), "--worker-socket"])
    else:
        from isolane.value.app import main

        main(site, settings, read)
    return 0
