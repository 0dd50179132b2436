"""This file defines the budget table; it guards that Channel B has a limit even where nobody has set one."""

from typing import Annotated

import msgspec

SLOW_KBIT_S = 1000.0
"""Below this a whole packet of 1,500 B keeps the line busy for more than 12 ms."""
DEFAULT_KBIT_S = 128.0
"""Half of a 256 kbit/s uplink, the slowest that was measured."""
_SEGMENT_BYTES = 500


class BudgetSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of the uplink Channel B may use, over all its links together, and how it yields to Channel A."""

    rate_kbit_s: Annotated[
        Annotated[float, msgspec.Meta(gt=0, le=1e7)] | None,
        msgspec.Meta(
            description="Most that is sent, packet headers included, kbit/s, above 0. Absent: `share` of "
            "`link_kbit_s`, or 128 where that is absent too"
        ),
    ] = None
    link_kbit_s: Annotated[
        Annotated[float, msgspec.Meta(gt=0, le=1e7)] | None,
        msgspec.Meta(
            description="What the site's uplink carries, kbit/s, above 0. Below 1000 segments are made small, so that "
            "one of ours keeps a packet of the business waiting for less"
        ),
    ] = None
    share: Annotated[
        float, msgspec.Meta(description="Share of `link_kbit_s` that may be used, 0.01 to 1", ge=0.01, le=1)
    ] = 0.5
    first: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Names of links that go before the others and do not stop for the business's calls"),
    ] = ()
    guard_ms: Annotated[
        int,
        msgspec.Meta(
            description="Sending rests so long after the business's last call, ms, 0 to 10000", ge=0, le=10_000
        ),
    ] = 50
    hold_ms_max: Annotated[
        int,
        msgspec.Meta(
            description="Longest full stop for calls of the business, ms, 0 to 60000; then `trickle` until all are "
            "answered. 0: sending never stops",
            ge=0,
            le=60_000,
        ),
    ] = 2000
    trickle: Annotated[
        float,
        msgspec.Meta(description="Share of the rate that is always left to Channel B, 0.01 to 1", ge=0.01, le=1),
    ] = 0.1
    delay_ms: Annotated[
        float,
        msgspec.Meta(
            description="When the business's round trip exceeds its own recent minimum by so much, the rate is halved, "
            "down to `trickle`, ms, 1 to 10000",
            ge=1,
            le=10_000,
        ),
    ] = 25.0
    interface: Annotated[
        Annotated[str, msgspec.Meta(pattern=r"^[^/\s]{1,15}$")] | None,
        msgspec.Meta(description="Network interface that links use alone, such as wwan0; absent: by the routing table"),
    ] = None
    source: Annotated[
        str | None, msgspec.Meta(description="Own address that links use; absent: by the routing table")
    ] = None
    dscp: Annotated[
        int,
        msgspec.Meta(
            description="Mark on each packet, 0 to 63; 1 is lower effort (RFC 8622). It helps where a router heeds it",
            ge=0,
            le=63,
        ),
    ] = 1
    segment_bytes: Annotated[
        Annotated[int, msgspec.Meta(ge=88, le=1460)] | None,
        msgspec.Meta(
            description="Largest TCP segment, B, 88 to 1460; absent: 500 on a slow uplink, else the path's own"
        ),
    ] = None

    @property
    def ceiling_bytes_s(self) -> float:
        """The most that is sent, bytes of packets a second."""
        if self.rate_kbit_s is not None:
            return self.rate_kbit_s * 125.0
        return (DEFAULT_KBIT_S if self.link_kbit_s is None else self.link_kbit_s * self.share) * 125.0

    @property
    def is_slow(self) -> bool:
        """Whether one whole packet is a noticeable time on the uplink, as far as is known."""
        link = self.ceiling_bytes_s * 8 / 1000 * 2 if self.link_kbit_s is None else self.link_kbit_s
        return link < SLOW_KBIT_S

    @property
    def segment_bytes_max(self) -> int | None:
        """The largest TCP segment; None for the path's own."""
        return self.segment_bytes or (_SEGMENT_BYTES if self.is_slow else None)
