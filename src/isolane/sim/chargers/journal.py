"""This file says what a charger writes down of its metering; it guards that bills can be checked without the CSMS."""

from typing import Literal

import msgspec

JournalEvent = Literal["started", "numbered", "stopped", "dropped"]


class JournalLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line of a journal.

    Attributes:
        event: `started` (wh is the register), `numbered` (the id that the bill will carry became known), `stopped` (wh
        is
            the register) or `dropped` (a message was given up after the CSMS had refused it repeatedly).
        charger: Identity.
        ref: The charger's own reference of the transaction, unique for ever.
        utc: When, ISO 8601.
        wh: Billing register, Wh.
        transaction: The id that the bill carries.
        detail: For `dropped`: which message and why.
    """

    event: JournalEvent
    charger: str
    ref: str
    utc: str
    wh: int | None = None
    transaction: str | None = None
    detail: str = ""
