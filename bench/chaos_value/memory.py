"""This file is what a charger keeps over a sudden death; it guards that meter and queue are changed together.

A real charger has flash for this; here it is one file a charger, replaced whole. It holds every transaction as metered
and the messages that the CSMS has not answered yet.
"""

from pathlib import Path

import msgspec

from isolane.sim.billing import Metered
from isolane.sim.records import replace_file


class Waiting(msgspec.Struct):
    """A transaction message that waits for its answer.

    Attributes:
        kind: What it tells.
        ref: Of which transaction.
        wh: Register at that moment.
        utc: That moment.
        seq_no: Number of the event in its transaction (2.0.1).
    """

    kind: str
    ref: str
    wh: int
    utc: str
    seq_no: int


class Memory(msgspec.Struct):
    """All that a charger keeps.

    Attributes:
        register_wh: Its billing register.
        running: Reference of the transaction that runs, "" for none.
        seq_no: Of its next event (2.0.1).
        transactions: As metered, by reference.
        waiting: In the order in which they happened.
        deaths: How often it was started again.
    """

    register_wh: int = 0
    running: str = ""
    seq_no: int = 0
    transactions: dict[str, Metered] = {}
    waiting: list[Waiting] = []
    deaths: int = -1


def load(path: Path) -> Memory:
    """Read a charger's memory; a new one where there is none."""
    return msgspec.json.decode(path.read_bytes(), type=Memory) if path.exists() else Memory()


def save(path: Path, memory: Memory) -> None:
    """Replace a charger's memory."""
    replace_file(path, msgspec.json.encode(memory))
