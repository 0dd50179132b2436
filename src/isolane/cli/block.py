"""This file is `isolane block dump`: samples of an outbox or a block, readable; it guards that nothing is changed."""

import argparse
import sys
from pathlib import Path

DESCRIPTION = """\
Show what telemetry blocks hold, one sample a line. FILE is an outbox (also that of a running gateway: a copy is read),
a block as it goes over the wire, or - for a block on standard input. An outbox knows its schemas; for a block give the
schema, and the anchor if it needs one, with --schema.

columns: charger, key, unit, t (UTC), value, quality, reason, bound (greatest error of a thinned sample), epoch, stream,
sequence. A sample without a value has none.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    dump = actions.add_parser("dump", help="write samples as CSV, JSON lines or Parquet")
    dump.add_argument("file", metavar="FILE", help="outbox, block, or -")
    dump.add_argument("--format", choices=("csv", "json", "parquet"), default="csv", help="default: csv")
    dump.add_argument("--schema", type=Path, action="append", default=[], metavar="FILE", help="schema or anchor")
    dump.add_argument("--out", type=Path, metavar="FILE", help="where to write; default: standard output")


def run(options: argparse.Namespace) -> int:
    """Write the samples.

    Raises:
        IsolaneError: The file cannot be read, a schema is missing, or the format needs a package that is not there.
    """
    from isolane.cli import block_samples, block_writers

    source = None if options.file == "-" else Path(options.file)
    samples = block_samples.samples(source, options.schema, sys.stdin.buffer)
    block_writers.write(samples, options.format, options.out)
    return 0
