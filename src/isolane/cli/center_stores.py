"""This file is `isolane center backup | restore | doctor`; it guards that only restores and repairs write."""

import argparse
import getpass
from collections.abc import Callable
from pathlib import Path

from isolane import __version__
from isolane.cli.options import extra
from isolane.config.load import load

_MB = 1_000_000


def configure(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the actions."""
    save = _action(actions, "backup", _backup, "save everything the center keeps, also while it runs")
    save.add_argument("place", type=Path, metavar="DIR|FILE.tar", help="a new folder, or a new file ending in .tar")
    bring = _action(actions, "restore", _restore, "bring a backup back into an empty data folder and database")
    bring.add_argument("place", type=Path, metavar="DIR|FILE.tar", help="what `backup` has made")
    known = bring.add_mutually_exclusive_group()
    known.add_argument(
        "--revocations",
        type=Path,
        metavar="FILE",
        help="revocations.log of the center that made it (default: the settings' own): what it names stays revoked",
    )
    known.add_argument(
        "--revoke-all", action="store_true", help="that log is lost: revoke every token and disable every user"
    )
    look = _action(actions, "doctor", _doctor, "check the stores; exit code 1 when something is found")
    look.add_argument("--repair", action="store_true", help="also repair what it says can be repaired")


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    act: Callable[[argparse.Namespace], int],
    summary: str,
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    parser.add_argument(
        "-c", "--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help="settings file (center.toml)"
    )
    parser.set_defaults(action=act)
    return parser


def _backup(options: argparse.Namespace) -> int:
    with extra("center"):
        from isolane.center.settings import CenterSettings
        from isolane.center.store.backup import backup

    settings = load(options.config, "center", CenterSettings)
    manifest = backup(settings.store, settings.data, options.place, __version__)
    print(f"saved {len(manifest.files)} files, {manifest.size_bytes / _MB:.1f} MB, in {options.place}")
    if settings.store.telemetry != "embedded":
        print("full-rate samples that are in VictoriaMetrics are not in it: back them up with vmbackup")
    return 0


def _restore(options: argparse.Namespace) -> int:
    with extra("center"):
        from isolane.center.settings import CenterSettings
        from isolane.center.store.backup import restore

    settings = load(options.config, "center", CenterSettings)
    restored = restore(
        settings.store,
        settings.data,
        options.place,
        revocations=options.revocations,
        revoke_all=options.revoke_all,
        who=f"terminal:{getpass.getuser()}",
    )
    manifest, taken = restored.manifest, restored.taken
    print(f"restored {len(manifest.files)} files, {manifest.size_bytes / _MB:.1f} MB, all as they were saved")
    print(
        f"taken again: {taken.sessions} sessions ended, {taken.tokens} tokens revoked, {taken.people} users and "
        f"{taken.sites} sites changed to what they are today"
    )
    print("what gateways sent after the backup is not in it: the ledger shows holes when they state their books")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    with extra("center"):
        from isolane.center.settings import CenterSettings
        from isolane.center.store.doctor import examine

    settings = load(options.config, "center", CenterSettings)
    findings = examine(settings.store, settings.data, repair=options.repair)
    for finding in findings:
        print(f"{finding.where}: {finding.what}\n    {finding.remedy}")
    print(f"{len(findings)} findings" if findings else "nothing found")
    return 1 if findings else 0
