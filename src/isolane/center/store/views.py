"""This file defines what readers of the store get to see; it guards that a missing value is None, never a zero.

All times are UTC in ms. A *device* is a charger identity or ``gateway:<name>``.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class GatewayEntry:
    """A gateway, its first and last contact."""

    gateway: str
    first_seen_ms: int
    last_seen_ms: int


@dataclass(frozen=True, slots=True)
class SiteEntry:
    """A site, its gateways and how many chargers they have named."""

    site: str
    gateways: list[GatewayEntry]
    chargers: int


@dataclass(frozen=True, slots=True)
class ChargerEntry:
    """A charger as the catalogue knows it."""

    site: str
    gateway: str
    charger: str
    first_seen_ms: int


@dataclass(frozen=True, slots=True)
class ChargerSummary:
    """One charger at a glance.

    Attributes:
        site: Site name.
        gateway: Gateway that sent the newest block.
        charger: Identity.
        last_seen_ms: When the newest block arrived here; 0 before the first.
        online: A block arrived within the settings' `offline_after_s`.
        state: "available", "preparing", "charging", "suspended", "finishing", "occupied", "reserved", "unavailable",
            "faulted" or "unknown".
        power_w: DC or AC power to the vehicles, sum of outlets; None when no such signal has a value.
        temperature_max_c: Hottest temperature signal; None without one.
        signals: How many signals the charger has.
        bad_signals: How many of them have no value now.
        stale_signals: How many of them are held.
        session_active: Whether a transaction runs at an outlet; None when not known.
        power_recent_w: Mean power of each of the last 60 minutes, oldest first, None where nothing arrived.
    """

    site: str
    gateway: str
    charger: str
    last_seen_ms: int
    online: bool
    state: str
    power_w: float | None
    temperature_max_c: float | None
    signals: int
    bad_signals: int
    stale_signals: int
    session_active: bool | None
    power_recent_w: list[float | None]


@dataclass(frozen=True, slots=True)
class SignalNow:
    """A signal and its last sample; quality is "good", "stale" or "bad", reason as in core.samples, lower case."""

    key: str
    unit: str
    resolution: float
    t_ms: int
    value: float | None
    quality: str
    reason: str


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """Which part of which signals.

    Attributes:
        site: Site name.
        device: Charger identity or ``gateway:<name>``.
        signals: Keys.
        from_ms: First instant wanted.
        to_ms: First instant no longer wanted; greater than `from_ms`.
        points: About how many points each signal may have at most; the step is chosen for it.
    """

    site: str
    device: str
    signals: tuple[str, ...]
    from_ms: int
    to_ms: int
    points: int


@dataclass(frozen=True, slots=True)
class GapRange:
    """When a signal lacks values, and why: reasons of BAD samples, of gap records ("outbox-full"), or "absent"."""

    from_ms: int
    to_ms: int
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class ThinnedRange:
    """When a signal was thinned on its gateway before it was sent.

    Attributes:
        from_ms: Beginning of the first step concerned.
        to_ms: End of the last one.
        rungs: How: "deadband" and "bounded" give values back within `bound`; of "minute" a step is a minute's
            least, mean and greatest value.
        bound: Greatest error of min, mean and max, in the unit; 0 where they are exact, as of states and of minutes.
    """

    from_ms: int
    to_ms: int
    rungs: list[str]
    bound: float


@dataclass(frozen=True, slots=True)
class SignalSeries:
    """One signal over time: parallel lists, a point per step that has samples, ascending.

    Where samples are missing, one point with None and counts 0 marks the break, so that a line drawn through the points
    does not cross it. mean, min and max are over samples that have a value (GOOD and STALE).

    Attributes:
        signal: Key.
        unit: Unit, "" for none or unknown.
        resolution: Smallest step of the value, in the unit; 0 when the signal has none, or is unknown.
        t_ms: Beginning of each step.
        mean: Mean of the values, None without one.
        min: Least value.
        max: Greatest value.
        good: Samples of quality GOOD.
        stale: Samples of quality STALE.
        bad: Samples of quality BAD.
        gaps: Where and why values are missing.
        thinned: Where values are not the samples themselves, and how far from them at most.
    """

    signal: str
    unit: str
    resolution: float
    t_ms: list[int] = field(default_factory=list)
    mean: list[float | None] = field(default_factory=list)
    min: list[float | None] = field(default_factory=list)
    max: list[float | None] = field(default_factory=list)
    good: list[int] = field(default_factory=list)
    stale: list[int] = field(default_factory=list)
    bad: list[int] = field(default_factory=list)
    gaps: list[GapRange] = field(default_factory=list)
    thinned: list[ThinnedRange] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Series:
    """Signals of one device over time, all on one step. Steps are aligned to UTC multiples of `step_ms`."""

    site: str
    device: str
    from_ms: int
    to_ms: int
    step_ms: int
    signals: list[SignalSeries]


@dataclass(frozen=True, slots=True)
class SequenceRange:
    """Blocks first to last, both included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class GapLine:
    """A gap record as it was received."""

    first: int
    last: int
    samples: int
    reason: str
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """The books of one (gateway, epoch, stream): the gateway's statement beside what the center has counted.

    Attributes:
        site: Site name.
        gateway: Gateway name.
        epoch: Start of the gateway's run, UTC ms.
        stream: Number of the stream.
        verdict: "balanced": every block is here or in a gap record, and both count the same samples; "pending": not so
            yet, and the gateway has samples queued; "hole": not so, and nothing is queued; "unstated": no statement.
        stated_at_ms: When the newest statement was made, None without one.
        last_sequence: Newest block by the statement (or by the center, without one).
        produced: By the statement, samples.
        acknowledged: By the statement, samples.
        queued: By the statement, samples.
        thinned: By the statement, samples.
        dropped: By the statement, samples by reason.
        blocks: Blocks the center has.
        samples: Samples in them.
        duplicates: Blocks that came again.
        size_bytes: Bytes of the blocks as received.
        bytes_per_sample: size_bytes / samples, None before the first.
        gaps: Gap records.
        holes: Blocks that are neither here nor in a gap record.
    """

    site: str
    gateway: str
    epoch: int
    stream: int
    verdict: str
    stated_at_ms: int | None
    last_sequence: int
    produced: int
    acknowledged: int
    queued: int
    thinned: int
    dropped: dict[str, int]
    blocks: int
    samples: int
    duplicates: int
    size_bytes: int
    bytes_per_sample: float | None
    gaps: list[GapLine]
    holes: list[SequenceRange]


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """Something that could not be read: from whom, what, why; `key` is "epoch/stream/sequence" or ""."""

    received_ms: int
    site: str
    gateway: str
    kind: str
    key: str
    reason: str
    size_bytes: int
