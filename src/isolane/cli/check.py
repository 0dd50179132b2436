"""This file is `isolane check`: what is in force, where it comes from, and whether what it points at is there."""

import argparse
import asyncio
import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isolane.cli import arrangement, probes, relay_probe
from isolane.cli.csms_probe import Caller, ask
from isolane.cli.options import add_config
from isolane.config.describe import effective
from isolane.config.load import load, read
from isolane.config.values import Secret
from isolane.core.failures import IsolaneError
from isolane.core.ids import is_charger_id

if TYPE_CHECKING:
    from isolane.config.site import Site
    from isolane.value.settings import ValueSettings

DESCRIPTION = """\
Read a settings file as the processes would, show every setting that is in force with its origin (the file or the
default), and try what it points at: certificates, the CSMS, devices, broker and center, and of this machine the relay's
ports, credentials and folders. Nothing is changed anywhere. Run it as the user that runs the relay.
With --charger it also asks the CSMS as that charger would, or as the relay does for it, and says why it refuses: name,
network, TLS, password, unknown charger, subprotocol. Use an identity that is not connected: a CSMS may end its other
connection.

exit codes: 0 all good, 1 something cannot be reached or used, 2 the file itself is wrong
"""

SETTINGS = {
    "site": ("isolane.config.site", "Site"),
    "value": ("isolane.value.settings", "ValueSettings"),
    "tap": ("isolane.tap.settings", "TapSettings"),
    "health": ("isolane.health.settings", "HealthSettings"),
    "center": ("isolane.center.settings", "CenterSettings"),
    "renewal": ("isolane.cli.renew", "RenewalSettings"),
}
"""Where each table's settings type is."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)
    parser.add_argument("--all", action="store_true", help="show defaults too, not only what the file sets")
    parser.add_argument("--charger", metavar="ID", help="ask the CSMS as this charger")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="its password for HTTP Basic")


def run(options: argparse.Namespace) -> int:
    """Show, then try; 1 if a probe failed."""
    rooms = _rooms(options.config, everything=options.all)
    return asyncio.run(_try(rooms, _caller(options)))


def _caller(options: argparse.Namespace) -> Caller | None:
    if options.charger is None:
        return None
    if not is_charger_id(options.charger):
        raise IsolaneError(f"{options.charger!r} cannot be a charger's identity", "give it as the charger does")
    if options.password_file is None:
        return Caller(options.charger)
    try:
        return Caller(options.charger, Secret(f"file:{options.password_file}", Path.cwd()).read())
    except ValueError as error:
        raise IsolaneError(str(error), "give a file that holds the password and nothing else") from error


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


async def _try(rooms: dict[str, Any], caller: Caller | None) -> int:
    found = list(probes.targets(rooms.get("value"), rooms.get("health"), rooms.get("center")))
    problems = await asyncio.gather(*(probes.probe(target) for target in found))
    for target, problem in zip(found, problems, strict=True):
        print(f"  {'FAIL' if problem else 'ok  '} {target.name}{': ' + problem if problem else ''}")
    if "value" in rooms:
        problems += await _try_relay(rooms["value"], rooms.get("site"), caller)
    if "site" in rooms:
        problems.append(_run_dir(rooms["site"].run_dir))
        print(f"  {'FAIL ' + problems[-1] if problems[-1] else 'ok   run folder'}")
    if "health" in rooms:
        is_held, said = arrangement.here()
        print(f"  {'ok  ' if is_held else 'NOTE'} processor time of the business: {said}")
    failed = sum(1 for problem in problems if problem)
    print(f"\n{len(problems) - failed} good, {failed} failed")
    return 1 if failed else 0


async def _try_relay(value: "ValueSettings", site: "Site | None", caller: Caller | None) -> list[str]:
    """Try what the relay needs here and, as a charger, the CSMS; give the problems."""
    found = await asyncio.to_thread(lambda: list(relay_probe.local(value, site)))
    if caller is not None:
        try:
            stored = await relay_probe.password(value, caller)
            problem, chosen = await ask(value.csms, caller, relay_probe.voice(value, caller))
        except IsolaneError as error:
            stored, problem, chosen = None, str(error), ""
        found += [stored] if stored is not None else []
        found.append((f"CSMS as {caller.identity}{'' if problem else f': accepted with {chosen}'}", problem))
    for name, problem in found:
        print(f"  {'FAIL' if problem else 'ok  '} {name}{': ' + problem if problem else ''}")
    return [problem for _, problem in found]


def _run_dir(folder: Path) -> str:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise IsolaneError(
            f"cannot make {folder}: {error.strerror}", "set [site] run_dir to a folder you may write to"
        ) from error
    own = [path for path in map(folder.__truediv__, ("value", "tap", "health")) if path.is_dir()]
    if own:  # a folder for each process, as deploy/systemd makes them: who may come in there is each one's own
        return next((f"{path} is open to other users: chmod 2750 {path}" for path in own if _is_open(path)), "")
    if _is_open(folder):
        return f"{folder} is open to other users: chmod 700 {folder} (or 770 for a group of service users)"
    return "" if os.access(folder, os.W_OK) else f"{folder} cannot be written by this user"


def _is_open(folder: Path) -> bool:
    return bool(folder.stat().st_mode & 0o007)
