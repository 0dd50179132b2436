"""This file defines what every table of a link to somebody else's system has; it guards that TLS is always verified.

Plain HTTP goes no further than this machine: there an agent of the target may listen.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

from isolane.config.values import Secret
from isolane.core.failures import IsolaneError
from isolane.health.links.delivery import Order

URL = msgspec.Meta(
    description="https://host[:port]/path; http:// only to 127.0.0.1, [::1] or localhost",
    pattern=r"^(https://[^/?#@\s]+|http://(127\.0\.0\.1|\[::1\]|localhost)(:[0-9]+)?)(/[^?#\s]*)?$",
)


class BlockOrder(StrEnum):
    """In which order a link brings blocks away."""

    OLDEST = "oldest"
    LIVE_FIRST = "live-first"


class TargetSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who we are to a target, and at which pace it is told."""

    ca: Annotated[
        Path | None,
        msgspec.Meta(description="PEM file of the authorities that may sign the target; absent: those of the system"),
    ] = None
    certificate: Annotated[Path | None, msgspec.Meta(description="PEM chain of our client certificate")] = None
    key: Annotated[Path | None, msgspec.Meta(description="PEM private key of `certificate`")] = None
    required: Annotated[
        bool,
        msgspec.Meta(
            description="Whether a block stays until this target has taken it; false: it may leave the outbox before, "
            "once every required link has brought it away"
        ),
    ] = True
    order: Annotated[
        BlockOrder,
        msgspec.Meta(description="oldest: as sampled, nothing overtakes; live-first: new blocks, then what is late"),
    ] = BlockOrder.OLDEST
    age_max_s: Annotated[
        Annotated[int, msgspec.Meta(ge=60, le=31_536_000)] | None,
        msgspec.Meta(
            description="Blocks older than this by the UTC clock are passed over, s, 60 to 31536000; only for a link "
            "that is not required. Absent: none"
        ),
    ] = None
    held: Annotated[
        bool,
        msgspec.Meta(description="Whether STALE samples (the last good value, held) are sent; false: as if missing"),
    ] = True
    samples_max: Annotated[
        int, msgspec.Meta(description="Most samples in one request, 100 to 100000", ge=100, le=100_000)
    ] = 5000
    ledger_s: Annotated[
        float,
        msgspec.Meta(description="From one statement of the books to the next, s, 0.1 to 86400", ge=0.1, le=86_400),
    ] = 300.0
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

    def __post_init__(self) -> None:
        """Refuse an age limit that would make the books lie."""
        if self.required and self.age_max_s is not None:
            raise IsolaneError(
                "a required link passes nothing over", "set `required = false` beside `age_max_s`, or leave that out"
            )

    @property
    def ack_timeout_s(self) -> float:
        """Each message is answered for before the next; the pace of requests is the link's own, s."""
        return 3600.0

    @property
    def backfill_order(self) -> Order:
        """Order within the backfill lane."""
        return Order.OLDEST

    @property
    def in_order(self) -> bool:
        """Whether blocks go strictly as they were numbered."""
        return self.order is BlockOrder.OLDEST


class HttpTargetSettings(TargetSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A target that is posted to."""

    url: Annotated[str, URL]
    timeout_s: Annotated[
        float, msgspec.Meta(description="How long one request may take in all, s, 0.1 to 300", ge=0.1, le=300)
    ] = 30.0
    token: Annotated[Secret | None, msgspec.Meta(description="Sent in the header Authorization")] = None
    user: Annotated[str | None, msgspec.Meta(description="For HTTP Basic, with `password`")] = None
    password: Annotated[Secret | None, msgspec.Meta(description="For HTTP Basic")] = None
    headers: Annotated[
        dict[str, str], msgspec.Meta(description="Further headers, such as X-Scope-OrgID; no secrets")
    ] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse half a login, or two."""
        super().__post_init__()
        if (self.user is None) != (self.password is None):
            raise IsolaneError("a Basic login needs both `user` and `password`", "give both or neither")
        if self.token is not None and self.user is not None:
            raise IsolaneError("`token` and `user` both fill the header Authorization", "give one of them")
