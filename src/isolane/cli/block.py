"""This file is `isolane block dump`: samples of an outbox or a block, readable; it guards that nothing is changed."""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from isolane.cli.options import add_config, extra
from isolane.config.load import load
from isolane.core.failures import IsolaneError

DESCRIPTION = """\
Show what telemetry blocks hold, one sample a line. FILE is an outbox (also that of a running gateway: a copy is read),
the folder of what a gateway has kept at full rate, a block as it goes over the wire, or - for a block on standard
input. An outbox and what is kept know their schemas; for a block give the schema, and the anchor if it needs one, with
--schema. Without FILE the outbox of the settings file is read or, with --kept, what was thinned before it was sent.

columns: charger, key, unit, t (UTC), value, quality, reason, bound (greatest error of a thinned sample), epoch, stream,
sequence. A sample without a value has none. What is kept has the epoch, stream and sequence of the thinned block that
was sent for it.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    dump = actions.add_parser("dump", help="write samples as CSV, JSON lines or Parquet")
    dump.add_argument("file", metavar="FILE", nargs="?", help="outbox, folder of what is kept, block, or -")
    add_config(dump)
    dump.add_argument("--kept", action="store_true", help="what is kept at full rate instead of the outbox")
    dump.add_argument("--from", dest="since", type=_utc_ms, metavar="TIME", help="first row, ISO 8601, UTC if not said")
    dump.add_argument("--to", dest="until", type=_utc_ms, metavar="TIME", help="rows before this time only")
    dump.add_argument("--format", choices=("csv", "json", "parquet"), default="csv", help="default: csv")
    dump.add_argument("--schema", type=Path, action="append", default=[], metavar="FILE", help="schema or anchor")
    dump.add_argument("--out", type=Path, metavar="FILE", help="where to write; default: standard output")


def run(options: argparse.Namespace) -> int:
    """Write the samples.

    Raises:
        IsolaneError: The file cannot be read, a schema is missing, or the format needs a package that is not there.
    """
    from isolane.cli import block_samples, block_writers

    path = _of_site(options.config, kept=options.kept) if options.file is None else Path(options.file)
    if options.kept and not path.is_dir():
        raise IsolaneError(
            f"nothing is kept at full rate in {path}",
            "it is only written while samples are thinned; see [health.thinning.kept]",
        )
    span = block_samples.Span.of(options.since, options.until)
    source = None if options.file == "-" else path
    samples = block_samples.samples(source, options.schema, sys.stdin.buffer, span)
    try:
        block_writers.write(samples, options.format, options.out)
    except BrokenPipeError:
        # Whoever reads has enough, as `head` has. What is still to be flushed at the end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _of_site(config: Path, *, kept: bool) -> Path:
    """Give where a site's settings say that samples are."""
    with extra("health"):
        from isolane.health.settings import HealthSettings

    settings = load(config, "health", HealthSettings)
    return settings.thinning.kept.folder(settings.outbox.path) if kept else settings.outbox.path


def _utc_ms(text: str) -> int:
    try:
        time = datetime.fromisoformat(text)
        return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-03-01T12:00:00") from None
