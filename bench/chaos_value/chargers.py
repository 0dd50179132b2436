"""This file is a process of chargers; it guards that SIGTERM lets them finish, while SIGKILL may come at any moment."""

import asyncio
import signal
import ssl
import sys
from pathlib import Path

from bench.chaos_value.charger import Charger
from bench.chaos_value.frames import FrameJournal


async def _main(url: str, ca: str, folder: Path, first: int, count: int) -> None:
    tls = ssl.create_default_context(cafile=ca) if url.startswith("wss") else None
    journal = FrameJournal(folder / f"chargers-{first}.frames")
    chargers = [Charger(f"CP{number:04}", url, tls, folder, journal) for number in range(first, first + count)]

    def leave() -> None:
        for charger in chargers:
            charger.leave()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, leave)
    print("ready", flush=True)
    async with asyncio.TaskGroup() as group:
        for charger in chargers:
            group.create_task(charger.run())


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])))
