"""This file starts the O&M center, whole or as one of its processes."""

import argparse
import asyncio

from isolane.cli import center_alerts, center_gateways, center_people, center_stores
from isolane.cli.options import add_config, extra
from isolane.config.load import load
from isolane.config.values import Address

DESCRIPTION = """\
Run the O&M center: take telemetry from gateways over MQTT and HTTPS, store it, and show it in a console and an API.
It never sees billing or drivers. Reads the table [center]. Needs the extra: pip install 'isolane[center]'

One process does all of it. Where one is not enough, run as many workers as needed beside one center that takes in
nothing itself, all with the same settings; they share a catalogue in PostgreSQL:
  isolane center -c center.toml --no-ingest
  isolane center -c center.toml --worker 1 --metrics 127.0.0.1:9111

Without users it is open to whoever reaches it on loopback. The first user closes it; the password is asked for:
  isolane center user add first-admin --role admin -c center.toml

Rules of alerts are tried before they wake anybody:
  isolane center alerts check rules.toml -c center.toml

Gateways get their certificates from it with a code that is made here (docs/reference/enrolment.md):
  isolane center gateway add gw-2 -c center.toml

What it keeps is saved and examined while it runs:
  isolane center backup -c center.toml center-backup.tar
  isolane center doctor -c center.toml
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser, "center.toml")
    role = parser.add_mutually_exclusive_group()
    role.add_argument("--no-ingest", action="store_true", help="leave it to workers to take telemetry in")
    role.add_argument("--worker", metavar="NAME", help="only take telemetry in, as one of several workers")
    parser.add_argument(
        "--metrics", type=Address.parse, metavar="HOST:PORT", help="where metrics are shown, in place of the setting"
    )
    actions = parser.add_subparsers(title="instead of running it", metavar="ACTION")
    center_people.configure(actions)
    center_alerts.configure(actions)
    center_gateways.configure(actions)
    center_stores.configure(actions)


def run(options: argparse.Namespace) -> int:
    """Run until SIGTERM, or do what else is asked for."""
    if "keep" in options:
        return center_people.keep(options)
    if "action" in options:
        done: int = options.action(options)
        return done
    with extra("center"):  # before the settings are read: who lacks the extra is told of that first
        import msgspec

        from isolane.center.settings import CenterSettings

        if options.worker is None:
            from isolane.center import app
        else:
            from isolane.center import worker
    settings = load(options.config, "center", CenterSettings)
    if options.metrics:
        settings = msgspec.structs.replace(settings, metrics=options.metrics)
    if options.worker is not None:
        asyncio.run(worker.run_worker(settings, options.worker))
        return 0
    if options.no_ingest:
        settings = msgspec.structs.replace(settings, mqtt=None, https=None)
    asyncio.run(app.run(settings))
    return 0
