"""This file is a gateway with a black box, and its center; it guards that both are real, and stop whatever happens.

The tap's packets are brought to it as the tap brings them: by the health process's own socket, in their order.
"""

import asyncio
import contextlib
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.attack.process import Process

from isolane.security.authority import Authority

SITE, GATEWAY = "site", "gw-box"
_WAIT_S = 90.0
_CENTER = """[center]
data = "data"
console = "127.0.0.1:0"
metrics = "127.0.0.1:0"
[center.https]
address = "127.0.0.1:0"
client_ca = "pki/ca.pem"
certificate = "pki/server.pem"
key = "pki/server.key"
[center.access]
requests_per_s = 100000
burst_requests = 100000
"""
_GATEWAY = """[site]
name = "{site}"
gateway = "{gateway}"
run_dir = "run"
[health]
metrics = "127.0.0.1:0"
flush_s = 2
[health.outbox]
path = "outbox.db"
block_rows = 2
[[health.sources]]
type = "host"
period_s = 1
[health.recorder]
before_s = 10
after_s = 10
length_s_max = 20
{recorder}
[health.recorder.ring]
flush_s = 1.0
[[health.links]]
type = "https"
url = "{url}"
ca = "../pki/ca.pem"
certificate = "../pki/{gateway}.pem"
key = "../pki/{gateway}.key"
reconnect_s_max = 0.3
ack_timeout_s = 2
ledger_s = 1
"""


@dataclass
class Box:
    """A running gateway and its center.

    Attributes:
        folder: Of both; the gateway's is `gateway` in it.
        console: Address of the center's console.
        fed: Packets that have been brought.
    """

    folder: Path
    center: Process
    health: Process
    console: str = ""
    fed: int = 0
    _socket: socket.socket | None = field(default=None, repr=False)

    @property
    def snapshots(self) -> list[Path]:
        """The gateway's snapshots."""
        return sorted((self.folder / "gateway/outbox.db.blackbox/snapshots").glob("*.mcap"))

    @property
    def collected(self) -> list[Path]:
        """Those at the center, whole."""
        return sorted((self.folder / "data/snapshots").rglob("*.mcap"))

    async def feed(self, packets: list[bytes]) -> None:
        """Bring the tap's packets that it has not got."""
        if self._socket is None:
            path = self.folder / "gateway/run/events.sock"
            await self.until(path.exists, "the gateway listens to the tap")
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._socket.connect(str(path))
            self._socket.setblocking(False)
        for packet in packets[self.fed :]:
            async with asyncio.timeout(_WAIT_S):
                await asyncio.get_running_loop().sock_sendall(self._socket, packet)
            self.fed += 1

    async def restart(self) -> None:
        """Kill the gateway as a power cut does, and start it again."""
        await self.health.kill()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        await self.health.start()

    async def page(self, url: str, **fields: str) -> bytes:
        """Read a page; an error's body too, b"" for no answer."""
        request = urllib.request.Request(url, headers=fields)  # noqa: S310 - ours

        def read() -> bytes:
            try:
                with urllib.request.urlopen(request, timeout=20) as page:  # noqa: S310 - ours
                    return bytes(page.read())
            except urllib.error.HTTPError as error:
                return error.read()
            except OSError:
                return b""

        return await asyncio.to_thread(read)

    async def metric(self, name: str) -> float:
        """Sum a metric of the gateway over its labels."""
        found = re.search(r"metrics=(\S+)", self.health.ready)
        text = (await self.page(f"http://{found[1]}/metrics")).decode() if found else ""
        samples = [line.rpartition(" ") for line in text.splitlines() if re.match(rf"{name}[{{ ]", line)]
        return sum(float(number) for _, _, number in samples)

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until something holds.

        Raises:
            RuntimeError: It does not.
        """
        end = time.monotonic() + _WAIT_S
        while not holds():
            if time.monotonic() > end:
                raise RuntimeError(
                    f"not in {_WAIT_S:g} s: {what}: {self.health.text()[-300:]} {self.center.text()[-300:]}"
                )
            await asyncio.sleep(0.1)

    def close(self) -> None:
        """Let the socket go."""
        if self._socket is not None:
            self._socket.close()


@contextlib.asynccontextmanager
async def box(folder: Path, *, recorder: str = "", words: tuple[str, ...] = ()) -> AsyncIterator[Box]:
    """Start one in a folder of its own and end it whatever happens.

    Args:
        folder: Absent.
        recorder: More lines of [health.recorder].
        words: More of both command lines.
    """
    (folder / "gateway/run").mkdir(mode=0o700, parents=True)
    (folder / "data").mkdir()
    authority = Authority(folder / "pki")
    authority.create("attack")
    authority.issue("server", common_name="localhost", hosts=("127.0.0.1",))
    authority.issue(GATEWAY, common_name=GATEWAY)
    (folder / "center.toml").write_text(_CENTER, encoding="utf-8")
    made = Box(
        folder,
        Process("center", folder / "center.toml", folder / "center.log"),
        Process("health", folder / "gateway/site.toml", folder / "gateway/health.log"),
    )
    made.center.words = made.health.words = words
    try:
        await made.center.start()
        made.console = "http://127.0.0.1:" + made.center.ready.partition("console=http://127.0.0.1:")[2].split()[0]
        url = "https://127.0.0.1:" + made.center.ready.partition("ingest=https://127.0.0.1:")[2].split()[0]
        text = _GATEWAY.format(site=SITE, gateway=GATEWAY, url=url, recorder=recorder)
        made.health.settings.write_text(text, encoding="utf-8")
        await made.health.start()
        yield made
    finally:
        made.close()
        for process in (made.health, made.center):
            await process.kill()
