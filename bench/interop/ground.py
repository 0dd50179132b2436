"""This file runs one ground: its server, a relay for each compression mode, and the clients, each its own process.

It guards that the relayed reports are those of connections which the relay has counted.
"""

import asyncio
import json
import os
import re
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import unquote

from bench.interop.facts import Fact, levelled
from bench.interop.install import MODULES, PYTHON
from bench.interop.keys import Keys
from bench.interop.plan import Ground, Meeting

PEERS = Path("bench/interop/peers")
_PROGRAMS = {"ocpp": "ocpp", "ocpp-rpc": "rpc", "websockets": "websockets", "aiohttp": "aiohttp"}
_READY = re.compile(r"ready listen=(\S+) metrics=(\S+)")
_START_S = 20.0
_CLIENT_S = 90.0
_END_S = 2.0
"""A server ends with its standard input."""
_LINE_BYTES = 1 << 26

Reports = dict[str, list[Fact]]
"""Facts by case, the client's first, then those of each of the server's connections."""


class StrandedError(Exception):
    """A client did not come to the end of its scenario."""


class NoComparisonError(Exception):
    """A server or the relay did not do its part, so there is nothing to compare."""


@dataclass
class Relay:
    """A running relay."""

    port: int
    metrics: str

    def connections(self) -> int:
        """Give the handshakes it has passed on so far, whatever their answer."""
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=5) as page:
            text = page.read().decode()
        return int(sum(float(value) for value in re.findall(r"isolane_value_handshakes_total\{.*?\} (\S+)", text)))


class Place:
    """One server and what leads to it."""

    def __init__(self, ground: Ground, keys: Keys, folder: Path) -> None:
        self._ground = ground
        self._keys = keys
        self._folder = folder
        self._stack = AsyncExitStack()
        self._relays: dict[str, Relay] = {}

    async def __aenter__(self) -> Self:
        """Start the server and the relays."""
        self._folder.mkdir(parents=True)
        log = self._stack.enter_context((self._folder / "server.log").open("wb"))
        self._server = await self._stack.enter_async_context(_running(*self._peer("server"), log))
        self._port: int = (await _line(self._server, _START_S))["port"]
        for mode in {meeting.mode for meeting in self._ground.meetings}:
            self._relays[mode] = await self._stack.enter_async_context(self._relay(mode))
        return self

    async def __aexit__(self, *_: object) -> None:
        """End them."""
        await self._stack.aclose()

    async def direct(self, meeting: Meeting) -> Reports:
        """Let a client meet the server."""
        return await self._meet(meeting, self._port)

    async def relayed(self, meeting: Meeting) -> Reports:
        """Let it meet the server through the relay.

        Raises:
            NoComparisonError: The relay has not seen every connection.
        """
        relay = self._relays[meeting.mode]
        before = await asyncio.to_thread(relay.connections)
        reports = await self._meet(meeting, relay.port)
        passed = await asyncio.to_thread(relay.connections) - before
        arrived = sum(kind == "connection" for facts in reports.values() for kind, _ in facts)
        if passed < arrived:
            raise NoComparisonError(f"the relay counted {passed} handshakes, the server {arrived} connections")
        return reports

    async def _meet(self, meeting: Meeting, port: int) -> Reports:
        scheme = "ws" if self._ground.profile < 2 else "wss"
        url = f"{scheme}://127.0.0.1:{port}/ocpp"
        try:
            reports = await (self._tool if meeting.client == "ocpp-ws-cli" else self._client)(meeting, url)
        except TimeoutError as error:
            raise StrandedError(f"{meeting.client} took more than {_CLIENT_S:.0f} s") from error
        finally:
            seen = await self._seen()
        if meeting.client == "ocpp-ws-cli":
            reports[meeting.cases[0]] += _gathered(seen)
            return reports
        for number, connection in enumerate(seen):
            case = unquote(connection["identity"]).partition("-")[2]
            reports.setdefault(case, []).append(("connection", str(number) if case not in meeting.cases else "next"))
            reports[case] += [(kind, value) for kind, value in connection["facts"]]
        return reports

    async def _seen(self) -> list[dict[str, Any]]:
        """Ask the server what its connections have seen since it was last asked."""
        if self._server.stdin is None:
            raise NoComparisonError("the server has no pipe")
        self._server.stdin.write(b"report\n")
        try:
            seen: list[dict[str, Any]] = await _line(self._server, _START_S)
        except (NoComparisonError, TimeoutError) as error:
            told = (self._folder / "server.log").read_text(encoding="utf-8")
            raise NoComparisonError(f"{error!r}: {told[-900:]}") from error
        return seen

    async def _client(self, meeting: Meeting, url: str) -> Reports:
        command, env = self._peer("client", meeting, url)
        async with _running(command, env) as process:
            out, told = await asyncio.wait_for(process.communicate(), _CLIENT_S)
        if process.returncode:
            raise StrandedError(f"{meeting.client} ended with {process.returncode}: {told.decode()[-380:]}")
        lines = [json.loads(line) for line in out.splitlines()]
        if [line["case"] for line in lines] != list(meeting.cases):
            raise StrandedError(f"{meeting.client} played {[line['case'] for line in lines]}")
        return {line["case"]: [(kind, value) for kind, value in line["facts"]] for line in lines}

    async def _tool(self, meeting: Meeting, url: str) -> Reports:
        """Run `ocpp-ws-cli test --suite all`; its verdicts are the client's facts."""
        folder = self._folder / f"tool-{url.rpartition(':')[2].partition('/')[0]}"
        env = {**os.environ, "NO_COLOR": "1", "NODE_EXTRA_CA_CERTS": self._keys.certificate("ca")}
        if self._ground.profile == 3:
            env["NODE_OPTIONS"] = f"--require {(PEERS / 'certificate.cjs').resolve()}"
            env["INTEROP_CERTIFICATE"] = self._keys.certificate("CP-tool")
            env["INTEROP_KEY"] = self._keys.key("CP-tool")
        if self._ground.profile in {1, 2}:
            url = url.replace("://", "://CP-tool:0123456789abcdefghij@")
        program = str(MODULES / "node_modules/ocpp-ws-cli/dist/index.js")
        words = ["test", "-e", url, "-i", "CP-tool", "-p", meeting.cases[0], "--suite", "all", "--report", "json"]
        async with _running(["node", program, *words, "--report-dir", str(folder)], env) as process:
            out, _ = await asyncio.wait_for(process.communicate(), _CLIENT_S)
        found = list(folder.glob("*.json"))
        if process.returncode or len(found) != 1:
            raise StrandedError(f"ocpp-ws-cli ended with {process.returncode}: {out.decode()[-900:]}")
        results = json.loads(found[0].read_text(encoding="utf-8"))["testResults"]
        if not any(each["passed"] for each in results if each["name"] == "Heartbeat round-trip"):
            raise StrandedError(f"ocpp-ws-cli was not let in: {results[-1]}")
        return {
            meeting.cases[0]: [
                (each["name"], f"{'passed' if each['passed'] else 'failed'} {each.get('issue', '')}")
                for each in results
            ]
        }

    def _peer(self, role: str, meeting: Meeting | None = None, url: str = "") -> tuple[list[str], dict[str, str]]:
        library = meeting.client if meeting else self._ground.server
        owner = "{identity}" if meeting else "server"
        orders: dict[str, Any] = {
            "profile": self._ground.profile,
            "ca": self._keys.certificate("ca"),
            "certificate": self._keys.certificate(owner),
            "key": self._keys.key(owner),
            "url": url,
            "cases": meeting.cases if meeting else (),
            "stranger_ca": self._keys.certificate("stranger"),
        }
        name = f"{_PROGRAMS[library]}_{role}"
        if library == "ocpp-rpc":
            orders["modules"] = str(MODULES.resolve())
            return ["node", str(PEERS / f"{name}.mjs"), json.dumps(orders)], dict(os.environ)
        return [str(PYTHON), "-m", f"bench.interop.peers.{name}", json.dumps(orders)], dict(os.environ)

    @asynccontextmanager
    async def _relay(self, mode: str) -> AsyncIterator[Relay]:
        folder = self._folder / mode
        (folder / "run").mkdir(parents=True, mode=0o700)
        settings = folder / "site.toml"
        settings.write_text(self._settings(mode), encoding="utf-8")
        command = [sys.executable, "-m", "isolane.cli.main", "value", "-c", str(settings)]
        log: list[str] = []
        async with _running(command, dict(os.environ)) as process:
            assert process.stderr is not None
            async with asyncio.timeout(_START_S):
                while not (ready := _READY.search(log[-1] if log else "")):
                    log.append((await process.stderr.readline()).decode())
                    if not log[-1]:
                        raise NoComparisonError(f"the relay did not start: {''.join(log)[-300:]}")
            reading = asyncio.create_task(_collect(process.stderr, log))
            yield Relay(int(ready[1].rpartition(":")[2]), ready[2])
            process.terminate()
            code = await asyncio.wait_for(process.wait(), _START_S)
            await reading
        if code or any("Traceback" in line for line in log):
            raise NoComparisonError(f"the relay ended with {code}: {''.join(log)[-900:]}")

    def _settings(self, mode: str) -> str:
        keys, profile = self._keys, self._ground.profile
        csms = listen = ""
        scheme = "ws"
        if profile >= 2:
            scheme = "wss"
            csms = f'ca = "{keys.certificate("ca")}"\n'
            listen = f'certificate = "{keys.certificate("server")}"\nkey = "{keys.key("server")}"\n'
        if profile == 3:
            csms += f'certificate = "{keys.certificate("gateway")}"\nkey = "{keys.key("gateway")}"\n'
            listen += f'client_ca = "{keys.certificate("ca")}"\n'
        return (
            f'[site]\nname = "interop"\ngateway = "interop"\nrun_dir = "run"\n'
            f'[value]\nmetrics = "127.0.0.1:0"\ncompression = "{mode}"\ndrain_s = 0.1\n'
            f'[value.csms]\nurl = "{scheme}://127.0.0.1:{self._port}/ocpp"\n{csms}'
            f'[[value.listen]]\naddress = "127.0.0.1:0"\npath = "/ocpp"\n{listen}'
        )


def _gathered(seen: list[dict[str, Any]]) -> list[Fact]:
    """Give each different connection once, because the tool opens many at once and ends them where it likes."""
    each = (levelled([(kind, value) for kind, value in connection["facts"]], exact=True) for connection in seen)
    return [("connection", known) for known in sorted({json.dumps(facts) for facts in each})]


@asynccontextmanager
async def _running(
    command: list[str], env: dict[str, str], log: BinaryIO | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, stderr=log or pipe, env=env, limit=_LINE_BYTES
    )
    try:
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _END_S)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _line(process: asyncio.subprocess.Process, wait_s: float) -> Any:  # noqa: ANN401 - JSON
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), wait_s)
    if not line:
        raise NoComparisonError("the server has ended")
    return json.loads(line)


async def _collect(stream: asyncio.StreamReader, log: list[str]) -> None:
    while line := await stream.readline():
        log.append(line.decode())
