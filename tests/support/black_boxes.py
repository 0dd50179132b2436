"""This file feeds a black box by hand: a charger whose contactor opens under load, minutes of it in no time."""

from pathlib import Path

import numpy as np

from isolane.config.site import Site
from isolane.core.signals import Signal
from isolane.health.recorder.facts import Heard, Line
from isolane.health.recorder.keeper import Batch, Keeper
from isolane.health.recorder.row_detectors import RowDetectors
from isolane.health.recorder.rows import Row, Stream
from isolane.health.recorder.settings import RecorderSettings, RingSettings, TriggerSettings
from isolane.wire.schema import Schema
from isolane.wire.snapshot import Trigger
from isolane.wire.snapshot_file.manifest import Signs
from isolane.wire.tap_event import StatusChanged
from support.outboxes import GATEWAY, SITE, ManualClock

CURRENT, ACTIVE, DOOR = "1.1/EVSE/DCCurrent", "1.1/PowerContactor/Active", "0.0/CaseAccessSensor/Active"
SCHEMA = Schema.of(
    (
        Signal("CP-1", CURRENT, "A", 0.1),
        Signal("CP-1", ACTIVE, "", 1),
        Signal("CP-1", DOOR, "", 1),
        Signal("CP-2", CURRENT, "A", 0.1),
        Signal("CP-2", ACTIVE, "", 1),
        Signal("", "0.0/RealTimeClock/xOffset", "s", 1e-6),
    )
)
FAST = Schema.of((Signal("CP-1", "1.1/PowerContactor/xOutputVoltage", "V", 0.1),))
SLOW_STREAM, FAST_STREAM = Stream(0, SCHEMA, 1000), Stream(2, FAST, 100)
LOAD_A = 120.0


def settings(**changes: object) -> RecorderSettings:
    """Give small bounds."""
    usual: dict[str, object] = {"before_s": 60, "after_s": 30, "ring": RingSettings(minutes=5)}
    return RecorderSettings(**{**usual, **changes})  # type: ignore[arg-type]


class Plant:
    """A site of two chargers with a keeper; time passes only in `run`."""

    def __init__(
        self,
        folder: Path,
        table: RecorderSettings | None = None,
        signer: Signs | None = None,
        clock: ManualClock | None = None,
    ) -> None:
        self.clock = clock or ManualClock()
        self.table = table or settings()
        site = Site(name=SITE, gateway=GATEWAY, run_dir=folder)
        self.keeper = Keeper(self.table, folder, site, self.clock, signer)
        self.keeper.open()
        self.detectors = RowDetectors(SCHEMA, self.table.triggers)
        self.is_closed = True
        self.is_door_open = False
        self.is_bursting = False
        self.found: list[Trigger] = []

    def run(self, seconds: int, step_s: int = 5) -> None:
        """Let time pass."""
        for at in range(0, seconds, step_s):
            batch = Batch()
            for _ in range(min(step_s, seconds - at)):
                self.clock.pass_s(1)
                batch.rows += self._rows()
                batch.triggers += self.detectors.take(batch.rows[-1])
            utc_ms = self.clock.utc_ms
            batch.lines.append(Line(utc_ms, 20, "isolane.health", "row-taken"))
            batch.heard.append(Heard(utc_ms, StatusChanged("CP-1", self.clock.mono_ns(), 1, 1, "Charging", "NoError")))
            self.found += batch.triggers
            self.keeper.step(batch)

    def trigger(self, kind: str = "fault", charger: str = "CP-1", level: int = 3) -> None:
        """Tell of something that happens now."""
        told = Trigger(kind=kind, charger=charger, t_ms=self.clock.utc_ms, level=level, what="test", value="1")
        self.keeper.step(Batch(triggers=[told]))

    def files(self) -> list[Path]:
        """Give the snapshots there are."""
        return sorted(self.keeper.shelf.folder.glob("*.mcap"))

    def _rows(self) -> list[Row]:
        t_ms = self.clock.utc_ms
        rows = []
        if self.is_bursting:
            for part in range(10):
                value = np.array([9000 + part], np.int64)
                rows.append(Row(FAST_STREAM, t_ms - 1000 + 100 * part, value, np.zeros(1, np.uint8)))
        amperes = round(LOAD_A * 10) + t_ms // 1000 % 7 if self.is_closed else 0
        values = np.array([amperes, self.is_closed, self.is_door_open, 1000, 1, 12], np.int64)
        codes = np.zeros(6, np.uint8)
        if t_ms // 1000 % 10 == 0:
            codes[3], values[3] = 2 << 2 | 2, 0  # BAD TIMEOUT
        return [*rows, Row(SLOW_STREAM, t_ms, values, codes)]


def triggers(**changes: object) -> TriggerSettings:
    """Give the trigger table."""
    return TriggerSettings(**changes)  # type: ignore[arg-type]
