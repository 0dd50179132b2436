"""This file names the lanes of the outbox; it guards that a number in a stored file never changes its meaning."""

from enum import IntEnum


class Lane(IntEnum):
    """What goes first: the lower number. What goes last is dropped first, alarms and receipts never."""

    ALARM = 0
    RECEIPT = 1
    LIVE = 2
    """Younger than the setting `backfill_after_s`; the newest goes first."""
    SNAPSHOT = 3
    BACKFILL = 4
    """What could not be delivered while it was live; in the order the link's settings say."""


URGENT = (Lane.ALARM, Lane.RECEIPT)
"""What still goes when a link is to send no more than it must."""

DROPPED_FIRST = (Lane.BACKFILL, Lane.SNAPSHOT, Lane.LIVE)
"""The lanes from which a full outbox drops, in this order; never from the others."""
