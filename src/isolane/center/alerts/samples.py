"""This file watches signals; it guards that only what was measured, and measured lately, raises or ends anything.

It asks the store's series, step by step, for what has come since it last looked. A step without a GOOD sample is no
value: BAD samples, held ones and gaps neither raise nor end. Rows older than what was looked at, or than `late_s`, are
the past and no alert. A thinned row is true within the bound that its block states, and counts as a row.

A condition that stood when the center started goes on until a value is seen that ends it. A run that takes longer than
a device is read back is remembered, so that a restart does not begin it anew.

Work is bounded: at most `devices_max` devices a pass, those first that have waited longest. An idle condition is not
kept in memory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from isolane.center.alerts.conditions import Limits, Side, State, Window, step
from isolane.center.alerts.findings import Finding, Findings, Key
from isolane.center.alerts.rules import AbsenceRule, HealthRule, RateRule, Sampled
from isolane.center.alerts.scene import Device, Scene
from isolane.center.alerts.subjects import GATEWAY_PREFIX, Place, signal_subject, takes_device, takes_signal
from isolane.center.alerts.wording import duration, quantity
from isolane.center.store.port import Telemetry, UnavailableError
from isolane.center.store.views import SeriesQuery, SignalSeries

_MS = 1000
_AHEAD_MS = 60_000
"""How far a device's clock may be ahead of the center's."""
_POINTS_MAX = 5000
_LOOKBACK_S_MAX = 3600.0
SD_SUFFIX = "Std"
"""The signal of a state of health's standard deviation is called like it, with this at the end."""

_IDLE = State()

Watched = Sampled | AbsenceRule


@dataclass(slots=True)
class _Watch:
    """One rule on one signal. `born_ms` is the first row that it saw, `good_ms` the newest GOOD one."""

    rule: Watched
    place: Place
    unit: str
    state: State = _IDLE
    window: Window | None = None
    born_ms: int = 0
    good_ms: int = 0
    value: float | None = None


@dataclass(slots=True)
class Looked:
    """What a pass did: devices looked at, devices left for the next, questions that failed, longest wait of those."""

    devices: int = 0
    behind: int = 0
    failed: int = 0
    lag_ms: int = 0


class SampleWatch:
    """Holds the conditions of all rules that look at samples.

    Args:
        rules: Threshold, rate and health rules, and absences of signals.
        telemetry: Port of the store.
        started_ms: When the center began to listen.
        devices_max: Devices a pass.
        late_s: Rows older than that are the past, s.
    """

    def __init__(
        self,
        rules: Iterable[Watched],
        telemetry: Telemetry,
        started_ms: int,
        *,
        devices_max: int = 500,
        late_s: float = 300.0,
    ) -> None:
        self._rules = tuple(rules)
        self._telemetry = telemetry
        self._started_ms = started_ms
        self._devices_max = devices_max
        self._late_ms = int(late_s * _MS)
        longest = max((_reach_s(rule) for rule in self._rules), default=0.0)
        self._lookback_ms = int(min(_LOOKBACK_S_MAX, max(late_s, longest + 60)) * _MS)
        self._watches: dict[Key, _Watch] = {}
        self._cursor_ms: dict[Device, int] = {}
        self._seen_ms: dict[Device, int] = {}
        self._standing: set[Key] = set()
        self._recalled: dict[Key, int] = {}
        self._remembered: dict[Key, int] = {}

    def recall(self, standing: Iterable[Key], memories: Mapping[Key, Mapping[str, Any]]) -> None:
        """Say which alerts stood when the center started, and what was remembered."""
        own = {rule.id for rule in self._rules}
        self._standing = {key for key in standing if key[0] in own}
        self._recalled = {key: int(told["since_ms"]) for key, told in memories.items() if "since_ms" in told}
        self._remembered = dict(self._recalled)

    async def look(self, scene: Scene) -> Looked:
        """Read what has come, of as many devices as a pass may."""
        out = Looked()
        if not self._rules:
            return out
        devices = scene.devices().items()
        known = [(self._seen_ms.get(device, 0), device, *contact) for device, contact in devices]
        due = sorted(each for each in known if each[3] > each[0])
        for _, device, gateway, seen_ms in due[: self._devices_max]:
            try:
                await self._read(scene.now_ms, device, gateway)
            except (OSError, UnavailableError):
                out.failed += 1
                continue
            self._seen_ms[device] = seen_ms
            out.devices += 1
        left = due[self._devices_max :]
        out.behind = len(left)
        out.lag_ms = max((scene.now_ms - max(old, self._started_ms) for old, *_ in left), default=0)
        return out

    async def _read(self, now_ms: int, device: Device, gateway: str) -> None:
        site, name = device
        rules = [rule for rule in self._rules if takes_device(rule, site, name)]
        signals = await self._telemetry.signals(site, name) if rules else []
        wanted = {one.key: [rule for rule in rules if takes_signal(rule, one.key)] for one in signals}
        wanted = {key: mine for key, mine in wanted.items() if mine}
        if not wanted:
            return
        spreads = {key: f"{key}{SD_SUFFIX}" for key, mine in wanted.items() if any(map(_needs_sd, mine))}
        cursor_ms = self._cursor_ms.get(device)
        from_ms = now_ms - self._lookback_ms if cursor_ms is None else max(cursor_ms, now_ms - self._late_ms)
        to_ms = now_ms + _AHEAD_MS
        points = min(_POINTS_MAX, (to_ms - from_ms) // _MS + 2)
        keys = tuple(dict.fromkeys([*wanted, *spreads.values()]))
        series = await self._telemetry.series(SeriesQuery(site, name, keys, from_ms, to_ms, points))
        told = {one.signal: one for one in series.signals}
        for key, mine in wanted.items():
            place = Place(signal_subject(site, name, key), site, gateway, name, key)
            for rule in mine:
                if key in told:
                    self._feed(rule, place, told[key], told.get(spreads.get(key, "")))
        newest = max((one.t_ms[-1] for one in series.signals if one.t_ms), default=from_ms)
        self._cursor_ms[device] = max(cursor_ms or 0, newest)

    def _feed(self, rule: Watched, place: Place, series: SignalSeries, spread: SignalSeries | None) -> None:
        key = (rule.id, place.subject)
        values = values_of(rule, series)
        watch = self._watches.get(key)
        if watch is None:
            watch = _Watch(rule, place, series.unit, born_ms=series.t_ms[0] if series.t_ms else 0)
            if values:
                watch.state = self._begin(key, values[0][0])
        if values:
            watch.good_ms, watch.value, watch.unit = int(values[-1][0]), values[-1][1], series.unit
            self._standing.discard(key)
        if isinstance(rule, AbsenceRule):
            if watch.born_ms or values:
                self._watches[key] = watch
            return
        if isinstance(rule, RateRule):
            watch.window = watch.window or Window(rule.window_s * _MS)
            slopes = [(t_ms, watch.window.add(t_ms, value)) for t_ms, value in values]
            values = [(t_ms, value) for t_ms, value in slopes if value is not None]
        limits = limits_of(rule)
        for t_ms, value in _surely(rule, values, spread):
            watch.state = step(watch.state, limits, t_ms, value)
        if watch.state.rising or watch.state.pending or watch.window is not None:
            self._watches[key] = watch
        else:
            self._watches.pop(key, None)

    def _begin(self, key: Key, first_ms: float) -> State:
        """Give the state that a condition begins with."""
        if key in self._standing:
            return State(rising=True)
        if key in self._recalled:
            return State(since_ms=self._recalled.pop(key), last_ms=first_ms - 1)
        return State()

    def tell(self, scene: Scene, findings: Findings) -> None:
        """Add every condition as it stands."""
        findings.unknown |= self._standing
        for key, watch in self._watches.items():
            device = (watch.place.site, watch.place.device)
            finding = Finding(watch.rule, watch.place, self._facts(watch))
            if isinstance(watch.rule, AbsenceRule):
                quiet_ms = self._cursor_ms.get(device, 0) - max(watch.good_ms, watch.born_ms)
                if device in scene.mute:
                    findings.unknown.add(key)
                elif quiet_ms >= watch.rule.after_s * _MS:
                    findings.hold(finding)
            elif watch.state.rising:
                findings.hold(finding)
            elif watch.state.pending:
                findings.expect(finding)

    def memories(self) -> dict[Key, Mapping[str, Any] | None]:
        """Give what is to be remembered or forgotten since the last call; of long runs only."""
        runs = {
            key: int(watch.state.since_ms or 0)
            for key, watch in self._watches.items()
            if watch.state.pending and _reach_s(watch.rule) > _LOOKBACK_S_MAX / 2
        } | self._recalled
        out: dict[Key, Mapping[str, Any] | None] = dict.fromkeys(self._remembered.keys() - runs.keys())
        out |= {key: {"since_ms": since} for key, since in runs.items() if self._remembered.get(key) != since}
        self._remembered = runs
        return out

    def _facts(self, watch: _Watch) -> dict[str, str]:
        rule, place = watch.rule, watch.place
        facts = {
            "rule": rule.id,
            "site": place.site,
            "gateway": place.gateway,
            "device": place.device.removeprefix(GATEWAY_PREFIX),
            "signal": place.signal,
            "value": quantity(watch.value, watch.unit),
        }
        if isinstance(rule, AbsenceRule):
            quiet_ms = self._cursor_ms.get((place.site, place.device), 0) - max(watch.good_ms, watch.born_ms)
            return {**facts, "limit": duration(rule.after_s), "duration": duration(quiet_ms / _MS)}
        unit = f"{watch.unit}/s" if isinstance(rule, RateRule) else watch.unit
        if isinstance(rule, RateRule):
            facts["value"] = quantity(watch.state.value, unit)
        return {**facts, "limit": quantity(limits_of(rule).limit, unit), "duration": duration(rule.for_s)}


def values_of(rule: Watched, series: SignalSeries) -> list[tuple[float, float]]:
    """Give what counts as a value of a series: of steps with a GOOD sample the mean, or the worst if none must last."""
    picked = series.mean
    if not isinstance(rule, AbsenceRule) and not rule.for_s and not isinstance(rule, RateRule):
        picked = series.max if limits_of(rule).side == "above" else series.min
    points = zip(series.t_ms, picked, series.good, strict=True)
    return [(float(t_ms), value) for t_ms, value, good in points if good and value is not None]


def limits_of(rule: Sampled) -> Limits:
    """Give what a rule holds values against; without `clear` it ends at the limit itself."""
    above = None if isinstance(rule, HealthRule) else rule.above
    limit = above if above is not None else rule.below
    if limit is None:
        raise ValueError(f"rule {rule.id} has no limit")
    clear = limit if rule.clear is None else rule.clear
    side: Side = "above" if above is not None else "below"
    return Limits(side, limit, clear, rule.for_s * _MS, rule.clear_for_s * _MS, rule.gap_s * _MS)


def _surely(rule: Sampled, values: list[tuple[float, float]], spread: SignalSeries | None) -> list[tuple[float, float]]:
    """Add to a state of health so many standard deviations that it is surely not better; others as they are."""
    if not isinstance(rule, HealthRule) or spread is None or not rule.sure_sd:
        return values
    sds = dict(zip(spread.t_ms, spread.mean, strict=True))
    return [(t_ms, value + rule.sure_sd * (sds.get(int(t_ms)) or 0.0)) for t_ms, value in values]


def _needs_sd(rule: Watched) -> bool:
    return isinstance(rule, HealthRule) and rule.sure_sd > 0


def _reach_s(rule: Watched) -> float:
    """Give how far back a rule looks, s."""
    if isinstance(rule, AbsenceRule):
        return 0.0
    return max(rule.for_s, rule.clear_for_s, rule.window_s if isinstance(rule, RateRule) else 0.0)
