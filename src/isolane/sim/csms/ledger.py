"""This file is the billing ledger; it guards that a message that comes twice is billed once.

OCPP 1.6: a StartTransaction is the same when charger, connector, token, time stamp and register are the same; it gets
the number of the first. OCPP 2.0.1: the charger chose the transaction id, and each event counts once per sequence
number.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from isolane.sim.records import RecordFile, read_records, utc_now


class LedgerLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line of the ledger's file.

    Attributes:
        event: `start` and `stop` make a bill; `repeat` was answered and not counted; `orphan` is a stop without a
        start.
        charger: Identity.
        transaction: Its id.
        utc: When it was written.
        wh: Register in the message.
        key: What makes a start the same as another (1.6).
        billed_wh: With `stop`: what the customer pays.
    """

    event: Literal["start", "stop", "repeat", "orphan"]
    charger: str
    transaction: str
    utc: str
    wh: int
    key: str = ""
    billed_wh: int | None = None


class Bill(msgspec.Struct):
    """One transaction as the CSMS sees it.

    Attributes:
        charger: Identity.
        transaction: Its id.
        start_wh: Register at the start.
        stop_wh: Register at the end; None while it runs.
    """

    charger: str
    transaction: str
    start_wh: int
    stop_wh: int | None = None

    @property
    def billed_wh(self) -> int | None:
        """What the customer pays; None while it runs."""
        return None if self.stop_wh is None else self.stop_wh - self.start_wh


class Ledger:
    """All bills, in memory and in a file that survives a restart.

    Args:
        path: The file.

    Raises:
        IsolaneError: It cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.repeats = 0
        self.orphans = 0
        self._bills: dict[tuple[str, str], Bill] = {}
        self._by_key: dict[tuple[str, str], str] = {}
        self._last_number = 0
        for line in read_records(path, LedgerLine):
            self._apply(line)
        self._file = RecordFile(path)

    def __iter__(self) -> Iterator[Bill]:
        """Go through the bills, oldest first."""
        return iter(self._bills.values())

    def __len__(self) -> int:
        """Give how many bills there are."""
        return len(self._bills)

    def number(self, charger: str, key: str, wh: int) -> int:
        """Take in a StartTransaction of OCPP 1.6 and give its transaction id, the old one for a repeated message."""
        known = self._by_key.get((charger, key))
        if known is None:
            known = str(self._last_number + 1)
            self._write("start", charger, known, wh, key)
        else:
            self._write("repeat", charger, known, wh, key)
        return int(known)

    def start(self, charger: str, transaction: str, wh: int) -> None:
        """Take in the start of a transaction whose id the charger chose."""
        self._write("repeat" if (charger, transaction) in self._bills else "start", charger, transaction, wh)

    def stop(self, charger: str, transaction: str, wh: int) -> None:
        """Take in the end of a transaction; the first one counts."""
        bill = self._bills.get((charger, transaction))
        if bill is None:
            self._write("orphan", charger, transaction, wh)
        elif bill.stop_wh is not None:
            self._write("repeat", charger, transaction, wh)
        else:
            self._write("stop", charger, transaction, wh)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(
        self,
        event: Literal["start", "stop", "repeat", "orphan"],
        charger: str,
        transaction: str,
        wh: int,
        key: str = "",
    ) -> None:
        bill = self._bills.get((charger, transaction))
        line = LedgerLine(
            event=event,
            charger=charger,
            transaction=transaction,
            utc=utc_now(),
            wh=wh,
            key=key,
            billed_wh=wh - bill.start_wh if bill and event == "stop" else None,
        )
        self._file.append(line)
        self._apply(line)

    def _apply(self, line: LedgerLine) -> None:
        place = (line.charger, line.transaction)
        if line.event == "start":
            self._bills[place] = Bill(line.charger, line.transaction, line.wh)
            if line.key:
                self._by_key[line.charger, line.key] = line.transaction
                self._last_number = max(self._last_number, int(line.transaction))
        elif line.event == "stop":
            self._bills[place].stop_wh = line.wh
        elif line.event == "repeat":
            self.repeats += 1
        else:
            self.orphans += 1
