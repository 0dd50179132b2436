"""This file watches for drifts; it guards that every step of a signal is fed to its CUSUM once, also across restarts.

A feature is the mean of a signal over one step of the UTC grid, taken once the step has been over for a while, so that
what comes late is in it. A step of which less than half is covered by GOOD samples is no feature. The state is
remembered with the time of the next step in one piece.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from isolane.center.alerts.cusum import Drift, Scheme, feed
from isolane.center.alerts.findings import Finding, Findings, Key
from isolane.center.alerts.rules import CusumRule
from isolane.center.alerts.scene import Device, Scene
from isolane.center.alerts.subjects import GATEWAY_PREFIX, Place, signal_subject, takes_device, takes_signal
from isolane.center.alerts.wording import duration, quantity
from isolane.center.store.port import Telemetry, UnavailableError
from isolane.center.store.views import SeriesQuery, SignalSeries

_MS = 1000
_STEPS_MAX = 48
"""Steps that one question asks for: two days of hours, after which it goes on with the next pass."""
_LATE_S_MAX = 900.0
_MINUTE_MS = 60_000
_MEET_MS, _MEET_MAX = 600_000, 500
"""How often a device is asked for new signals, and how many devices are in a pass."""


@dataclass(slots=True)
class _Track:
    """A CUSUM and what it is of."""

    rule: CusumRule
    place: Place
    drift: Drift
    unit: str = ""
    value: float | None = None


class DriftWatch:
    """Holds the CUSUMs.

    Args:
        rules: CUSUM rules.
        telemetry: Port of the store.
        questions_max: Series that are asked for in a pass.
    """

    def __init__(self, rules: Iterable[CusumRule], telemetry: Telemetry, *, questions_max: int = 50) -> None:
        self._rules = tuple(rules)
        self._telemetry = telemetry
        self._questions_max = questions_max
        self._tracks: dict[Key, _Track] = {}
        self._recalled: dict[Key, Drift] = {}
        self._moved: set[Key] = set()
        self._met_ms: dict[Device, int] = {}

    def recall(self, memories: Mapping[Key, Mapping[str, Any]]) -> None:
        """Take up what was remembered."""
        own = {rule.id for rule in self._rules}
        self._recalled = {key: Drift(**told) for key, told in memories.items() if key[0] in own and "next_ms" in told}

    async def look(self, scene: Scene) -> int:
        """Feed steps that are over; gives how many questions failed."""
        if not self._rules:
            return 0
        await self._meet(scene)
        due = [track for track in self._tracks.values() if self._is_due(track, scene.now_ms)]
        due.sort(key=lambda track: track.drift.next_ms)
        failed = 0
        for track in due[: self._questions_max]:
            try:
                await self._read(track, scene.now_ms)
            except (OSError, UnavailableError):
                failed += 1
        return failed

    async def _meet(self, scene: Scene) -> None:
        """Begin a CUSUM for every signal that has none, of as many devices as a pass may."""
        stale_ms = scene.now_ms - _MEET_MS
        devices = scene.devices().items()
        unmet = [(self._met_ms.get(device, 0), device, gateway) for device, (gateway, _) in devices]
        for met_ms, (site, name), gateway in sorted(unmet)[:_MEET_MAX]:
            if met_ms > stale_ms:
                break
            self._met_ms[site, name] = scene.now_ms
            rules = [rule for rule in self._rules if takes_device(rule, site, name)]
            if not rules:
                continue
            for signal in await self._telemetry.signals(site, name):
                subject = signal_subject(site, name, signal.key)
                for rule in rules:
                    key = (rule.id, subject)
                    if key not in self._tracks and takes_signal(rule, signal.key):
                        every_ms = int(rule.every_s * _MS)
                        begin = Drift(next_ms=scene.now_ms // every_ms * every_ms)
                        place = Place(subject, site, gateway, name, signal.key)
                        self._tracks[key] = _Track(rule, place, self._recalled.pop(key, begin), signal.unit)

    @staticmethod
    def _is_due(track: _Track, now_ms: int) -> bool:
        every_s = track.rule.every_s
        return now_ms >= track.drift.next_ms + (every_s + min(every_s, _LATE_S_MAX)) * _MS

    async def _read(self, track: _Track, now_ms: int) -> None:
        rule, place, from_ms = track.rule, track.place, track.drift.next_ms
        every_ms = int(rule.every_s * _MS)
        over_ms = now_ms - int(min(rule.every_s, _LATE_S_MAX) * _MS)
        count = min(_STEPS_MAX, (over_ms - from_ms) // every_ms)
        to_ms = from_ms + count * every_ms
        points = max(2, (to_ms - from_ms) // _MINUTE_MS)
        query = SeriesQuery(place.site, place.device, (place.signal,), from_ms, to_ms, points)
        series = await self._telemetry.series(query)
        drift, scheme = track.drift, scheme_of(rule)
        told = series.signals[0] if series.signals else SignalSeries(place.signal, "", 0.0)
        for feature in features(told, series.step_ms, (from_ms, every_ms, count)):
            if feature is not None:
                drift = feed(drift, scheme, feature)
                track.value = feature
        track.drift = replace(drift, next_ms=to_ms)
        track.unit = told.unit or track.unit
        self._moved.add((rule.id, place.subject))

    def tell(self, findings: Findings) -> None:
        """Add every drift that is there."""
        findings.unknown |= {key for key, drift in self._recalled.items() if drift.rising}
        for track in self._tracks.values():
            if track.drift.rising:
                findings.hold(Finding(track.rule, track.place, _facts(track)))

    def reset(self, keys: Iterable[Key]) -> None:
        """Begin sums anew, because a person has closed the alert: the part was seen to."""
        for key in keys:
            track = self._tracks.get(key)
            if track is not None and track.drift.rising:
                track.drift = replace(track.drift, up=0.0, down=0.0, run=0, rising=False)
                self._moved.add(key)

    def memories(self) -> dict[Key, Mapping[str, Any] | None]:
        """Give the states that have moved since they were kept."""
        return {key: asdict(self._tracks[key].drift) for key in self._moved}

    def kept(self) -> None:
        """Say that the memories are durable."""
        self._moved.clear()


def scheme_of(rule: CusumRule) -> Scheme:
    """Give the scheme of a rule."""
    return Scheme(rule.baseline, rule.k, rule.h, rule.clear, rule.side, rule.persist, rule.winsor, rule.sd_min)


def features(series: SignalSeries, step_ms: int, grid: tuple[int, int, int]) -> list[float | None]:
    """Give the mean of every step of a grid; None where less than half of it is covered by GOOD samples.

    Args:
        series: Finer than the grid, or as fine.
        step_ms: Of the series.
        grid: Begin, length of a step, number of steps.
    """
    from_ms, every_ms, count = grid
    total, good, covered_ms = [0.0] * count, [0] * count, [0] * count
    for t_ms, mean, samples in zip(series.t_ms, series.mean, series.good, strict=True):
        at = (t_ms - from_ms) // every_ms
        if samples and mean is not None and 0 <= at < count:
            total[at] += mean * samples
            good[at] += samples
            covered_ms[at] += min(step_ms, every_ms)
    return [total[at] / good[at] if 2 * covered_ms[at] >= every_ms else None for at in range(count)]


def _facts(track: _Track) -> dict[str, str]:
    rule, drift, place = track.rule, track.drift, track.place
    scheme = scheme_of(rule)
    return {
        "rule": rule.id,
        "site": place.site,
        "gateway": place.gateway,
        "device": place.device.removeprefix(GATEWAY_PREFIX),
        "signal": place.signal,
        "value": quantity(track.value if track.value is not None else drift.mean, track.unit),
        "limit": quantity(drift.mean, track.unit),
        "sd": quantity(drift.sd(scheme), track.unit),
        "duration": duration(rule.every_s),
    }
