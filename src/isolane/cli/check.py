"""This file is `isolane check`: what is in force, where it comes from, and whether what it points at is there."""

import argparse
import asyncio
import importlib
import os
from pathlib import Path
from typing import Any

from isolane.cli import probes
from isolane.cli.options import add_config
from isolane.config.describe import effective
from isolane.config.load import load, read
from isolane.core.failures import IsolaneError

DESCRIPTION = """\
Read a settings file as the processes would, show every setting that is in force with its origin (the file or the
default), and try what it points at: certificates, the CSMS, devices, broker and center. Nothing is changed anywhere.

exit codes: 0 all good, 1 something cannot be reached or used, 2 the file itself is wrong
"""

SETTINGS = {
    "site": ("isolane.config.site", "Site"),
    "value": ("isolane.value.settings", "ValueSettings"),
    "tap": ("isolane.tap.settings", "TapSettings"),
    "health": ("isolane.health.settings", "HealthSettings"),
    "center": ("isolane.center.settings", "CenterSettings"),
}
"""Where each table's settings type is."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)
    parser.add_argument("--all", action="store_true", help="show defaults too, not only what the file sets")


def run(options: argparse.Namespace) -> int:
    """Show, then try; 1 if a probe failed."""
    rooms = _rooms(options.config, everything=options.all)
    return asyncio.run(_try(rooms))


def _rooms(file: Path, *, everything: bool) -> dict[str, Any]:
    rooms: dict[str, Any] = {}
    document = read(file)
    for table in document:
        module, name = SETTINGS[table]
        try:
            settings_type = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            print(f"[{table}] not read: the package {error.name} is not installed (pip install 'isolane[{table}]')\n")
            continue
        rooms[table] = load(file, table, settings_type)
        print(f"[{table}]")
        for path, value, origin in effective(rooms[table], document[table]):
            if everything or origin == "file":
                print(f"  {path} = {value}{'' if origin == 'file' else '    (default)'}")
        print()
    return rooms


async def _try(rooms: dict[str, Any]) -> int:
    found = list(probes.targets(rooms.get("value"), rooms.get("health"), rooms.get("center")))
    problems = await asyncio.gather(*(probes.probe(target) for target in found))
    for target, problem in zip(found, problems, strict=True):
        print(f"  {'FAIL' if problem else 'ok  '} {target.name}{': ' + problem if problem else ''}")
    if "site" in rooms:
        problems.append(_run_dir(rooms["site"].run_dir))
        print(f"  {'FAIL ' + problems[-1] if problems[-1] else 'ok   run folder'}")
    failed = sum(1 for problem in problems if problem)
    print(f"\n{len(problems) - failed} good, {failed} failed")
    return 1 if failed else 0


def _run_dir(folder: Path) -> str:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise IsolaneError(
            f"cannot make {folder}: {error.strerror}", "set [site] run_dir to a folder you may write to"
        ) from error
    if folder.stat().st_mode & 0o007:
        return f"{folder} is open to other users: chmod 700 {folder} (or 770 for a group of service users)"
    return "" if os.access(folder, os.W_OK) else f"{folder} cannot be written by this user"
