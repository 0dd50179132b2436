"""This file compares reports with what the simulator did; it guards that a month is computed as its cars lived it.

Days of two simulated chargers run without a clock: their states become samples in the store, second by second; what the
bays say of cars, energy and times is the truth the report is held against.
"""

import random
from dataclasses import dataclass, field

import numpy as np
import pytest

from isolane.center.kpis.attempts import ENERGY_S_MIN, ENERGY_WH_MIN
from isolane.center.store.kpi_views import ExclusionReason, Grouping
from isolane.sim.chargers.bay import Bay, Phase
from isolane.sim.physics.ac_station import AcStation
from isolane.sim.physics.dc_station import DcStation
from isolane.sim.physics.faults import Fault
from isolane.sim.physics.surroundings import Weather
from isolane.sim.physics.visits import draw_visit
from support.kpi_world import DAY_MS, FIRST_DAY, LINK, POWER, REQUESTED, STATE, TRANSACTION, World

DAY_S = 86_400
HOUR_MS = 3_600_000
MONTH = "2026-09"
OCCUPIED = 9
FLOW_W = 100.0


@dataclass
class Stay:
    """One car, as its bay tells of it."""

    from_s: int
    to_s: int = -1
    started: bool = False
    flow_s: int = 0
    energy_wh: float = 0.0

    @property
    def energy(self) -> bool:
        return self.flow_s >= ENERGY_S_MIN or self.energy_wh >= ENERGY_WH_MIN


@dataclass
class Lived:
    """What happened at a bay, and its tracks."""

    stays: list[Stay] = field(default_factory=list)
    tracks: dict[str, np.ndarray] = field(default_factory=dict)


def live(kind: str, seed: int, days: int, faults: list[Fault]) -> Lived:
    """Let cars come and go for some days; every fifth card is refused."""
    rng = random.Random(seed)
    weather = Weather()
    station: AcStation | DcStation = (AcStation if kind == "ac22" else DcStation)(seed, weather, faults)
    slow = kind == "ac22"
    bay = Bay(
        station,
        read=dict,
        draw=lambda: draw_visit(rng, 0.3, slow=slow),
        tokens=("T",),
        gap_s=2400.0,
        meter_interval_s=1e9,
        rng=rng,
    )
    size = days * DAY_S
    phase, power = np.zeros(size), np.zeros(size)
    lived = Lived()
    for at in range(size):
        for event in bay.advance(1.0, 1.0):
            if event.kind == "plugged":
                lived.stays.append(Stay(at))
                bay.authorise(accepted=len(lived.stays) % 5 != 0)
            elif event.kind == "started":
                lived.stays[-1].started = True
            elif event.kind == "unplugged":
                lived.stays[-1].to_s = at
        phase[at], power[at] = bay.phase, round(station.power_w)
        if power[at] >= FLOW_W and lived.stays:
            lived.stays[-1].flow_s += 1
            lived.stays[-1].energy_wh += power[at] / 3600
    state = phase if slow else np.where(phase == Phase.AVAILABLE, 0, OCCUPIED)
    charging = (phase == Phase.CHARGING).astype(float)
    lived.tracks = {LINK: np.ones(size), STATE: state, TRANSACTION: charging, POWER: power}
    return lived


def counted(lived: Lived) -> tuple[int, int, int, int]:
    """Count the cars of September that have left: all, with a transaction, with energy flowing, charged enough."""
    own = [one for one in lived.stays if one.from_s >= DAY_S and one.to_s >= 0]
    return (
        len(own),
        sum(one.started for one in own),
        sum(one.flow_s > 0 for one in own),
        sum(one.energy for one in own),
    )


def visited(lived: Lived) -> tuple[int, int, int]:
    """Put cars together to visits by the definition: visits, first time, helped."""
    visits: list[list[Stay]] = []
    for one in lived.stays:
        last = visits[-1][-1] if visits else None
        if last is not None and not last.energy and one.from_s - last.to_s < 600:
            visits[-1].append(one)
        else:
            visits.append([one])
    own = [visit for visit in visits if visit[0].from_s >= DAY_S and visit[-1].to_s >= 0]
    return len(own), sum(visit[0].energy for visit in own), sum(visit[-1].energy for visit in own)


@pytest.fixture(scope="module")
def lived() -> dict[str, Lived]:
    """Two days of an AC and a DC charger; the DC charger has no supply for a part of the second day."""
    no_phase = Fault("phase_loss", 1, start_s=DAY_S + 30_000, end_s=DAY_S + 60_000)
    return {"AC-1": live("ac22", 3, 2, []), "DC-1": live("dc150", 4, 2, [no_phase])}


OFFLINE_S = (DAY_S + 3600, DAY_S + 5400)
"""Second day, in which no car of the AC charger is cut: see the test."""


async def fill(world: World, lived: dict[str, Lived]) -> None:
    for charger, one in lived.items():
        await world.lay(charger, FIRST_DAY * DAY_MS, one.tracks)
    await world.telemetry.roll(FIRST_DAY * DAY_MS + 90 * DAY_MS)
    await world.keeper.compute((FIRST_DAY + 2) * DAY_MS + HOUR_MS)


async def test_sessions_are_those_of_the_simulator(world: World, lived: dict[str, Lived]) -> None:
    await fill(world, lived)
    report = await world.reports.report(MONTH, Grouping.PORT)
    assert [line.charger for line in report.lines] == ["AC-1", "DC-1"]
    for line in report.lines:
        one = lived[line.charger]
        assert (line.attempts, line.authorised, line.started, line.energy) == counted(one)
        visits, first_time, helped = visited(one)
        assert line.visits == visits
        assert line.first_time_percent == pytest.approx(first_time / visits * 100, abs=1e-4)
        assert line.visit_percent == pytest.approx(helped / visits * 100, abs=1e-4)
        # Who was there at the first midnight or at the last instant was not wholly seen.
        still_there = sum(stay.to_s < 0 or stay.from_s < DAY_S <= stay.to_s for stay in one.stays)
        assert line.attempts_unseen == still_there
        energy_wh = sum(stay.energy_wh for stay in one.stays if stay.from_s >= DAY_S and stay.to_s >= 0)
        assert line.energy_kwh == pytest.approx(energy_wh / 1000, rel=2e-3)
        assert line.ended_well == line.energy
    ac, dc = report.lines
    assert ac.attempts > 8
    # Cars that came while a phase was away could start a transaction, and no energy flowed: no status said why.
    assert dc.started < dc.authorised < dc.attempts


async def test_uptime_of_the_simulator_and_its_evidence(world: World, lived: dict[str, Lived]) -> None:
    tracks = {key: track.copy() for key, track in lived["AC-1"].tracks.items()}
    free = np.flatnonzero(tracks[STATE] == Phase.AVAILABLE)
    begin = int(free[free >= DAY_S + 20_000][0])
    tracks[STATE][begin : begin + 300] = 4
    tracks[LINK][OFFLINE_S[0] : OFFLINE_S[1]] = 0
    for key in (STATE, TRANSACTION, POWER):
        tracks[key][OFFLINE_S[0] : OFFLINE_S[1]] = np.nan
        tracks[key][-600:] = np.nan
    await fill(world, {"AC-1": Lived(tracks=tracks)})
    evidence = await world.reports.evidence(MONTH, "depot", "AC-1", 1)
    assert evidence is not None
    line, t0 = evidence.line, FIRST_DAY * DAY_MS
    stretches = [((one.from_ms - t0) // 1000, (one.to_ms - t0) // 1000, one.kind) for one in evidence.stretches]
    assert stretches == [
        (*OFFLINE_S, "offline"),
        (begin, begin + 300, "faulted"),
        (2 * DAY_S - 600, stretches[-1][1], "unknown"),
    ]
    # Of the days after the second nothing came, and nobody computed them: unknown, too.
    assert stretches[-1][1] == (1 + evidence.days) * DAY_S
    assert (line.outage_min, line.offline_min, line.failures) == (35, 30, 1)
    assert line.mttr_h == pytest.approx(300 / 3600, abs=1e-4)
    assert (evidence.days_computed, evidence.signals) == (1, [LINK, STATE, TRANSACTION, POWER])
    assert line.total_min == evidence.days * 1440
    known_min = 1440 - 10
    assert line.known_percent == pytest.approx(known_min / line.total_min * 100, abs=1e-3)
    assert line.uptime_percent == pytest.approx((known_min - 35) / line.total_min * 100, abs=1e-3)
    assert line.uptime_percent_at_most == pytest.approx((line.total_min - 35) / line.total_min * 100, abs=1e-3)
    assert line.online_percent == pytest.approx((known_min - 35) / (known_min - 30) * 100, abs=1e-3)
    assert line.verdict == "not known"


def up(days: int) -> dict[str, np.ndarray]:
    size = days * DAY_S // 10
    return {LINK: np.ones(size), STATE: np.zeros(size)}


async def test_a_month_with_exclusions(world: World) -> None:
    """Two days down in September, one of them excluded, by the published equation."""
    tracks = up(31)
    begin = 10 * DAY_S // 10
    tracks[STATE][begin : begin + 2 * DAY_S // 10] = 4
    await world.lay("CP-1", FIRST_DAY * DAY_MS, tracks, step_ms=10_000)
    await world.keeper.compute((FIRST_DAY + 31) * DAY_MS + HOUR_MS)
    (line,) = (await world.reports.report(MONTH, Grouping.PORT)).lines
    assert (line.total_min, line.outage_min, line.excluded_min) == (43_200, 2880, 0)
    assert line.uptime_percent == line.uptime_percent_at_most == pytest.approx(100 * 28 / 30, abs=1e-4)
    assert (line.verdict, line.failures, line.mttr_h) == ("missed", 1, 48)
    day_ms = (FIRST_DAY + 10) * DAY_MS
    why = (ExclusionReason.UTILITY, "the grid's letter")
    made = await world.reports.exclude(("depot", "", 0), (day_ms, day_ms + DAY_MS), why, "A")
    (line,) = (await world.reports.report(MONTH, Grouping.PORT)).lines
    assert (line.outage_min, line.excluded_min) == (2880, 1440)
    assert line.uptime_percent == line.year_percent == pytest.approx(100 * 29 / 30, abs=1e-4)
    assert (line.failures, line.failures_excluded, line.mttr_h) == (0, 1, None)
    evidence = await world.reports.evidence(MONTH, "depot", "CP-1", 1)
    assert evidence is not None
    assert [one.excluded for one in evidence.stretches] == [["utility"]]
    assert evidence.exclusions == [made]
    # In October the same days count in the year, though not in the month.
    await world.lay("CP-1", (FIRST_DAY + 31) * DAY_MS, up(20), step_ms=10_000)
    await world.keeper.compute((FIRST_DAY + 51) * DAY_MS + HOUR_MS)
    (october,) = (await world.reports.report("2026-10", Grouping.PORT)).lines
    in_service = 30 + october.total_min / 1440
    assert october.uptime_percent_at_most == 100
    assert october.year_percent_at_most == pytest.approx(100 * (in_service - 1) / in_service, abs=1e-4)
    await world.reports.withdraw(made.number, "B")
    (october,) = (await world.reports.report("2026-10", Grouping.PORT)).lines
    assert october.year_percent_at_most == pytest.approx(100 * (in_service - 2) / in_service, abs=1e-4)
    assert (await world.reports.report("2025-01", Grouping.PORT)).lines == []
    assert await world.reports.evidence(MONTH, "depot", "CP-1", 2) is None


async def test_groups_and_nameplates(world: World) -> None:
    for charger in ("CP-1", "CP-2", "CP-3"):
        tracks = up(3)
        if charger == "CP-2":
            tracks[STATE][-DAY_S // 10 :] = 4
        power = np.full(3 * DAY_S // 10, 20_000.0)
        asked = np.full(3 * DAY_S // 10, 80_000.0)
        await world.lay(charger, FIRST_DAY * DAY_MS, {**tracks, POWER: power, REQUESTED: asked}, step_ms=10_000)
    now_ms = (FIRST_DAY + 3) * DAY_MS + HOUR_MS
    await world.keeper.compute(now_ms)
    for charger, model, rated_w in (("CP-1", "M", 0), ("CP-2", "M", 0), ("CP-2", "N", 40_000)):
        await world.reports.name("depot", charger, FIRST_DAY * DAY_MS, (model, "1.2", rated_w), "A")
    assert await world.keeper.compute(now_ms) == 2
    expected: dict[Grouping, list[tuple[str, int]]] = {
        Grouping.PORT: [("depot / CP-1 / 1", 1), ("depot / CP-2 / 1", 1), ("depot / CP-3 / 1", 1)],
        Grouping.CHARGER: [("depot / CP-1", 1), ("depot / CP-2", 1), ("depot / CP-3", 1)],
        Grouping.SITE: [("depot", 3)],
        Grouping.MODEL: [("not entered", 1), ("M", 1), ("N", 1)],
        Grouping.FIRMWARE: [("not entered", 1), ("M 1.2", 1), ("N 1.2", 1)],
    }
    for by, names in expected.items():
        report = await world.reports.report(MONTH, by)
        assert [(line.name, line.ports) for line in report.lines] == names
        assert sum(line.outage_min for line in report.lines) == 1440
    report = await world.reports.report(MONTH, Grouping.CHARGER)
    assert [line.delivery_percent for line in report.lines] == [25, 50, 25]
    (site,) = (await world.reports.report(MONTH, Grouping.SITE)).lines
    assert site.online_percent == pytest.approx(100 * 5 / 6, abs=1e-4)
    assert (await world.reports.report(MONTH, Grouping.SITE, frozenset({"harbour"}))).lines == []
    assert await world.reports.nameplates(frozenset({"harbour"})) == []
    assert len(await world.reports.nameplates()) == 3


async def test_what_is_no_month(world: World) -> None:
    for month in ("2026-13", "september", "2026-9", "1999-01", "2026-09-01"):
        with pytest.raises(ValueError, match="is no month"):
            await world.reports.report(month, Grouping.PORT)
