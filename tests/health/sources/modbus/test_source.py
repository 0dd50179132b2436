"""This file polls peers that behave and peers that do not; it guards that each failure has its reason."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

import pytest

from isolane.config.values import Address
from isolane.core.clock import SystemClock
from isolane.core.failures import IsolaneError
from isolane.core.samples import Quality, Reason
from isolane.health.sources.modbus.settings import DeviceSettings, ModbusSettings
from isolane.health.sources.modbus.source import ModbusSource
from support.modbus_peer import Answer, ModbusPeer, frame, good, registers
from support.readings import Kept, running
from support.together import together

Peers = Callable[..., Awaitable[ModbusPeer]]
Sources = Callable[..., ModbusSource]


def sends(make: Callable[[bytes], bytes]) -> Answer:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(make(request))

    return answer


async def hang(_request: bytes, _writer: asyncio.StreamWriter) -> None:
    pass


async def hang_up(_request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def half_and_hang_up(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(frame(request, registers(request))[:9])
    writer.close()


async def reset(_request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def flood(request: bytes, writer: asyncio.StreamWriter) -> None:
    for _ in range(200):
        writer.write(frame(request, registers(request), transaction=0x7777) * 50)
        await writer.drain()


async def flood_garbage(_request: bytes, writer: asyncio.StreamWriter) -> None:
    for _ in range(200):
        writer.write(b"\xff" * 65_536)
        await writer.drain()


EVIL: dict[str, tuple[Answer, Reason]] = {
    "hangs": (hang, Reason.TIMEOUT),
    "hangs up": (hang_up, Reason.DISCONNECTED),
    "resets": (reset, Reason.DISCONNECTED),
    "half an answer": (sends(lambda asked: frame(asked, registers(asked))[:9]), Reason.TIMEOUT),
    "half an answer, hangs up": (half_and_hang_up, Reason.DISCONNECTED),
    "garbage": (sends(lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n"), Reason.MALFORMED),
    "another protocol": (sends(lambda asked: asked[:2] + b"\0\1" + asked[4:]), Reason.MALFORMED),
    "wrong unit": (sends(lambda asked: frame(asked, registers(asked), unit=99)), Reason.MALFORMED),
    "wrong function": (sends(lambda asked: frame(asked, b"\x04" + registers(asked)[1:])), Reason.MALFORMED),
    "unknown function": (sends(lambda asked: frame(asked, b"\x66" + registers(asked)[1:])), Reason.MALFORMED),
    "one register less": (sends(lambda asked: frame(asked, registers(asked)[:-2])), Reason.MALFORMED),
    "one register more": (sends(lambda asked: frame(asked, registers(asked) + b"\0\0")), Reason.MALFORMED),
    "odd byte count": (sends(lambda asked: frame(asked, b"\x03\x03\0\1\2")), Reason.MALFORMED),
    "no body": (sends(lambda asked: asked[:4] + b"\0\0"), Reason.MALFORMED),
    "length of 65535": (sends(lambda asked: asked[:4] + b"\xff\xff" + asked[6:]), Reason.MALFORMED),
    "twice": (sends(lambda asked: frame(asked, registers(asked)) * 2), Reason.MALFORMED),
    "another transaction": (sends(lambda asked: frame(asked, registers(asked), transaction=999)), Reason.TIMEOUT),
    "transaction 0": (sends(lambda asked: frame(asked, registers(asked), transaction=0)), Reason.MALFORMED),
    "exception 1": (sends(lambda asked: frame(asked, b"\x83\x01")), Reason.REFUSED),
    "exception 2": (sends(lambda asked: frame(asked, b"\x83\x02")), Reason.REFUSED),
    "exception 11": (sends(lambda asked: frame(asked, b"\x83\x0b")), Reason.TIMEOUT),
    "exception cut": (sends(lambda asked: frame(asked, b"\x83")), Reason.MALFORMED),
    "flood of frames": (flood, Reason.MALFORMED),
    "flood of garbage": (flood_garbage, Reason.MALFORMED),
}


FLOODS = [[name] for name in EVIL if "flood" in name]
"""Alone, so that the others have the loop in time."""


@pytest.mark.parametrize(
    "names", [[name for name in EVIL if [name] not in FLOODS], *FLOODS], ids=["all", *map(str, FLOODS)]
)
async def test_a_sick_device_gives_its_reason_and_recovers(names: list[str], peer: Peers, source: Sources) -> None:
    async def case(name: str) -> None:
        answer, reason = EVIL[name]
        device = await peer(answer)
        polled = source(device.address)
        async with running(polled) as kept:
            await kept.until(lambda: len(kept.readings) >= 5)
            assert not kept.good()
            assert reason in kept.reasons()
            # Many devices are sick at once here: on a machine that is busy too, any of them may be late instead.
            assert kept.reasons() <= {reason, Reason.DISCONNECTED, Reason.TIMEOUT}
            device.answer = good
            await kept.until(lambda: kept.value("1.0/EVSE/DCVoltage") == pytest.approx(230.1))
        assert polled.counts["readings_bad"] >= 5

    await together(names, case)


async def test_a_peer_that_talks_before_it_is_asked_is_left(peer: Peers, source: Sources) -> None:
    device = await peer(good, greeting=b"welcome to the machine\r\n" * 400)
    async with running(source(device.address)) as kept:
        await kept.until(lambda: len(kept.readings) >= 6)
        assert kept.reasons() <= {Reason.MALFORMED, Reason.DISCONNECTED}


async def test_a_peer_that_hangs_up_at_once_is_not_stormed(peer: Peers, source: Sources) -> None:
    device = await peer(good, hang_up=True)
    async with running(source(device.address)) as kept:
        await kept.until(lambda: len(kept.readings) >= 30)
        assert kept.reasons() == {Reason.DISCONNECTED}
    assert device.connections <= 6


@pytest.mark.parametrize("listens", [True, False])
async def test_a_stop_is_never_lost_however_it_falls(
    listens: bool,  # noqa: FBT001 - a parameter of the test
    peer: Peers,
    source: Sources,
) -> None:
    device = await peer(good, hang_up=True)
    if not listens:
        await device.stop()
    for loops in range(60):
        running_one = asyncio.create_task(source(device.address).run(lambda _: None))
        for _ in range(loops):
            await asyncio.sleep(0)
        running_one.cancel()
        done, _ = await asyncio.wait({running_one}, timeout=5)
        assert done, f"a stop after {loops} turns of the loop was lost"
        assert running_one.cancelled()
    if not listens:
        await device.start()


async def test_nobody_listens(source: Sources, peer: Peers) -> None:
    device = await peer(good)
    await device.stop()
    async with running(source(device.address)) as kept:
        await kept.until(lambda: len(kept.readings) >= 9)
        assert kept.reasons() == {Reason.DISCONNECTED}
        await device.start()
        await kept.until(lambda: bool(kept.good()))


async def test_a_device_restarts(peer: Peers, source: Sources) -> None:
    device = await peer(good)
    async with running(source(device.address)) as kept:
        await kept.until(lambda: len(kept.good()) >= 4)
        await device.stop()
        await kept.until(lambda: kept.readings[-1].reason is Reason.DISCONNECTED)
        await device.start()
        await kept.until(lambda: kept.readings[-1].quality is Quality.GOOD)


async def test_a_unit_that_hangs_costs_its_neighbours_nothing(peer: Peers, source: Sources) -> None:
    async def only_unit_2_hangs(request: bytes, writer: asyncio.StreamWriter) -> None:
        if request[6] != 2:
            await good(request, writer)

    device = await peer(only_unit_2_hangs)
    polled = source(device.address, units=(2, 1, 3))
    async with running(polled) as kept:
        await kept.until(lambda: len(kept.readings) >= 100)
    sick = [each for each in kept.readings if each.charger == "CP2"]
    well = [each for each in kept.readings if each.charger != "CP2"]
    assert {each.reason for each in sick} == {Reason.TIMEOUT}
    assert {each.quality for each in well} == {Quality.GOOD}
    assert len(sick) * 2 >= len(well) - 6, "each round tells of the sick one too"
    asked = sum(request[6] == 2 for request in device.requests)
    assert asked <= 3, "it is left alone for longer and longer"


async def test_a_neighbour_source_keeps_its_pace_beside_a_flood(peer: Peers, source: Sources) -> None:
    flooding, sound = await peer(flood_garbage), await peer(good)
    async with running(source(flooding.address)) as sick, running(source(sound.address)) as well:
        await sick.until(lambda: len(sick.readings) >= 30)
        await well.until(lambda: len(well.readings) >= 30)
    assert {each.quality for each in well.readings} == {Quality.GOOD}
    assert well.readings[-1].source_mono_ns - well.readings[0].source_mono_ns < 3e9


async def test_one_refused_request_leaves_the_others(peer: Peers, source: Sources) -> None:
    async def refuse_power(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(request, b"\x83\x02" if request[9] == 100 else registers(request)))

    device = await peer(refuse_power)
    async with running(source(device.address)) as kept:
        await kept.until(lambda: len(kept.readings) >= 9)
    assert {each.reason for each in kept.readings if each.signal == "1.0/EVSE/Power"} == {Reason.REFUSED}
    assert {each.reason for each in kept.readings if each.signal != "1.0/EVSE/Power"} == {Reason.NONE}


async def test_poll_groups_have_their_own_periods(peer: Peers, source: Sources) -> None:
    device = await peer(good)
    polled = source(device.address)
    async with running(polled) as kept:
        await kept.until(lambda: len(kept.readings) >= 30)
    slow = sum(each.signal == "1.0/EVSE/Power" for each in kept.readings)
    fast = sum(each.signal == "1.0/EVSE/DCVoltage" for each in kept.readings)
    assert abs(fast - 2 * slow) <= 2
    assert polled.periods_s["CP1", "1.0/EVSE/Power"] == 0.2


def rapid(address: Address, template: Path, *, when: Literal["always", "bursts"]) -> ModbusSource:
    device = DeviceSettings(charger="CP1", template_file=template, rapid=("EVSE/DCCurrent",))
    settings = ModbusSettings(
        name="m", address=address, devices=(device,), fast_s=0.4, slow_s=0.4, rapid_s=0.02, rapid_when=when
    )
    return ModbusSource(settings, SystemClock())


def of(kept: Kept, variable: str) -> int:
    return sum(reading.signal.endswith(variable) for reading in kept.readings)


def beat(kept: Kept) -> str:
    """Give which was read when: a letter for each reading of voltage and current."""
    letters = {"1.0/EVSE/DCVoltage": "v", "1.0/EVSE/DCCurrent": "c"}
    return "".join(letters.get(reading.signal, "") for reading in kept.readings)


async def test_single_points_are_read_faster(peer: Peers, template: Path) -> None:
    polled = rapid((await peer(good)).address, template, when="always")
    assert polled.periods_s["CP1", "1.0/EVSE/DCCurrent"] == 0.02
    assert polled.periods_s["CP1", "1.0/EVSE/DCVoltage"] == 0.4
    assert not polled.bursts_s
    async with running(polled) as kept:
        await kept.until(lambda: of(kept, "DCVoltage") >= 3)
    assert of(kept, "DCCurrent") > 3 * of(kept, "DCVoltage")


async def test_single_points_are_read_faster_in_a_burst_only(peer: Peers, template: Path) -> None:
    polled = rapid((await peer(good)).address, template, when="bursts")
    assert polled.periods_s["CP1", "1.0/EVSE/DCCurrent"] == 0.4
    assert polled.bursts_s == {("CP1", "1.0/EVSE/DCCurrent"): 0.02}
    async with running(polled) as kept:
        await kept.until(lambda: of(kept, "DCVoltage") >= 2)
        assert of(kept, "DCCurrent") == of(kept, "DCVoltage")
        polled.burst(0.5)
        await kept.until(lambda: of(kept, "DCCurrent") >= of(kept, "DCVoltage") + 5)
        await kept.until(lambda: beat(kept).endswith("vcvcvc"))  # it ends by itself


def test_what_is_to_be_rapid_must_be_in_the_template(template: Path) -> None:
    device = DeviceSettings(charger="CP1", template_file=template, rapid=("EVSE/DCCurent",))
    with pytest.raises(IsolaneError, match="DCCurent"):
        ModbusSource(ModbusSettings(name="m", address=Address("127.0.0.1", 9), devices=(device,)), SystemClock())


def test_two_devices_with_one_signal_are_refused_by_name() -> None:
    def pair(instance: str) -> ModbusSettings:
        charger = DeviceSettings(charger="CP1", template="isolane_dc150")
        meter = DeviceSettings(charger="CP1", template="eastron_sdm630", unit=2, instance=instance)
        return ModbusSettings(name="m", address=Address("127.0.0.1", 502), devices=(charger, meter))

    with pytest.raises(IsolaneError, match=r"unit 1 \(isolane sim DC150\) and unit 2 \(Eastron SDM630\) both"):
        ModbusSource(pair(""), SystemClock())
    keys = {signal.key for signal in ModbusSource(pair("Meter"), SystemClock()).signals}
    assert {"1.0/ElectricalFeed/Power", "1.0/ElectricalFeed[Meter]/Power"} <= keys


def test_a_device_needs_one_template() -> None:
    device = DeviceSettings(charger="CP1", template="eastron_sdm630", template_file=Path("x.toml"))
    with pytest.raises(IsolaneError, match="needs one template"):
        ModbusSource(ModbusSettings(name="m", address=Address("h", 1), devices=(device,)), SystemClock())


async def test_it_answers_out_of_turn_while_it_polls(peer: Peers, source: Sources) -> None:
    device = await peer(good)
    polled = source(device.address)
    async with running(polled) as kept:
        await kept.until(lambda: bool(kept.good()))
        wanted = {("CP1", "1.0/EVSE/DCVoltage"), ("CP1", "1.0/EVSE/NotThere")}
        found = [reading for _ in range(20) for reading in await polled.read_now(wanted)]
        assert {(each.charger, each.signal) for each in found} == {("CP1", "1.0/EVSE/DCVoltage")}
        assert all(each.value == pytest.approx(230.1) for each in found)
        assert await polled.read_now({("CP9", "1.0/EVSE/DCVoltage")}) == []
        device.answer = hang
        (late,) = await polled.read_now(wanted)
        assert (late.value, late.reason) == (None, Reason.TIMEOUT)
    await device.stop()
    (gone,) = await polled.read_now(wanted)
    assert gone.reason is Reason.DISCONNECTED
