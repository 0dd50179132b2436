"""This file is a process of well-behaved chargers; it guards that an attacker's own load does not blur what they see.

Each charger calls through the relay and, at the same moment, its twin calls the CSMS directly; what the relay adds is
the difference, less what it has waited for a core that others had (runqueue.py). Commands on standard input: `begin`
(from here on it counts), `end` (tell and leave). Answers are JSON lines: {ready}, then the findings.
"""

import asyncio
import json
import os
import statistics
import sys
import time
from typing import Any

from bench.attack.charger import Charger, Door
from bench.attack.csms import basic
from bench.attack.ground import secret_of
from bench.attack.runqueue import RunQueue

_PERIOD_S = 0.2
_SAMPLE = {"connectorId": 1, "meterValue": [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": "1"}]}]}
_PAGE = b"GET /metrics HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n"


class Watch:
    """The chargers and what they have seen."""

    def __init__(self, relay_port: int, csms_port: int, page_port: int, number: int, *pids: int) -> None:
        self.relay_port, self.csms_port, self.page_port, self.number = relay_port, csms_port, page_port, number
        self.queue, self.own = RunQueue(pids[0], pids), RunQueue(os.getpid(), (os.getpid(),))
        self.counts = False
        self.over = asyncio.Event()
        self.added_ms: list[float] = []
        self.lag_ms: list[float] = []
        self.late_ms: list[float] = []
        self.broken: list[str] = []
        self.journals: list[dict[str, Any]] = []

    async def charge(self, number: int) -> None:
        """Run a transaction until the end."""
        mine, twin = Charger(f"BY-{number}"), Charger(f"BY-{number + 32}")
        for charger, door in ((mine, Door(self.relay_port)), (twin, Door(self.csms_port, "/csms"))):
            status = await charger.connect(
                door, [f"Authorization: {basic(charger.identity, secret_of(charger.identity))}"]
            )
            if status != 101:
                self.broken.append(f"{charger.identity}: status {status}")
                return
        start = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"}
        try:
            begun = await asyncio.gather(*(each.call("StartTransaction", start) for each in (mine, twin)))
            while not self.over.is_set():
                relayed, direct = await asyncio.gather(_timed(mine, self.queue), _timed(twin))
                if self.counts:
                    self.added_ms.append((relayed - direct) * 1000)
                await asyncio.sleep(_PERIOD_S)
            number = begun[0][2]["transactionId"]
            await mine.call(
                "StopTransaction", {"transactionId": number, "meterStop": 9, "timestamp": "2026-01-01T00:00:00Z"}
            )
        except (ConnectionError, TimeoutError) as error:
            self.broken.append(str(error))
        if mine.link is not None:
            self.journals.append({"key": mine.key, "sent": mine.link.sent, "received": mine.link.received})
        await asyncio.gather(mine.close(), twin.close())

    async def probe(self) -> None:
        """Ask for the metrics page again and again: a loop that hangs answers late."""
        while not self.over.is_set():
            began, before, own = time.monotonic(), self.queue.spent(), self.own.spent()
            try:
                async with asyncio.timeout(10):
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.page_port)
                    writer.write(_PAGE)
                    await reader.read()
                    writer.close()
            except (OSError, TimeoutError) as error:
                if self.counts:
                    self.broken.append(f"metrics page: {error!r}")
            took = time.monotonic() - began
            lag = took - self.queue.excused_s(before) - self.own.excused_s(own)  # its own waits are not the relay's
            slept = time.monotonic()
            await asyncio.sleep(0.1)
            if self.counts:
                self.lag_ms.append(max(0.0, lag) * 1000)
                self.late_ms.append((time.monotonic() - slept - 0.1) * 1000)

    def findings(self) -> dict[str, Any]:
        """Give what was seen."""
        return {
            "broken": self.broken,
            "samples": len(self.added_ms),
            "added_p99_ms": _p99(self.added_ms),
            "lag_p99_ms": _p99(self.lag_ms),
            "late_p99_ms": _p99(self.late_ms),
            "journals": self.journals,
        }


def _p99(values: list[float]) -> float:
    """Give the 99th percentile, of few values the largest or nearly; never one that none of them has reached."""
    return statistics.quantiles(values, n=100, method="inclusive")[98] if len(values) > 1 else (values or [0.0])[0]


async def _timed(charger: Charger, queue: RunQueue | None = None) -> float:
    before = queue.spent() if queue else None
    began = time.monotonic()
    await charger.call("MeterValues", _SAMPLE, 30.0)
    took = time.monotonic() - began
    return took - (queue.excused_s(before) if queue and before else 0.0)


async def main(words: list[str]) -> None:
    """Run until `end`."""
    watch = Watch(*map(int, words))
    tasks = [asyncio.create_task(watch.charge(number)) for number in range(watch.number)]
    prober = asyncio.create_task(watch.probe())
    await asyncio.sleep(0.5)
    print(json.dumps({"ready": True}), flush=True)
    while True:
        line = await asyncio.to_thread(sys.stdin.readline)
        if line.strip() == "begin":
            watch.counts = True
        else:
            break
    watch.over.set()
    await asyncio.gather(*tasks, prober)
    print(json.dumps(watch.findings()), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
