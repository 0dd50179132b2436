"""This file runs the models as the gateway does: rows in, samples and papers out, and nothing learnt lost."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from isolane.core.clock import SystemClock
from isolane.core.samples import Quality, Reading
from isolane.core.signals import Signal
from isolane.health.models import memory, renewals
from isolane.health.models.components.connector import ConnectorParameters
from isolane.health.models.rounds import BATCH_ROWS, Rounds
from isolane.health.models.settings import ModelSettings
from isolane.wire.health_paper import HEALTH, LEVEL, decode_health, decode_level

START_S = 1_700_000_400
KEYS = {
    "1.0/EVSE/DCCurrent": ("A", 0.1),
    "1.0/EVSE/DCVoltage": ("V", 0.1),
    "1.0/PowerContactor/Active": ("", 1.0),
    "1.0/PowerContactor/xCommand": ("", 1.0),
    "1.0/PowerContactor/xOutputVoltage": ("V", 0.1),
    "1.0/TemperatureSensor[ContactDCplus]/Temperature": ("Celsius", 0.1),
    "1.0/TemperatureSensor[ContactDCminus]/Temperature": ("Celsius", 0.1),
    "0.0/ExternalTemperatureSensor/Temperature": ("Celsius", 0.1),
    "1.0/EVSE/xOdd": ("", 0.0),
}
SIGNALS = tuple(Signal("CP1", key, unit, step) for key, (unit, step) in KEYS.items())
SETTINGS = ModelSettings(tell_s=10.0, connector=ConnectorParameters(tau_s=600.0))


class Outside:
    """Takes what the models give."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.times = 0
        self.papers: list[tuple[str, bytes, bool]] = []

    def emit(self, readings: Sequence[Reading]) -> None:
        self.readings = list(readings)
        self.times += 1

    def hand_in(self, kind: str, body: bytes, urgent: bool) -> None:  # noqa: FBT001 - as the port has it
        self.papers.append((kind, body, urgent))


def _row(
    current_a: float, rise_k: float, *, commanded: bool, closed: bool
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    volts = 400.0 if closed else 0.0
    values = [current_a * 10, volts * 10, closed, commanded, volts * 10, 200 + 10 * rise_k, 200 + 10 * rise_k, 200]
    return np.array([*map(round, values), np.float64(1.5).view(np.int64)], np.int64)


async def _run(rounds: Rounds, outside: Outside, rows: int, *, welded: bool = False, first: int = 0) -> None:
    rounds.outlets(outside.hand_in)
    task = asyncio.ensure_future(rounds.run(outside.emit))
    codes = np.zeros(len(SIGNALS), np.uint8)
    before, rise_k = rounds.counts["batches"], 0.0
    for at in range(first, first + rows):
        charging = 100 <= at % 1200 < 700
        current_a = 120.0 if charging and at % 1200 < 690 else 0.0
        rise_k += (1.0e-3 * current_a**2 - rise_k) / 600
        row = _row(current_a, rise_k, commanded=charging, closed=charging or (welded and at > 700))
        rounds.row((START_S + at) * 1000, row, codes)
        if at % BATCH_ROWS == BATCH_ROWS - 1:
            async with asyncio.timeout(30):
                while rounds.counts["batches"] < before + (at - first + 1) // BATCH_ROWS:
                    await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_rows_become_scores_that_are_samples(tmp_path: Path) -> None:
    rounds, outside = Rounds(SIGNALS, SETTINGS, tmp_path / "models", SystemClock()), Outside()
    keys = {signal.key for signal in rounds.signals}
    assert "1.0/PowerContactor/xSoH" in keys
    await _run(rounds, outside, 1200)
    assert {reading.signal for reading in outside.readings} == keys
    assert outside.times == 20  # once a minute
    assert all(reading.quality is Quality.GOOD or reading.value is None for reading in outside.readings)
    assert not [paper for paper in outside.papers if paper[0] == LEVEL]
    rounds.close()


async def test_a_weld_is_an_urgent_paper_at_once(tmp_path: Path) -> None:
    rounds, outside = Rounds(SIGNALS, SETTINGS, tmp_path / "models", SystemClock()), Outside()
    await _run(rounds, outside, 900, welded=True)
    notes = [decode_level(body) for kind, body, urgent in outside.papers if kind == LEVEL and urgent]
    (weld,) = [note for note in notes if "weld" in note.part.measure]
    assert (weld.part.charger, weld.part.place, weld.level) == ("CP1", "1.0", 4)
    assert weld.remedy.mrec == "CX017"
    assert START_S + 700 < weld.at_s < START_S + 730
    rounds.close()


async def test_what_was_learnt_outlives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "models"
    first, outside = Rounds(SIGNALS, SETTINGS, path, SystemClock()), Outside()
    await _run(first, outside, 2400)
    kept = {score.measure.name: score for _, score in first.stage.scores(START_S + 2400)}
    first.close()
    again = Rounds(SIGNALS, SETTINGS, path, SystemClock())
    await _run(again, Outside(), BATCH_ROWS, first=2400)
    for _, score in again.stage.scores(START_S + 2400):
        assert score.n_obs == kept[score.measure.name].n_obs
    assert any(score.n_obs for score in kept.values())
    again.close()


async def test_a_damaged_memory_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "models"
    path.write_bytes(b"\x93\x01\x02")
    assert memory.read(path) == {}
    assert (tmp_path / "models.damaged").exists()
    rounds = Rounds(SIGNALS, SETTINGS, path, SystemClock())
    await _run(rounds, Outside(), 20)
    assert memory.read(path)
    rounds.close()


async def test_a_disk_that_refuses_is_counted_and_nothing_ends(tmp_path: Path) -> None:
    rounds = Rounds(SIGNALS, SETTINGS, tmp_path / "no" / "models", SystemClock())
    await _run(rounds, Outside(), 20)
    assert rounds.counts["memories_not_written"] == 1
    rounds.close()


async def test_features_travel_with_their_scores(tmp_path: Path) -> None:
    class Quick(SystemClock):
        """A clock on which ten seconds pass with every look."""

        now = 0

        def mono_ns(self) -> int:
            self.now += 10_000_000_000
            return self.now

    rounds, outside = Rounds(SIGNALS, SETTINGS, tmp_path / "models", Quick()), Outside()
    await _run(rounds, outside, 2400)
    notes = [decode_health(body) for kind, body, urgent in outside.papers if kind == HEALTH and not urgent]
    features = [feature for note in notes for feature in note.features]
    assert features
    assert {feature.part.measure for feature in features} <= {s.part.measure for note in notes for s in note.scores}
    rounds.close()


async def test_a_part_that_was_replaced_is_learnt_anew(tmp_path: Path) -> None:
    path = tmp_path / "models"
    rounds = Rounds(SIGNALS, SETTINGS, path, SystemClock())
    await _run(rounds, Outside(), 2400)
    heating = [score for _, score in rounds.stage.scores(0) if score.measure.name.startswith("contact_heating")]
    assert all(score.n_obs for score in heating)
    folder = renewals.folder_of(path)
    renewals.leave(folder, renewals.Renewal("CP1", "1.0", "connector", "new cable"))
    (folder / "odd.json").write_bytes(b"{")
    await _run(rounds, Outside(), BATCH_ROWS, first=2400)
    heating = [score for _, score in rounds.stage.scores(0) if score.measure.name.startswith("contact_heating")]
    assert not any(score.n_obs for score in heating)
    assert list(folder.iterdir()) == []
    kept = memory.read(path)["CP1 1.0"]["connector/2"].courses
    assert not any(course.n_obs for course in kept.values())
    rounds.close()
