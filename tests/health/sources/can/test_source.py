"""This file listens on a bus that other programs' frames are put on; it guards that each failure has its reason."""

import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import can
import msgspec
import pytest

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.core.failures import IsolaneError
from isolane.core.samples import Reason
from isolane.health.sources.can.settings import CanPointSettings, CanSettings
from isolane.health.sources.can.source import CanSource
from isolane.health.sources.catalogue import build
from isolane.health.sources.host.settings import HostSettings
from isolane.health.sources.host.source import HostSource
from support.readings import running
from support.tree import ROOT

VOLTAGE, CURRENT, STATE = "0.0/xPack/DCVoltage", "0.0/xPack/DCCurrent", "0.0/xPack/xState"
INLET, OUTLET = "0.0/xPack/Temperature[Inlet]", "0.0/xPack/Temperature[Outlet]"
POINTS = (
    CanPointSettings(key=VOLTAGE, message="Pack", signal="Voltage", unit="V", resolution=0.1, period_s=0.2),
    CanPointSettings(key=CURRENT, message="Pack", signal="Current", unit="A", resolution=0.1, period_s=0.2),
    CanPointSettings(key=STATE, message="Pack", signal="State", map={"1": 2}, period_s=0.2),
    CanPointSettings(key=INLET, message="Temperatures", signal="Inlet", unit="Celsius", period_s=0.2),
    CanPointSettings(key=OUTLET, message="Temperatures", signal="Outlet", unit="Celsius", period_s=0.2),
)
Send = Callable[..., None]


@pytest.fixture
def table(tmp_path: Path) -> CanSettings:
    (tmp_path / "pack.dbc").write_bytes((ROOT / "tests/golden/pack.dbc").read_bytes())
    return CanSettings(name="bus", channel=str(tmp_path), dbc=tmp_path / "pack.dbc", points=POINTS, interface="virtual")


@pytest.fixture
def send(table: CanSettings) -> Iterator[Send]:
    with can.Bus(channel=table.channel, interface="virtual") as bus:

        def put(number: int, data: str, *, extended: bool = False, error: bool = False, remote: bool = False) -> None:
            bus.send(
                can.Message(
                    arbitration_id=number,
                    data=bytes.fromhex(data),
                    is_extended_id=extended,
                    is_error_frame=error,
                    is_remote_frame=remote,
                )
            )

        yield put


async def test_frames_become_readings(table: CanSettings, send: Send) -> None:
    async with running(CanSource(table, SystemClock())) as kept:

        def all_known() -> bool:
            send(256, "bc0f 9cff 01 000000")
            send(256, "0000 0000 00 000000", extended=True)
            send(0x18FEF1FE, "00 19 000000000000", extended=True)
            send(0x18FEF1FE, "01 f6 000000000000", extended=True)
            send(999, "00")
            return all(kept.value(point.key) is not None for point in POINTS)

        await kept.until(all_known)
    assert kept.value(VOLTAGE) == pytest.approx(402.8)
    assert kept.value(CURRENT) == pytest.approx(-10.0)
    assert kept.value(STATE) == 2
    assert kept.value(INLET) == 25
    assert kept.value(OUTLET) == -10


async def test_silence_and_frames_of_the_wrong_form_are_reasons(table: CanSettings, send: Send) -> None:
    async with running(CanSource(table, SystemClock())) as kept:
        await kept.until(lambda: Reason.TIMEOUT in kept.reasons())
        assert not kept.good()

        def wrong() -> bool:
            send(256, "bc0f")
            send(0x18FEF1FE, "07 19 000000000000", extended=True)
            return {each.signal for each in kept.readings if each.reason is Reason.MALFORMED} >= {VOLTAGE, INLET}

        await kept.until(wrong)

        def beyond() -> bool:
            send(256, "ffff 0000 04 000000")
            return {each.signal for each in kept.readings if each.reason is Reason.OUT_OF_RANGE} == {VOLTAGE, STATE}

        await kept.until(beyond)
        await kept.until(lambda: kept.readings[-1].reason is Reason.TIMEOUT)


async def test_a_flood_is_bounded(table: CanSettings, send: Send) -> None:
    source = CanSource(msgspec.structs.replace(table, frames_per_s_max=500), SystemClock())
    async with running(source) as kept:
        begin = time.monotonic()

        def flooded() -> bool:
            for _ in range(50):
                send(256, "bc0f 9cff 01 000000")
            return source.counts["frames_over_rate"] > 100 and kept.value(VOLTAGE) is not None

        await kept.until(flooded)
        assert len(kept.readings) <= len(POINTS) * ((time.monotonic() - begin) / 0.2 + 2)


async def test_a_flood_holds_up_no_neighbour(table: CanSettings, send: Send) -> None:
    flooded = CanSource(msgspec.structs.replace(table, frames_per_s_max=500), SystemClock())
    neighbour = HostSource(HostSettings(period_s=0.1), SystemClock())
    async with running(flooded) as sick, running(neighbour) as well:

        def over() -> bool:
            for _ in range(200):
                send(256, "bc0f 9cff 01 000000")
            return len(well.readings) >= 10 * len(neighbour.signals) and len(sick.readings) >= len(POINTS)

        await well.until(over)
    assert flooded.counts["frames_over_rate"]
    stamps = sorted({each.source_mono_ns for each in well.readings})
    gaps = sorted(later - one for one, later in pairwise(stamps))
    assert gaps[len(gaps) // 2] < 0.25e9


async def test_frames_of_errors_and_requests_are_counted_and_mean_nothing(table: CanSettings, send: Send) -> None:
    source = CanSource(table, SystemClock())
    async with running(source) as kept:

        def seen() -> bool:
            send(256, "", error=True)
            send(256, "", remote=True)
            return source.counts["frames_of_errors"] >= 10 and len(kept.readings) >= 2 * len(POINTS)

        await kept.until(seen)
    assert kept.reasons() == {Reason.TIMEOUT}


async def test_an_interface_that_is_not_there_is_a_reason(table: CanSettings) -> None:
    absent = msgspec.structs.replace(table, interface="socketcan", channel="nocan7")
    source = CanSource(absent, SystemClock())
    async with running(source) as kept:
        await kept.until(lambda: len(kept.readings) >= 15)
        assert kept.reasons() == {Reason.DISCONNECTED}
    assert source.counts["connects"] <= 5


@pytest.mark.parametrize(
    ("message", "signal", "says"),
    [("Pak", "Voltage", "no message 'Pak'"), ("Pack", "Volts", "no signal 'Volts'")],
)
def test_a_name_that_is_not_in_the_file_is_told(message: str, signal: str, says: str, table: CanSettings) -> None:
    point = CanPointSettings(key=VOLTAGE, message=message, signal=signal)
    with pytest.raises(IsolaneError, match=says):
        CanSource(msgspec.structs.replace(table, points=(point,)), SystemClock())


def test_a_file_that_is_no_dbc_is_told(table: CanSettings) -> None:
    table.dbc.write_text("hello", encoding="utf-8")
    with pytest.raises(IsolaneError, match="cannot read the DBC file"):
        CanSource(table, SystemClock())


def test_a_missing_extra_says_what_to_install(
    table: CanSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("isolane.health.sources.can.") and "sett" not in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cantools", None)
    with pytest.raises(IsolaneError, match="needs the package 'cantools'") as caught:
        build([table], Site(name="here", gateway="gw", run_dir=tmp_path), SystemClock())
    assert "isolane[health,can]" in caught.value.hint
