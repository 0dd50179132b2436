"""This file is `isolane soh`; it guards that a replay writes nothing but its report."""

import argparse
from pathlib import Path

from isolane.cli.options import extra
from isolane.cli.soh.map import example, load_map

DESCRIPTION = """\
State of health over data that is already there: run the gateway's models over a recording at 1 Hz and see what they
would have said, before a gateway stands at the site.

  map     write an example of a map: which column is which signal
  replay  read CSV or Parquet, learn what is normal from a span you name, write scores, alarms and a report

example:
  isolane soh map > map.toml
  isolane soh replay march.csv --map map.toml --out report
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("map", help="write an example of a map")
    replayed = actions.add_parser("replay", help="run the models over a recording")
    replayed.add_argument("file", type=Path, metavar="FILE", help="CSV with a line of names, or Parquet")
    replayed.add_argument("--map", type=Path, required=True, metavar="MAP", help="TOML; see `isolane soh map`")
    replayed.add_argument("--out", type=Path, default=Path("soh-report"), metavar="FOLDER", help="default: soh-report")


def run(options: argparse.Namespace) -> int:
    """Do it.

    Raises:
        IsolaneError: Map or file cannot be used; the report cannot be written.
    """
    if options.action == "map":
        print(example(), end="")
        return 0
    with extra("health"):
        from isolane.cli.soh import replay, report
    recording = load_map(options.map)
    found = replay.replay(options.file, recording)
    report.write(found, options.file.name, options.out)
    for place, models in found.models.items():
        print(f"{place}: {', '.join(models)}")
    worst = max((score.level for score in found.scores), default=-1)
    print(f"{found.rows} seconds, {len(found.features)} features, {len(found.levels)} changes, worst level now {worst}")
    print(f"report: {options.out / 'report.html'}")
    return 0
