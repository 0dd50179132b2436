"""This file defines the budget table; it guards that Channel B has a limit even where nobody has set one."""

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from isolane.core.failures import IsolaneError
from isolane.core.rungs import Rung

SLOW_KBIT_S = 2000.0
"""Below this a segment of 1 KB keeps the line busy for more than 4.3 ms: what 500 B take at half of it."""
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
            description="What the site's uplink carries in its worst hours, kbit/s, above 0; it is not learnt. Below "
            "2000 segments are made small, so that one of ours keeps a packet of the business waiting for less; below "
            "about 900 sending also stops for its calls"
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
            description="Patience for full stops while calls of the business are in flight and something waits, ms, "
            "0 to 60000; a tenth of all other time comes back. Without it sending goes on, slower with each call in "
            "flight. 0: sending never stops",
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
    month_mb: Annotated[
        Annotated[float, msgspec.Meta(gt=0, le=1e9)] | None,
        msgspec.Meta(
            description="What a billing month may cost, MB (1,000,000 B) of packets in both directions, above 0; "
            "absent: no limit. It is counted either way"
        ),
    ] = None
    month_day: Annotated[
        int, msgspec.Meta(description="Day on which the billing month begins, UTC, 1 to 28", ge=1, le=28)
    ] = 1
    reserve: Annotated[
        float,
        msgspec.Meta(
            description="Share of `month_mb` that is kept for alarms, receipts of commands and all that the links in "
            "`first` have, 0 to 0.9; samples stay in the outbox from there on",
            ge=0,
            le=0.9,
        ),
    ] = 0.05
    ladder: Annotated[
        tuple[Literal["deadband", "bounded", "minute"], ...],
        msgspec.Meta(
            description="How far samples may be thinned before they are sent, when month or rate do not suffice; "
            "empty: not at all"
        ),
    ] = ("deadband", "bounded", "minute")
    backlog_s_max: Annotated[
        float,
        msgspec.Meta(
            description="When what waits would take longer to send than this, a rung further is taken, s, 1 to 604800",
            ge=1,
            le=604_800,
        ),
    ] = 3600.0
    dwell_s: Annotated[
        float,
        msgspec.Meta(
            description="How long a rung is kept before the next one, and a quarter of how long before it is left, "
            "s, 1 to 86400",
            ge=1,
            le=86_400,
        ),
    ] = 900.0
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
    def link_bytes_s(self) -> float:
        """What the uplink carries, bytes a second: as told, or else twice what may be sent."""
        return 2 * self.ceiling_bytes_s if self.link_kbit_s is None else self.link_kbit_s * 125.0

    @property
    def is_slow(self) -> bool:
        """Whether a large segment takes noticeable time on the uplink, as far as is known."""
        return self.link_bytes_s < SLOW_KBIT_S * 125.0

    @property
    def segment_bytes_max(self) -> int | None:
        """The largest TCP segment; None for the path's own."""
        return self.segment_bytes or (_SEGMENT_BYTES if self.is_slow else None)

    @property
    def limit_bytes(self) -> int | None:
        """What a month may cost, bytes."""
        return None if self.month_mb is None else int(self.month_mb * 1_000_000)

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """How far samples may be thinned."""
        return tuple(Rung[name.upper()] for name in self.ladder)

    def check(self, links: Iterable[str]) -> None:
        """Compare with the links there are.

        Raises:
            IsolaneError: `first` names one that is not there.
        """
        unknown = sorted(set(self.first) - set(links))
        if unknown:
            raise IsolaneError(f"[health.budget] first names {unknown[0]!r}, which is no link", "name a link's `name`")
