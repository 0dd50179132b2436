"""This file starts the process that watches from outside; it guards that it is ended whatever happens."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

_PAGE_BYTES_MAX = 1 << 26
_ANSWER_S = 90


class Watchers:
    """The process of well-behaved chargers, and of the one who asks whether the loop still turns."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def say(self, word: str) -> None:
        """Send a command."""
        if self._process.stdin is not None:
            self._process.stdin.write(f"{word}\n".encode())
            await self._process.stdin.drain()

    async def hear(self) -> dict[str, Any]:
        """Read an answer.

        Raises:
            RuntimeError: The process ended.
        """
        if self._process.stdout is None:
            raise RuntimeError("the bystanders have no pipe")
        line = await asyncio.wait_for(self._process.stdout.readline(), _ANSWER_S)
        if not line:
            raise RuntimeError("the bystanders ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextlib.asynccontextmanager
async def watchers(relay_port: int, csms_port: int, page_port: int, number: int, *pids: int) -> AsyncIterator[Watchers]:
    """Run so many bystanders, and ask a page of the first process for as long; see watch.py.

    Args:
        relay_port: Where the bystanders go; 0 where there are none.
        csms_port: Where their twins go.
        page_port: Of HTTP, on the loop of the first process.
        number: Of bystanders.
        pids: Processes whose own work is no excuse.
    """
    words = map(str, (relay_port, csms_port, page_port, number, *pids))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.attack.watch", *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_PAGE_BYTES_MAX,
    )
    try:
        watching = Watchers(process)
        await watching.hear()
        yield watching
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
