"""This file runs the relay as its own process for tests, from a settings file, as an operator would."""

import asyncio
import re
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support.patience import PATIENCE_S

_READY = re.compile(r"ready listen=(\S+) metrics=(\S+)")


@dataclass
class Relay:
    """A relay that serves.

    Attributes:
        process: Its process.
        ports: Of its listeners, in the order of the settings.
        metrics: Address of its metrics page.
        log: What it has logged, line by line.
        run_dir: Folder of the tap's socket.
    """

    process: asyncio.subprocess.Process
    ports: list[int]
    metrics: str
    run_dir: Path
    log: list[str] = field(default_factory=list)
    _is_told: bool = False

    async def metric(self, name: str) -> float:
        """Give one sample of the metrics page, 0 where it is not there."""
        page = await asyncio.to_thread(self._page)
        for line in page.splitlines():
            sample, _, value = line.rpartition(" ")
            if sample == name:
                return float(value)
        return 0.0

    async def until_metric(self, name: str, value: float, wait_s: float = PATIENCE_S) -> None:
        """Wait until a sample has a value."""
        async with asyncio.timeout(wait_s):
            while await self.metric(name) != value:
                await asyncio.sleep(0.02)

    async def until_log(self, text: str, count: int = 1, wait_s: float = PATIENCE_S) -> None:
        """Wait until so many lines with a text were logged."""
        async with asyncio.timeout(wait_s):
            while sum(text in line for line in self.log) < count:
                await asyncio.sleep(0.02)

    def resident_kb(self) -> int:
        """Give the memory it holds, in kB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        match = re.search(r"VmRSS:\s+(\d+)", status)
        assert match is not None
        return int(match[1])

    def end(self) -> None:
        """Send SIGTERM, once: a second one may meet a process that has put its handlers down already."""
        if self.process.returncode is None and not self._is_told:
            self.process.send_signal(signal.SIGTERM)
        self._is_told = True

    async def stop(self) -> int:
        """Have it end and wait for that; give the exit code."""
        self.end()
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()

    def _page(self) -> str:
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=PATIENCE_S) as page:
            text: str = page.read().decode()
        return text


@asynccontextmanager
async def relaying(
    folder: Path,
    csms: str,
    *,
    value: str = "",
    listen: str = "",
    limits: str = "",
    may_log_errors: bool = False,
    code: int = 0,
) -> AsyncIterator[Relay]:
    """Run a relay until the block ends, and see that it ended well.

    Args:
        folder: For settings and sockets; its path must be short enough for a Unix socket.
        csms: Lines of [value.csms].
        value: More lines of [value]; drain_s is short where left out.
        listen: [[value.listen]] tables; one plain listener with path /ocpp where left out.
        limits: Lines of [value.limits]; close_s is short where left out.
        may_log_errors: Whether a line of level ERROR is part of the test.
        code: How its process ends.
    """
    if "drain_s" not in value:
        value += "\ndrain_s = 0.1"
    if "close_s" not in limits:
        limits += "\nclose_s = 2"
    run_dir = folder / "run"
    run_dir.mkdir(mode=0o700, exist_ok=True)
    settings = folder / "site.toml"
    settings.write_text(
        f'[site]\nname = "s"\ngateway = "g"\nrun_dir = "run"\n'
        f'[value]\nmetrics = "127.0.0.1:0"\n{value}\n'
        f"[value.csms]\n{csms}\n[value.limits]\n{limits}\n"
        + (listen or '[[value.listen]]\naddress = "127.0.0.1:0"\npath = "/ocpp"\n'),
        encoding="utf-8",
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "isolane.cli.main", "value", "-c", str(settings), stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    log: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            ready = None
            while ready is None:
                line = (await process.stderr.readline()).decode()
                assert line, f"the relay did not start: {log}"
                log.append(line)
                ready = _READY.search(line)
        relay = Relay(process, [int(a.rpartition(":")[2]) for a in ready[1].split(",")], ready[2], run_dir, log)
        collecting = asyncio.create_task(_collect(process.stderr, log))
        yield relay
        assert await relay.stop() == code
        await collecting
        assert not [line for line in log if "Traceback" in line or (" ERROR " in line and not may_log_errors)], log
    finally:
        if process.returncode is None:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a relay whose test has failed; its workers, where it has some, end with it when it is asked first."""
    process.terminate()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _collect(stderr: asyncio.StreamReader, log: list[str]) -> None:
    while line := await stderr.readline():
        log.append(line.decode())
