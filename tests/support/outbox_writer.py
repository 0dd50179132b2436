"""This file is a process that only writes an outbox, to be killed at any system call; it tells what it was promised.

`python -m support.outbox_writer FILE BLOCKS` puts blocks, settles every third, and writes a line when a call returns:
"put N" for a block that is committed, "lost N" for one that the disk refused, "settled N". With a third argument,
"lanes", its lanes have bounds of their own and are full most of the time.
"""

import os
import sys
from pathlib import Path

from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.settings import LaneSettings
from isolane.health.outbox.store import Store
from support.outboxes import SCHEMA, TAG, ManualClock, draft, settings

LINK = "main"
CHECKPOINT_PAGES = 24
"""So few that the log is moved into the file several times."""


LANES = LaneSettings(snapshot_bytes_max=3000, backfill_bytes_max=4000)
"""Room for three blocks of the writer's, and for five."""


def write_lanes(file: Path, blocks: int) -> None:
    """Write snapshots and live blocks that become backfill, and leave without closing anything."""
    clock = ManualClock()
    store = Store(settings(file, lanes=LANES), TAG, clock, SCHEMA, frozenset({LINK}))
    store.open()
    for number in range(1, blocks + 1):
        if store._shelf is not None:
            store._shelf.file.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        store.put(draft(number, rows=40, noise=30), Lane.SNAPSHOT if number % 2 else Lane.LIVE)
        _tell("put", number)
        if number % 3 == 0:
            clock.pass_s(61)
            store.tend()
            _tell("tended", number)
    os._exit(0)


def write(file: Path, blocks: int) -> None:
    """Write until the end, and leave without closing anything."""
    store = Store(settings(file), TAG, ManualClock(), SCHEMA, frozenset({LINK}))
    store.open()
    for number in range(1, blocks + 1):
        if store._shelf is not None:
            store._shelf.file.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        losses = len(store._losses.gaps)
        store.put(draft(number, rows=40, noise=30))
        _tell("lost" if len(store._losses.gaps) > losses else "put", number)
        if number % 3 == 0 and store.settle(LINK, [(store.epoch, 0, number - 1)], []):
            _tell("settled", number - 1)
    sys.stderr.write(f"refused {store.troubles.write_failures} aside {store.troubles.quarantined}\n")
    sys.stderr.flush()
    os._exit(0)


def _tell(word: str, number: int) -> None:
    os.write(1, f"{word} {number}\n".encode())


if __name__ == "__main__":
    (write_lanes if "lanes" in sys.argv else write)(Path(sys.argv[1]), int(sys.argv[2]))
