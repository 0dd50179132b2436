"""This file is `isolane soh`; it guards that a replay writes nothing but its report."""

import argparse
from pathlib import Path

from isolane.cli.options import add_config, extra
from isolane.cli.soh.map import example, load_map
from isolane.config.load import load
from isolane.core.failures import IsolaneError

DESCRIPTION = """\
State of health over data that is already there: run the gateway's models over a recording at 1 Hz and see what they
would have said, before a gateway stands at the site.

  map     write an example of a map: which column is which signal
  renew   tell a running gateway that a part was replaced or mended, so that it learns anew
  replay  read CSV or Parquet, learn what is normal from a span you name, write scores, alarms and a report

example:
  isolane soh map > map.toml
  isolane soh replay march.csv --map map.toml --out report
  isolane soh renew -c site.toml CP1 1.1 connector --reason "new cable"
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("map", help="write an example of a map")
    renewed = actions.add_parser("renew", help="a part was replaced or mended: learn anew")
    renewed.add_argument("charger", help="identity of the charger")
    renewed.add_argument("place", help="EVSE and connector, as in keys: 1.1; 1.0 is the EVSE, 0.0 the station")
    renewed.add_argument("kind", help="kind of model: connector, contactor, cooling, ...; docs/reference/models")
    renewed.add_argument("--reason", default="", help="for the log")
    add_config(renewed)
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
    if options.action == "renew":
        return _renew(options)
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
    if found.failed:
        print(f"models failed at {found.failed} batches, as the log says: what is said is not whole")
    return 1 if found.failed else 0


def _renew(options: argparse.Namespace) -> int:
    with extra("health"):
        from isolane.health.models import catalogue, renewals
        from isolane.health.settings import HealthSettings
    kinds = [kind.name for kind in catalogue.KINDS]
    if options.kind not in kinds:
        raise IsolaneError(f"{options.kind!r} is no kind of model", f"there are {', '.join(kinds)}")
    settings = load(options.config, "health", HealthSettings)
    folder = renewals.folder_of(settings.outbox.path.with_suffix(".models"))
    try:
        renewals.leave(folder, renewals.Renewal(options.charger, options.place, options.kind, options.reason))
    except OSError as error:
        raise IsolaneError(f"cannot write {folder}: {error.strerror}", "run it as the health process's user") from error
    print(f"the gateway will learn the {options.kind} of {options.charger} {options.place} anew")
    return 0
