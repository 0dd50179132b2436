"""This file is the program `isolane`; it guards that a command loads its own room and no other."""

import argparse
import importlib
import logging
import sys
import time
from collections.abc import Sequence
from typing import TextIO

from isolane import __version__
from isolane.cli.private_memory import keep_memory_private
from isolane.core.failures import IsolaneError

COMMANDS = {
    "init": "Make a folder with a commented settings file, a private CA, keys and certificates",
    "check": "Show the effective settings with their origin and try every connection",
    "device": "Find meters and chargers, read them, list and begin device templates",
    "identity": "Keep certificates, passwords and profiles of chargers on this box",
    "enrol": "Get this box's certificates from the center, with a code",
    "renew": "Renew this box's certificates before they run out, from the center or another CA",
    "update": "Install a signed version beside the one in force, and go back by itself when it does not come up",
    "gateway": "Issue and revoke certificates of gateways",
    "value": "Run Channel A: relay OCPP between chargers and the CSMS",
    "tap": "Run the window from A to B: decode copies, remove personal data",
    "health": "Run Channel B: read devices, store telemetry, deliver it to the O&M center",
    "keys": "Make keys, and the signed list of keys that gateways follow",
    "command": "Show a command for a gateway in words and sign it",
    "audit": "Check the audit of a gateway's commands offline",
    "signer": "Sign commands on a page of this machine, with your own key",
    "block": "Write the samples in an outbox or a telemetry block as CSV, JSON or Parquet",
    "soh": "Run the models of state of health over a recording",
    "blackbox": "List, show and check the snapshots that a gateway's black box has taken",
    "center": "Run the O&M center: ingest, store, API, console",
    "top": "Show both channels side by side, live, from their metrics pages",
    "sim": "Run simulated chargers or a simulated CSMS",
    "demo": "Run all of it on this machine, with simulated chargers, and watch",
}

_DESCRIPTION = """\
isolane sits at a charging site, between the chargers and the world, and keeps two channels apart:
the value channel (OCPP to the CSMS, untouched) and the health channel (telemetry to the O&M center).
Each process below is a command of its own, with its own table of one settings file.
"""

_EPILOG = """\
start here:
  isolane demo                    see the whole product on this machine
  isolane init north              make the folder `north` for a real site, then edit north/site.toml
  isolane check -c north/site.toml
  isolane value -c north/site.toml

exit codes: 0 done, 1 the answer is no (check, demo), 2 something must be put right first (one sentence says what)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The arguments after the program's name; those of this process if None.

    Returns:
        The exit code; see the end of ``isolane --help``.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    chosen = next((word for word in arguments if not word.startswith("-")), None)
    parser = _parser(chosen)
    options = parser.parse_args(arguments)
    log_to_stderr(options.log_level)
    keep_memory_private()
    try:
        return int(options.run(options))
    except IsolaneError as error:
        print(f"isolane {chosen}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    """Build the parser; only the chosen command's file is imported, so only its options are known."""
    parser = argparse.ArgumentParser(
        prog="isolane", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"isolane {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name == chosen:
            module = importlib.import_module(f"isolane.cli.{name}")
            command.description = module.DESCRIPTION
            command.add_argument(
                "--log-level",
                choices=("debug", "info", "warning", "error"),
                default="info",
                help="what is logged to standard error (default: info)",
            )
            module.configure(command)
            command.set_defaults(run=module.run)
    return parser


class _Lines(logging.StreamHandler[TextIO]):
    """Log lines to stderr; one that cannot be written (disk full, reader gone) is lost without more words."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of logging.Handler's
        """Keep quiet about a stream that fails: what is said of it would go the same way, a page for every line."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def log_to_stderr(level: str) -> None:
    """Log as every process of isolane does, from `level` up: UTC, level, logger, event."""
    formatter = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler = _Lines()
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Their INFO is a line per request or scrape; ours says what matters.
    for library in ("httpx", "httpcore", "pymodbus", "websockets", "ocpp", "uvicorn.access", "aiomqtt"):
        logging.getLogger(library).setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
