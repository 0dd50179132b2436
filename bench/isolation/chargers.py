"""This file is the chargers of a site; it guards that a message is timed from when it was due to its answer.

Each charger has one call in flight, as OCPP-J demands; business goes before telemetry that waits. A schedule follows
from its seed, so that two blocks with one seed send the same messages at the same moments: what differs is B.

Arguments: port of the relay. Each line on standard input is a JSON command, answered by a JSON line:

- {"seconds", "seed", "telemetry_hz"}: run a block; telemetry_hz 0 for none, negative for as fast as answers come.
  Answer {"times": [[kind, s or null], ...] in the schedule's order, "telemetry": calls answered}.
"""

import asyncio
import json
import os
import random
import sys
from collections import deque
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from bench.isolation.ocpp import KINDS, SUBPROTOCOL, business, call, telemetry
from bench.isolation.signals import CHARGERS, RESOLUTION, SIGNALS, Walk, charger
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

LOST_S = 10.0
"""A driver does not wait longer; a message without an answer by then is lost."""
PERIOD_S = 2.0
_JITTER = 0.3
_WAITING_MAX = 100
"""Telemetry calls that a charger keeps; then the oldest goes."""
_PRIORITY = 20


@dataclass
class Errand:
    """One business message of a schedule.

    Attributes:
        at_s: When it is due after the block's begin, s.
        charger: Who sends it.
        kind: What it is.
        took_s: From due to answered, s; None for lost.
        answered: Set when there is an answer, in time or not.
    """

    at_s: float
    charger: int
    kind: str
    took_s: float | None = None
    answered: asyncio.Event = field(default_factory=asyncio.Event)


def schedule(seed: int, seconds: float) -> list[Errand]:
    """Give the messages of a block, in order of their due times."""
    rng = random.Random(seed)
    errands = []
    for number in range(CHARGERS):
        at_s, turn = rng.uniform(0, PERIOD_S), number
        while at_s < seconds:
            errands.append(Errand(at_s, number, KINDS[turn % len(KINDS)]))
            at_s += PERIOD_S * rng.uniform(1 - _JITTER, 1 + _JITTER)
            turn += 1
    return sorted(errands, key=lambda each: each.at_s)


class Charger:
    """One charger on its WebSocket."""

    def __init__(self, number: int, connection: ClientConnection) -> None:
        self._number = number
        self._connection = connection
        self._errands: deque[tuple[Errand, float]] = deque()
        self._rows: deque[list[float]] = deque(maxlen=_WAITING_MAX)
        self._work = asyncio.Event()
        self._sent = 0
        self.told = 0

    def want(self, errand: Errand, due_at: float) -> None:
        """A message is due."""
        self._errands.append((errand, due_at))
        self._work.set()

    def tell(self, row: list[float]) -> None:
        """Telemetry is due."""
        self._rows.append(row)
        self._work.set()

    def hush(self) -> None:
        """Forget telemetry that waits."""
        self._rows.clear()

    @property
    def waiting(self) -> int:
        """Rows that wait."""
        return len(self._rows)

    async def run(self) -> None:
        """Send what is due, one call at a time."""
        while True:
            if self._errands:
                errand, due_at = self._errands.popleft()
                await self._call(errand.kind, business(errand.kind, self._number, self._sent))
                took_s = monotonic() - due_at
                errand.took_s = took_s if took_s <= LOST_S else None
                errand.answered.set()
            elif self._rows:
                await self._call("MeterValues", telemetry(self._sent, self._rows.popleft()))
                self.told += 1
            else:
                self._work.clear()
                await self._work.wait()

    async def _call(self, action: str, payload: dict[str, Any]) -> None:
        self._sent += 1
        identity = f"{self._number:02d}-{self._sent:08d}-4c9b-8f0e-d9a0"
        await self._connection.send(call(identity, action, payload))
        while json.loads(await self._connection.recv())[1] != identity:
            continue


async def _send(chargers: list[Charger], errands: list[Errand], began: float) -> None:
    for errand in errands:
        due_at = began + errand.at_s
        await asyncio.sleep(max(0.0, due_at - monotonic()))
        chargers[errand.charger].want(errand, due_at)


async def _tell(chargers: list[Charger], walk: Walk, hz: float) -> None:
    """Let each charger tell its row, at a rate or as fast as answers come."""
    pause_s = 1 / hz if hz > 0 else 0.02
    at = monotonic()
    while True:
        rows = walk.rows(1)[:, 0].tolist()
        for number, each in enumerate(chargers):
            if hz > 0 or not each.waiting:
                own = rows[number * SIGNALS : (number + 1) * SIGNALS]
                each.tell([value * RESOLUTION for value in own])
        at += pause_s
        await asyncio.sleep(max(0.0, at - monotonic()))


async def _block(chargers: list[Charger], walk: Walk, seconds: float, seed: int, telemetry_hz: float) -> dict[str, Any]:
    errands = schedule(seed, seconds)
    before = sum(each.told for each in chargers)
    telling = asyncio.create_task(_tell(chargers, walk, telemetry_hz)) if telemetry_hz else None
    began = monotonic()
    await _send(chargers, errands, began)
    await asyncio.sleep(max(0.0, began + seconds - monotonic()))
    if telling is not None:
        telling.cancel()
    for each in chargers:
        each.hush()
    told = sum(each.told for each in chargers) - before
    waits = [asyncio.create_task(each.answered.wait()) for each in errands if not each.answered.is_set()]
    if waits:
        _, open_ = await asyncio.wait(waits, timeout=began + seconds + LOST_S - monotonic())
        for wait in open_:
            wait.cancel()
    return {"times": [(each.kind, each.took_s) for each in errands], "telemetry": told}


async def _main(port: int) -> None:
    chargers, runs = [], []
    for number in range(CHARGERS):
        url = f"ws://127.0.0.1:{port}/ocpp/{charger(number)}"
        names = [Subprotocol(SUBPROTOCOL)]
        connection = await connect(url, subprotocols=names, compression=None, ping_interval=None, proxy=None)
        chargers.append(Charger(number, connection))
        runs.append(asyncio.create_task(chargers[-1].run()))
    walk = Walk(port)
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        answer = await _block(chargers, walk, **json.loads(line))
        for run in runs:
            if run.done():
                await run
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    try:
        asyncio.run(_main(int(sys.argv[1])))
    except ConnectionClosed as error:
        raise SystemExit(f"a charger was cut off: {error}") from error
