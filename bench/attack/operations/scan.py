"""This file has sqlmap look for injections (OC-07); it guards that it finds the one of a sick server first.

sqlmap is Debian's, installed where the harness may. It is given requests that together name every filter, sort, time
and path of the API, as a program and as an administrator; what it takes for injectable counts as an SQL error.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.attack.fill import UnknownError
from bench.attack.operations.court import Move
from bench.attack.operations.ground import CHARGER, SIGNAL, SITE, T0_MS, Actor
from bench.attack.operations.sick import sick_server

_RUN_S = 900.0
_INSTALLER = Path(__file__).parents[3] / "tools/packages"
_DONE = ("do not appear to be injectable", "is vulnerable", "identified the following injection point")
_FOUND = re.compile(r"^Parameter: (.+)$|(\S+ parameter '[^']+' is vulnerable)", re.MULTILINE)
_API = "/api/v1"


@dataclass(frozen=True)
class _Target:
    """A request; `parameters` says where sqlmap looks: its own words for places."""

    path: str
    parameters: str = "GET"
    body: str = ""


_SERIES = f"site={SITE['A']}&charger={CHARGER['A']}&signal={SIGNAL['A'].replace('/', '%2F')}"
_TARGETS = (
    _Target(f"{_API}/chargers?site={SITE['A']}"),
    _Target(f"{_API}/alerts?site={SITE['A']}&device=x&rule=x&level=1&before=9&limit=5"),
    _Target(f"{_API}/series?{_SERIES}&from_ms={T0_MS}&to_ms={T0_MS + 60_000}&points=10"),
    _Target(f"{_API}/kpis?month=2023-11&by=port&site={SITE['A']}"),
    _Target(f"{_API}/chargers/{SITE['A']}/{CHARGER['A']}*/signals", "URI"),
    _Target(f"{_API}/kpis/nameplates", "POST", json.dumps({"site": SITE["A"], "charger": "x", "model": "x"})),
)


async def run(move: Move, words: list[str]) -> None:
    """Run `sqlmap --batch --level 3` over the center.

    Raises:
        UnknownError: It is asked for in another way, or is not there.
    """
    if words[:4] != ["sqlmap", "--batch", "--level", "3"]:
        raise UnknownError(f"run {' '.join(words)}")
    program = await asyncio.to_thread(_install)
    center = move.center
    with sick_server() as url:
        if not await _scan(program, url, _Target("/find?name=ada"), None, ("--technique", "B")):
            raise RuntimeError("sqlmap does not find the injection of a server that has one: it proves nothing")
    targets = _TARGETS[:1] if center.quick else _TARGETS
    actor, found = await center.person("A", "engineer"), []
    for target in targets:
        more = ("--technique", "B") if center.quick else ()
        found += await _scan(program, f"http://127.0.0.1:{center.port}", target, actor, more)
    center.notes.append(f"sqlmap: {len(targets)} requests{', boolean-based only' if center.quick else ''}")
    if found:
        before = center.measures.get("sql_errors") or ""
        center.measures["sql_errors"] = f"{before} sqlmap: {'; '.join(found)}".strip()


def _install() -> str:
    """Give the program, installed if it was not there.

    Raises:
        UnknownError: It is not there and cannot be installed.
    """
    if shutil.which("sqlmap") is None and os.geteuid() == 0:
        subprocess.run([_INSTALLER, "sqlmap"], check=False, stdout=subprocess.DEVNULL)
    program = shutil.which("sqlmap")
    if program is None:
        raise UnknownError("sqlmap is not installed (as root: apt-get install sqlmap)")
    return program


async def _scan(program: str, url: str, target: _Target, actor: Actor | None, more: tuple[str, ...]) -> list[str]:
    """Look at one request; give what is injectable in it.

    Raises:
        RuntimeError: It did not come to an end.
    """
    words = ["-u", f"{url}{target.path}", "--batch", "--level", "3", "--flush-session", "--disable-coloring", *more]
    words += ["--param-filter", target.parameters, "--ignore-code", "401,403,404,422", "--threads", "4"]
    if target.body:
        words += ["--data", target.body, "--headers", "Content-Type: application/json"]
    if actor is not None:
        cookie = "; ".join(f"{name}={value}" for name, value in actor.cookies.items())
        words += ["--cookie", cookie, "--drop-set-cookie"]
    with tempfile.TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            *(program, *words, "--output-dir", folder),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "HOME": folder, "XDG_DATA_HOME": folder},
        )
        try:
            async with asyncio.timeout(_RUN_S):
                said = (await process.communicate())[0].decode("utf-8", "replace")
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if not any(words in said for words in _DONE):
        raise RuntimeError(f"sqlmap has not looked at {target.path}: {said[-500:]}")
    return [f"{target.path}: {match[1] or match[2]}" for match in _FOUND.finditer(said)]
