"""This file runs the Autobahn test suite; it guards that a suite that did not run to its end is an error.

The suite is Python 2.7 and lives in a folder of its own under build/, put there by that Python's pip.
"""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

import websockets
from bench.attack.fill import UnknownError
from bench.attack.steps import Turn
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

_SUITE = "autobahntestsuite==0.8.2"
_FINE = {"OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED"}
_OF_THE_LIBRARY = ("7.1.5",)
"""A wrong close code of the `websockets` library, which is the far end here; the same without a relay."""
_RUN_S = 330.0
_START_S = 60.0
_LISTEN = "0A"
_HOME = Path.cwd() / "build/attack/autobahn"
_QUICK = ["1.1.*", "2.*", "3.*", "4.*", "5.*", "7.*"]


async def run(turn: Turn, words: list[str], cases: list[str]) -> None:
    """Run `wstest` one way.

    Raises:
        UnknownError: The mode is not known, or there is no Python 2.7.
    """
    mode = words[words.index("-m") + 1]
    suite = await install()
    if turn.ground.quick and "1.*" in cases:
        turn.proof.notes.append("--quick: the cases of " + ", ".join(_QUICK))
        cases = _QUICK
    if mode == "fuzzingclient":
        results = await _attack_relay(turn, suite, cases)
    elif mode == "fuzzingserver":
        results = await _attack_from_csms(turn, suite)
    else:
        raise UnknownError(f"wstest -m {mode}")
    if not results:
        raise RuntimeError("the suite has written no results")
    known = [*_OF_THE_LIBRARY, *(str(item).split()[0] for item in turn.case.expect.get("known", []))]
    failed = [name for name, result in results.items() if result["behavior"] not in _FINE and name not in known]
    failed += [
        name
        for name, result in results.items()
        if result["behaviorClose"] not in _FINE and name not in [*known, *failed]
    ]
    turn.proof.notes.append(f"{len(results)} cases, websockets {version('websockets')} at the far end")
    turn.proof.measures["failed_max"] = 0 if not failed else f"{len(failed)} failed: {', '.join(failed[:8])}"
    turn.proof.measures["allow_non_strict"] = True
    turn.proof.measures["known"] = True


async def install() -> Path:
    """Give the suite's folder, installing it where it is not there.

    Raises:
        UnknownError: There is no Python 2.7, or its pip fails.
    """
    home = _HOME
    if is_there(home):
        return home
    python = _python27()
    process = await asyncio.create_subprocess_exec(
        *(python, "-m", "pip", "install", "-q", "--target", str(_HOME), _SUITE),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    if process.returncode:
        raise UnknownError(f"{_SUITE} cannot be installed: {err.decode()[-200:]}")
    return home


def is_there(home: Path) -> bool:
    """Tell whether the suite is installed."""
    return (home / "autobahntestsuite").exists()


def _python27() -> str:
    candidates = [*Path("~/.pyenv/versions").expanduser().glob("2.7*/bin/python2.7")]
    found = shutil.which("python2.7") if not candidates else str(candidates[0])
    if found is None:
        raise UnknownError("the suite needs CPython 2.7, which is not here")
    return found


async def _wstest(suite: Path, mode: str, spec: Path) -> asyncio.subprocess.Process:
    code = f"import site; site.addsitedir({str(suite)!r}); from autobahntestsuite.wstest import run; run()"
    return await asyncio.create_subprocess_exec(
        *(_python27(), "-c", code, "-m", mode, "-s", str(spec)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def _echo(connection: ServerConnection, guests: set[str]) -> None:
    if connection.request is not None:
        guests.add(connection.request.path.rpartition("/")[2])
    with contextlib.suppress(websockets.ConnectionClosed):
        async for message in connection:
            await connection.send(message)


@contextlib.asynccontextmanager
async def _echoing(turn: Turn) -> AsyncIterator[None]:
    """Put a library's server where the CSMS was."""
    compression = "deflate" if any("12." in str(case) for case in turn.extra.get("cases", [])) else None
    echo = partial(_echo, guests=turn.ground.guests)
    async with serve(echo, "127.0.0.1", turn.ground.port_taken, max_size=1 << 26, compression=compression):
        yield


async def _attack_relay(turn: Turn, suite: Path, cases: list[str]) -> dict[str, Any]:
    folder, port = turn.ground.folder, turn.ground.ports["ws"]
    url = f"ws://127.0.0.1:{port}/ocpp/CP1"
    spec = {
        "outdir": str(folder / "reports"),
        "servers": [{"agent": "relay", "url": url, "options": {"version": 18}}],
        "cases": cases,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    async with _echoing(turn):
        process = await _wstest(suite, "fuzzingclient", folder / "spec.json")
        await _until_over(process)
    return _results(folder)


async def _attack_from_csms(turn: Turn, suite: Path) -> dict[str, Any]:
    folder, port = turn.ground.folder, turn.ground.port_taken
    spec = {
        "url": f"ws://127.0.0.1:{port}",
        "outdir": str(folder / "reports"),
        "cases": [f"{n}.*" for n in (1, 2, 3, 4, 5, 6, 7, 10)] if not turn.ground.quick else _QUICK,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    process = await _wstest(suite, "fuzzingserver", folder / "spec.json")
    try:
        await _until_it_listens(port)
        base = f"ws://127.0.0.1:{turn.ground.ports['ws']}/ocpp/"
        async with connect(f"{base}getCaseCount", proxy=None, compression=None) as count:
            number = int(await count.recv())
        for index in range(1, number + 1):
            with contextlib.suppress(websockets.WebSocketException, OSError, EOFError):
                url = f"{base}runCase?case={index}&agent=relay"
                async with connect(url, proxy=None, compression=None, max_size=1 << 26) as link:
                    async for message in link:
                        await link.send(message)
        async with connect(f"{base}updateReports?agent={quote('relay')}", proxy=None, compression=None):
            await asyncio.sleep(3)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return _results(folder)


async def _until_it_listens(port: int) -> None:
    async with asyncio.timeout(_START_S):
        while not _listens(port):  # noqa: ASYNC110 - another process has no event
            await asyncio.sleep(0.1)


def _listens(port: int) -> bool:
    """Tell by the kernel's table: a connection would count as one of the suite's cases."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return any(row[1].endswith(f":{port:04X}") and row[3] == _LISTEN for row in rows)


async def _until_over(process: asyncio.subprocess.Process) -> None:
    try:
        await asyncio.wait_for(process.wait(), _RUN_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise


def _results(folder: Path) -> dict[str, Any]:
    index = folder / "reports" / "index.json"
    if not index.exists():
        return {}
    results: dict[str, Any] = json.loads(index.read_text(encoding="utf-8"))["relay"]
    return results
