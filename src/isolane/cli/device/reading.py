"""This file is `isolane device read`; it guards that what is shown is what the source `modbus` would deliver."""

import argparse
import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isolane.cli.device.listing import is_file, load, sunspec_models, table
from isolane.cli.device.place import place_of, timeout_s
from isolane.cli.options import extra
from isolane.config.values import Address
from isolane.core.clock import NS_PER_S, SystemClock
from isolane.core.failures import IsolaneError
from isolane.core.samples import Quality, Reading
from isolane.core.signals import Signal

if TYPE_CHECKING:
    from isolane.health.sources.modbus.source import ModbusSource

_FIRST_ROUND_S = 30.0
_CLEAR = "\x1b[2J\x1b[H"


class Newest:
    """The newest reading of each signal.

    Args:
        signals: What is expected.
        clock: For ages.
    """

    def __init__(self, signals: Sequence[Signal], clock: SystemClock) -> None:
        self.round = asyncio.Event()
        self._signals = signals
        self._clock = clock
        self._held: dict[str, Reading] = {}

    def emit(self, readings: Sequence[Reading]) -> None:
        """Take what the source delivers."""
        self._held |= {reading.signal: reading for reading in readings}
        if len(self._held) == len(self._signals):
            self.round.set()

    @property
    def good(self) -> int:
        """How many signals have a value."""
        return sum(reading.quality is Quality.GOOD for reading in self._held.values())

    def rows(self) -> list[dict[str, Any]]:
        """Give a row for each signal, in the template's order."""
        now = self._clock.mono_ns()
        rows = []
        for signal in self._signals:
            reading = self._held.get(signal.key)
            rows.append(
                {
                    "signal": signal.key,
                    "value": None if reading is None or reading.value is None else _rounded(reading.value, signal),
                    "unit": signal.unit,
                    "age_s": None if reading is None else round((now - reading.source_mono_ns) / NS_PER_S, 2),
                    "quality": "BAD" if reading is None else reading.quality.name,
                    "reason": "NEVER_READ" if reading is None else reading.reason.name,
                }
            )
        return rows


def read_place(options: argparse.Namespace) -> int:
    """Read a device; 1 if nothing of it could be read."""
    with extra("health"):
        from isolane.health.sources.modbus.source import ModbusSource

    clock = SystemClock()
    source = ModbusSource(_settings(options), clock)
    newest = Newest(source.signals, clock)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_show(source, newest, options))
    if not newest.good and not options.json:
        print(f"nothing of it could be read; is {options.template} the right template, and the unit id right?")
        print("`isolane device scan` looks for both")
    return 0 if newest.good else 1


def _settings(options: argparse.Namespace) -> Any:  # noqa: ANN401 - the type is imported with its room, later
    from isolane.health.sources.modbus.settings import DeviceSettings, ModbusSettings

    if not 1 <= options.ports <= 32:  # noqa: PLR2004 - as in the settings
        raise IsolaneError(f"--ports {options.ports} is not 1 to 32", "name as many as the device has")
    template, models = load(options.template, options.ports), sunspec_models(options.template)
    unit = options.unit if options.unit is not None else (template.unit if template.unit is not None else 1)
    if not 0 <= unit <= 255:  # noqa: PLR2004 - one byte
        raise IsolaneError(f"--unit {unit} is not 0 to 255", "meters come with 1 as a rule")
    if not 0.1 <= options.every <= 3600:  # noqa: PLR2004 - as in the settings
        raise IsolaneError("--every is not 0.1 to 3600 s", "1 is right for most devices")
    place = place_of(options)
    file = Path(options.template) if is_file(options.template) else None
    device = DeviceSettings(
        charger="",
        template="" if file or models else options.template,
        template_file=file,
        sunspec=models,
        ports=options.ports,
        unit=unit,
        evse=1,
    )
    return ModbusSettings(
        name="read",
        address=place if isinstance(place, Address) else None,
        serial=None if isinstance(place, Address) else place,
        framing=options.framing,
        devices=(device,),
        fast_s=options.every,
        slow_s=options.every,
        timeout_s=timeout_s(options),
        reconnect_s_max=2.0,
    )


async def _show(source: "ModbusSource", newest: Newest, options: argparse.Namespace) -> None:
    running = asyncio.create_task(source.run(newest.emit))
    try:
        async with asyncio.timeout(_FIRST_ROUND_S):
            await newest.round.wait()
    except TimeoutError:
        pass
    try:
        _print(newest, options)
        while options.watch:
            newest.round.clear()
            await newest.round.wait()
            _print(newest, options)
    finally:
        running.cancel()
        await asyncio.wait({running})


def _print(newest: Newest, options: argparse.Namespace) -> None:
    rows = newest.rows()
    if options.json:
        print(json.dumps(rows), flush=True)
        return
    if options.watch and sys.stdout.isatty():
        print(_CLEAR, end="")
    cells = [(row["signal"], _shown(row["value"]), row["unit"], _shown(row["age_s"]), _quality(row)) for row in rows]
    print(table(("signal", "value", "unit", "age s", "quality"), cells), flush=True)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.12g}"


def _quality(row: dict[str, Any]) -> str:
    return "GOOD" if row["quality"] == "GOOD" else f"BAD {row['reason']}"


def _rounded(value: float, signal: Signal) -> float:
    """Give a value as it will be stored: in whole steps of its resolution."""
    return float(f"{round(value / signal.resolution) * signal.resolution:.12g}")
