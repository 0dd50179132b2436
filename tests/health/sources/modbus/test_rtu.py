"""This file polls devices over RTU, on a serial port and through TCP; it guards that no answer is taken for another."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from isolane.config.values import Address
from isolane.core.clock import SystemClock
from isolane.core.samples import Quality, Reason
from isolane.health.sources.modbus.settings import DeviceSettings, ModbusSettings, SerialSettings
from isolane.health.sources.modbus.source import ModbusSource
from support.readings import running
from support.rtu_peer import Answer, RtuPeer, frame, good, registers
from support.serial_pair import SerialPair
from support.template_server import Served, serving_serial
from support.together import together

VOLTAGE = "1.0/EVSE/DCVoltage"
Make = Callable[..., ModbusSource]
Peers = Callable[[Answer], Awaitable[RtuPeer]]


@pytest.fixture
def make(template: Path) -> Make:
    def source(place: Path | Address, units: tuple[int, ...] = (1,), timeout_s: float = 0.3) -> ModbusSource:
        settings = ModbusSettings(
            name="m",
            address=place if isinstance(place, Address) else None,
            serial=SerialSettings(path=place, baud=115_200) if isinstance(place, Path) else None,
            framing="rtu",
            devices=tuple(DeviceSettings(charger=f"CP{unit}", unit=unit, template_file=template) for unit in units),
            fast_s=0.1,
            slow_s=0.2,
            timeout_s=timeout_s,
            reconnect_s_max=0.2,
        )
        return ModbusSource(settings, SystemClock())

    return source


@pytest.fixture
async def peer() -> AsyncIterator[Peers]:
    peers: list[RtuPeer] = []

    async def start(answer: Answer) -> RtuPeer:
        one = RtuPeer(answer)
        peers.append(one)
        await one.start()
        return one

    yield start
    for each in peers:
        await each.stop()


@pytest.fixture
async def bus() -> AsyncIterator[SerialPair]:
    """A cable with units 1 and 2 of another library's server at its far end."""
    pair = SerialPair()
    registers = [SimData(0, values=[2301] * 200, datatype=DataType.REGISTERS)]
    server = ModbusSerialServer(
        [SimDevice(unit, simdata=registers) for unit in (0, 1, 2)],
        framer=FramerType.RTU,
        port=str(pair.theirs),
        baudrate=115_200,
        trace_packet=lambda sending, data: b"" if sending and data[0] not in {1, 2} else data,
    )
    await server.serve_forever(background=True)
    yield pair
    await server.shutdown()  # type: ignore[no-untyped-call] # the library's own lack
    pair.pull()


async def test_two_units_on_one_bus_are_read_and_an_absent_one_costs_them_nothing(bus: SerialPair, make: Make) -> None:
    source = make(bus.ours, units=(3, 1, 2))
    async with running(source) as kept:
        await kept.until(lambda: len(kept.good()) >= 60)
    assert {each.charger for each in kept.good()} == {"CP1", "CP2"}
    assert {each.value for each in kept.good() if each.signal == VOLTAGE} == {2301 * 0.1}
    assert {each.reason for each in kept.readings if each.charger == "CP3"} == {Reason.TIMEOUT}
    assert {each.quality for each in kept.readings if each.charger != "CP3"} == {Quality.GOOD}


async def test_noise_on_the_line_ends_nothing(bus: SerialPair, make: Make) -> None:
    async with running(make(bus.ours)) as kept:
        await kept.until(lambda: len(kept.good()) >= 5)
        bus.inject(b"\xff\x00\xa5" * 1500)
        seen = len(kept.good())
        await kept.until(lambda: len(kept.good()) >= seen + 20)


async def test_a_port_that_is_not_there_or_is_pulled_out_says_so(make: Make, tmp_path: Path) -> None:
    async with running(make(tmp_path / "ttyUSB7")) as kept:
        await kept.until(lambda: len(kept.readings) >= 6)
        assert kept.reasons() == {Reason.DISCONNECTED}
    pair = SerialPair()
    async with running(make(pair.ours)) as kept:
        await kept.until(lambda: Reason.TIMEOUT in kept.reasons())
        pair.pull()
        await kept.until(lambda: kept.readings[-1].reason is Reason.DISCONNECTED)


async def test_a_port_that_cannot_be_set_so_is_a_reason(template: Path) -> None:
    pair = SerialPair()
    settings = ModbusSettings(
        name="m",
        serial=SerialSettings(path=pair.ours, baud=115_200, parity="even"),
        devices=(DeviceSettings(charger="CP1", template_file=template),),
        fast_s=0.1,
        timeout_s=0.1,
        reconnect_s_max=0.1,
    )
    async with running(ModbusSource(settings, SystemClock())) as kept:
        await kept.until(lambda: len(kept.readings) >= 6)
    assert not kept.good()
    pair.pull()


async def test_a_port_is_opened_for_one_only(bus: SerialPair, make: Make) -> None:
    async with running(make(bus.ours)) as first:
        await first.until(lambda: len(first.good()) >= 2)
        async with running(make(bus.ours)) as second:
            await second.until(lambda: len(second.readings) >= 6)
            assert second.reasons() == {Reason.DISCONNECTED}


def sends(build: Callable[[bytes], bytes]) -> Answer:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(build(request))

    return answer


async def flood(_request: bytes, writer: asyncio.StreamWriter) -> None:
    for _ in range(200):
        writer.write(b"\xa5" * 65_536)
        await writer.drain()


EVIL: dict[str, tuple[Answer, Reason]] = {
    "hangs": (sends(lambda _: b""), Reason.TIMEOUT),
    "half an answer": (sends(lambda asked: frame(asked, registers(asked))[:6]), Reason.TIMEOUT),
    "wrong checksum": (sends(lambda asked: frame(asked, registers(asked))[:-1] + b"\0"), Reason.MALFORMED),
    "wrong unit": (sends(lambda asked: frame(asked, registers(asked), unit=99)), Reason.MALFORMED),
    "wrong function": (sends(lambda asked: frame(asked, b"\x04" + registers(asked)[1:])), Reason.MALFORMED),
    "one register less": (
        sends(lambda asked: frame(asked, bytes((3, registers(asked)[1] - 2)) + registers(asked)[4:])),
        Reason.MALFORMED,
    ),
    "exception 2": (sends(lambda asked: frame(asked, b"\x83\x02")), Reason.REFUSED),
    "exception 11": (sends(lambda asked: frame(asked, b"\x83\x0b")), Reason.TIMEOUT),
    "garbage": (sends(lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n"), Reason.MALFORMED),
    "flood": (flood, Reason.MALFORMED),
}


@pytest.mark.parametrize("names", [[name for name in EVIL if name != "flood"], ["flood"]], ids=["all", "flood"])
async def test_a_sick_device_gives_its_reason_and_recovers(names: list[str], peer: Peers, make: Make) -> None:
    async def case(name: str) -> None:
        answer, reason = EVIL[name]
        device = await peer(answer)
        async with running(make(device.address)) as kept:
            await kept.until(lambda: reason in kept.reasons())
            assert not kept.good()
            assert kept.reasons() <= {reason, Reason.DISCONNECTED, Reason.TIMEOUT}
            device.answer = good
            await kept.until(lambda: kept.value(VOLTAGE) == pytest.approx(230.1))

    await together(names, case)


async def test_the_answer_is_found_behind_a_strangers_late_one(peer: Peers, make: Make) -> None:
    device = await peer(
        sends(lambda asked: frame(asked, registers(asked, 7), unit=9) + frame(asked, registers(asked, 2301)))
    )
    async with running(make(device.address)) as kept:
        await kept.until(lambda: len(kept.good()) >= 5)
    assert kept.reasons() == {Reason.NONE}
    assert kept.value(VOLTAGE) == pytest.approx(230.1)


async def test_a_late_answer_is_never_taken_for_that_of_another_register(peer: Peers, make: Make) -> None:
    """Each answer carries its register's number and comes when the question after it may already be out.

    It comes within twice the timeout, with 0.3 s to spare for a machine that stands still.
    """
    late: set[asyncio.Task[None]] = set()

    async def answers_late(request: bytes, writer: asyncio.StreamWriter) -> None:
        async def later() -> None:
            await asyncio.sleep(0.5)
            writer.write(frame(request, registers(request, int.from_bytes(request[2:4], "big"))))

        late.add(asyncio.create_task(later()))

    device = await peer(answers_late)
    async with running(make(device.address, timeout_s=0.4)) as kept:
        await kept.until(lambda: len(device.requests) >= 5)
    await asyncio.gather(*late)
    for reading in kept.good():
        assert reading.value in ({0.0} if reading.signal == VOLTAGE else {0.1, 0x640064})


async def test_units_wait_for_silence_between_frames(peer: Peers, template: Path) -> None:
    device = await peer(good)
    stamps: list[float] = []

    async def stamped(request: bytes, writer: asyncio.StreamWriter) -> None:
        stamps.append(asyncio.get_running_loop().time())
        await good(request, writer)

    device.answer = stamped
    settings = ModbusSettings(
        name="m",
        address=device.address,
        framing="rtu",
        silence_ms=60,
        devices=(DeviceSettings(charger="CP1", template_file=template),),
        fast_s=0.5,
        slow_s=0.5,
    )
    async with running(ModbusSource(settings, SystemClock())) as kept:
        await kept.until(lambda: len(stamps) >= 6)
    assert min(later - one for one, later in pairwise(stamps)) >= 0.055


async def test_a_device_server_that_restarts_is_found_again(peer: Peers, make: Make) -> None:
    device = await peer(good)
    async with running(make(device.address)) as kept:
        await kept.until(lambda: len(kept.good()) >= 4)
        await device.stop()
        await kept.until(lambda: kept.readings[-1].reason is Reason.DISCONNECTED)
        await device.start()
        await kept.until(lambda: kept.readings[-1].quality is Quality.GOOD)


async def test_an_adapter_that_is_plugged_in_again_is_opened_again(make: Make, tmp_path: Path) -> None:
    port, pair = tmp_path / "ttyUSB0", SerialPair()
    port.symlink_to(pair.ours)
    async with running(make(port)) as kept:
        await kept.until(lambda: Reason.TIMEOUT in kept.reasons())
        pair.pull()
        port.unlink()
        await kept.until(lambda: kept.readings[-1].reason is Reason.DISCONNECTED)
        pair = SerialPair()
        port.symlink_to(pair.ours)
        async with serving_serial({1: Served({"holding": dict.fromkeys(range(200), 2301), "input": {}})}, pair.theirs):
            await kept.until(lambda: kept.value(VOLTAGE) == pytest.approx(230.1))
    pair.pull()


async def test_one_refused_request_leaves_the_others(peer: Peers, make: Make) -> None:
    async def refuse_power(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(request, b"\x83\x02" if request[3] == 100 else registers(request)))

    device = await peer(refuse_power)
    async with running(make(device.address)) as kept:
        await kept.until(lambda: len(kept.readings) >= 9)
    assert {each.reason for each in kept.readings if each.signal == "1.0/EVSE/Power"} == {Reason.REFUSED}
    assert {each.reason for each in kept.readings if each.signal != "1.0/EVSE/Power"} == {Reason.NONE}
