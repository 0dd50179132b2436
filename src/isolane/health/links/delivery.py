"""This file defines what every link's table has; it guards that all links are paced by the same words."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

NAME = msgspec.Meta(
    description="Unique name; stands in metrics, logs and the outbox's receipts", pattern="^[a-z0-9._-]{1,32}$"
)


class Order(StrEnum):
    """In which order undelivered history goes."""

    OLDEST = "oldest"
    NEWEST = "newest"


class DeliverySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who we are to the center, and at which pace it is told."""

    ca: Annotated[
        Path | None,
        msgspec.Meta(description="PEM file of the authorities that may sign the peer; absent: those of the system"),
    ] = None
    certificate: Annotated[
        Path | None, msgspec.Meta(description="PEM chain of this gateway's certificate; its CN is the gateway's name")
    ] = None
    key: Annotated[Path | None, msgspec.Meta(description="PEM private key of `certificate`")] = None
    required: Annotated[
        bool, msgspec.Meta(description="Whether a block stays until the center has acknowledged it over this link")
    ] = True
    ack_timeout_s: Annotated[
        float,
        msgspec.Meta(description="Sent again if not acknowledged for so long, s, 0.1 to 3600", ge=0.1, le=3600),
    ] = 30.0
    ledger_s: Annotated[
        float, msgspec.Meta(description="From one statement of the books to the next, s, 0.1 to 3600", ge=0.1, le=3600)
    ] = 30.0
    backfill_order: Annotated[
        Order, msgspec.Meta(description="Order of undelivered history; live blocks always go newest first")
    ] = Order.OLDEST
    reconnect_s_max: Annotated[
        float,
        msgspec.Meta(description="Longest pause before the next attempt, s, 0.1 to 3600", ge=0.1, le=3600),
    ] = 60.0
    dead_s: Annotated[
        int,
        msgspec.Meta(
            description="A connection whose peer has confirmed nothing for so long is dead, s, 2 to 600", ge=2, le=600
        ),
    ] = 30
