"""This file starts Channel A."""

import argparse

from isolane.cli.options import add_config
from isolane.config.load import load
from isolane.config.site import Site

DESCRIPTION = """\
Run Channel A: the OCPP relay.

Chargers connect to its listeners as if it were the CSMS. For each it dials the CSMS first, with the same path,
subprotocols and credentials, and answers the charger exactly as the CSMS answered. From then on bytes pass both ways
as they came. Reads the tables [site] and [value].

SIGHUP reads allow-list, limits, certificates and credentials again; nobody is dropped, and what cannot be used stays as
it was and is logged.
SIGTERM drains: no new connection is taken, and living ones are closed with 1001 so that chargers come back.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)


def run(options: argparse.Namespace) -> int:
    """Run until SIGTERM."""
    from isolane.value.app import main
    from isolane.value.settings import ValueSettings

    def read() -> ValueSettings:
        return load(options.config, "value", ValueSettings)

    main(load(options.config, "site", Site), read(), read)
    return 0
