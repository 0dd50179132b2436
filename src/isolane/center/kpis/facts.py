"""This file says what is kept of a day; it guards that a day's facts come from its runs and the days beside, only.

An outage or an attempt that crosses midnight needs the day after and the day before. So a day's facts are made of three
days' runs, and made again when one of the three changes.
"""

from collections.abc import Mapping, Sequence

import msgspec

from isolane.center.kpis.attempts import Attempt, attempts_of, visits
from isolane.center.kpis.day import PortDay
from isolane.center.kpis.outages import Outage, outages_of
from isolane.center.kpis.spans import Span, Spans, length_ms
from isolane.center.kpis.timeline import DAY_MS, Run, when, without_holes


class DayRuns(msgspec.Struct, frozen=True, array_like=True):
    """What was read of a port's day; seconds count from its begin.

    Attributes:
        runs: (begin s, link, state, station, transaction, flow, energy Wh); each ends where the next begins.
        delivered_wh: See `PortDay`.
        requested_wh: See `PortDay`.
    """

    runs: list[tuple[int, int, int, int, int, int, float]]
    delivered_wh: float
    requested_wh: float


class DayFacts(msgspec.Struct, frozen=True, array_like=True):
    """What figures need of a port's day; times are UTC ms, within the day but for the ends of attempts.

    Attributes:
        down: When it was connected and not up.
        offline: When it was not connected.
        unknown: When nobody knows.
        outages: `down` once more, with what is known of each; those that touch midnight go on in the day beside.
        attempts: Those that began in the day.
        delivered_wh: See `PortDay`.
        requested_wh: See `PortDay`.
    """

    down: Spans
    offline: Spans
    unknown: Spans
    outages: list[Outage]
    attempts: list[Attempt]
    delivered_wh: float
    requested_wh: float


_READ_RUNS = msgspec.json.Decoder(DayRuns)
_READ_FACTS = msgspec.json.Decoder(DayFacts)
write = msgspec.json.encode
"""Writes either."""


def read_facts(text: bytes) -> DayFacts:
    """Undo `write`."""
    return _READ_FACTS.decode(text)


def kept_runs(day: PortDay) -> DayRuns:
    """Shorten a day's runs for keeping."""
    begin = day.runs[0].from_ms
    rows = [
        ((run.from_ms - begin) // 1000, run.link, run.state, run.station, run.transaction, run.flow, run.energy_wh)
        for run in day.runs
    ]
    return DayRuns(rows, day.delivered_wh, day.requested_wh)


def port_day(port: int, day: int, text: bytes) -> PortDay:
    """Undo `kept_runs` and `write`."""
    kept = _READ_RUNS.decode(text)
    begin = day * DAY_MS
    starts = [begin + row[0] * 1000 for row in kept.runs]
    ends = [*starts[1:], begin + DAY_MS]
    runs = [Run(start, end, *row[1:]) for start, end, row in zip(starts, ends, kept.runs, strict=True)]
    return PortDay(port, runs, kept.delivered_wh, kept.requested_wh)


def facts_of(day: int, around: Mapping[int, Mapping[int, PortDay]]) -> dict[int, DayFacts]:
    """Make the facts of a charger's day.

    Args:
        day: Which.
        around: By port, by day: what is known of the day, the one before and the one after.

    Returns:
        By port, for the ports that have that day.
    """
    begin, end = day * DAY_MS, (day + 1) * DAY_MS
    whole = {
        port: without_holes(
            [run for at in (day - 1, day, day + 1) if at in days for run in days[at].runs],
            begin - DAY_MS,
            end + DAY_MS,
        )
        for port, days in around.items()
    }
    attempts = visits([one for port, runs in whole.items() for one in attempts_of(port, runs)])
    out = {}
    for port, days in around.items():
        if day in days:
            own = [one for one in attempts if one.port == port and begin <= one.from_ms < end]
            out[port] = _facts(days[day], whole[port], (begin, end), own)
    return out


def _facts(one: PortDay, whole: Sequence[Run], span: Span, attempts: list[Attempt]) -> DayFacts:
    down, offline, unknown = (when(one.runs, condition) for condition in ("down", "offline", "unknown"))
    outages = []
    for outage in outages_of(whole):
        begin, end = max(outage.from_ms, span[0]), min(outage.to_ms, span[1])
        if begin < end:
            begun = outage.begun and outage.from_ms >= span[0]
            ended = outage.ended and outage.to_ms <= span[1]
            outages.append(Outage(begin, end, outage.fault, begun, ended))
    return DayFacts(down, offline, unknown, outages, attempts, one.delivered_wh, one.requested_wh)


def up_ms(facts: DayFacts) -> int:
    """Give how long the port was up that day, ms."""
    return DAY_MS - sum(length_ms(spans) for spans in (facts.down, facts.offline, facts.unknown))
