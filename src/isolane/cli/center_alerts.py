"""This file is `isolane center alerts`: try rules before they wake anybody."""

import argparse
import asyncio
import time
from pathlib import Path

from isolane.cli.options import extra
from isolane.config.load import load
from isolane.core.failures import IsolaneError

DESCRIPTION = """\
Work on the rules of alerts.

  check   read a rules file, say what is wrong in it, and try it over the center's store: how many signals each rule
          looks at, and what would be open now. Nothing is kept or told. The center may run meanwhile. Without FILE
          the shipped rules are tried; without a settings file the rules are only read

example:
  isolane center alerts check rules.toml -c center.toml
"""
_DEFAULT_CONFIG = Path("center.toml")


def configure(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to those of the center."""
    parser = kinds.add_parser(
        "alerts",
        help="try rules of alerts",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="try a rules file")
    check.add_argument("rules", type=Path, nargs="?", metavar="FILE", help="rules file (default: the shipped one)")
    check.add_argument(
        "-c",
        "--config",
        type=Path,
        default=argparse.SUPPRESS,
        metavar="FILE",
        help=f"settings of the center (default: {_DEFAULT_CONFIG} in this folder, if it is there)",
    )
    check.set_defaults(action=run)


def run(options: argparse.Namespace) -> int:
    """Try the rules."""
    with extra("center"):
        from isolane.center.alerts.rules import DEFAULT_RULES, load_rules

    rules = load_rules(options.rules)
    print(f"{options.rules or DEFAULT_RULES.name}: {len(rules)} rules, all valid")
    if options.config == _DEFAULT_CONFIG and not options.config.exists():
        print("no settings file here, so nothing was tried: give -c FILE")
        return 0
    asyncio.run(_rehearse(options.config, options.rules))
    return 0


async def _rehearse(config: Path, file: Path | None) -> None:
    from isolane.center.alerts.rehearsal import rehearse
    from isolane.center.alerts.rules import load_rules
    from isolane.center.alerts.wording import printable
    from isolane.center.settings import CenterSettings
    from isolane.center.store.catalogue import SqlCatalogue
    from isolane.center.store.database import open_catalogue
    from isolane.center.store.embedded import EmbeddedTelemetry
    from isolane.center.store.health_book import HealthBook

    settings = load(config, "center", CenterSettings)
    if not (settings.data / "telemetry").is_dir():
        raise IsolaneError(
            f"{settings.data} holds no telemetry yet", "start the center once, or give its settings file"
        )
    catalogue = SqlCatalogue(open_catalogue(settings.store, settings.data))
    telemetry = EmbeddedTelemetry(settings.data / "telemetry", settings.store, is_visitor=True)
    try:
        found = await rehearse(
            load_rules(file), catalogue, telemetry, time.time_ns() // 1_000_000, parts=HealthBook(catalogue)
        )
    finally:
        await telemetry.close()
        await catalogue.close()
    for rule, (count, word) in found.selected.items():
        print(f"  {rule:<24} {count:>6} {word}{'' if count else '   <- looks at nothing'}")
    print(f"would be open now: {len(found.openings)}; explained by those: {found.withheld}")
    for opening in found.openings:
        print(f"  L{opening.level} {opening.rule}: {printable(opening.title)}. {printable(opening.seen)}")
