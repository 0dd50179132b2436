"""This file scans served devices; it guards that each is recognised, for reasons, in time, and only by reading."""

import asyncio
import contextlib
from collections.abc import Mapping

import pytest

from isolane.config.values import Address
from isolane.devices.point import Template
from isolane.devices.template import built_in, load_built_in
from isolane.health.sources.discovery.scan import Report, scan
from isolane.health.sources.discovery.wire import Answer, Wire
from isolane.health.sources.modbus.plan import Span
from isolane.health.sources.modbus.settings import SerialSettings
from isolane.sim.modbus.fronts import ac_units
from isolane.sim.modbus.server import ModbusFront
from isolane.sim.physics.ac_station import AcStation
from isolane.sim.physics.surroundings import Weather
from support.serial_pair import SerialPair
from support.sunspec_device import SunSpecDevice
from support.template_server import Served, image_of, serving, serving_serial

Templates = Mapping[str, Template]

ALIKE = {
    "eastron_sdm72dm_v2": {"eastron_sdm630", "eastron_sdm120", "eastron_sdm230"},
    "eastron_sdm120": {"eastron_sdm230"},
    "wago_879_3000": {"inepro_pro380", "klefr_693x"},
    "klefr_693x": {"inepro_pro380", "wago_879_3000"},
    "socomec_countis_e24": {"socomec_countis_e34"},
}
"""Models whose registers are those of others."""


async def scanned(
    served: Mapping[int, Served], units: tuple[int, ...], templates: Templates, vendor: str = ""
) -> Report:
    async with serving(served, vendor=vendor) as address, Wire(address, 2.0, gap_s=0.0) as wire:
        return await scan(wire, units, templates, 60.0)


@pytest.mark.parametrize("name", built_in())
async def test_each_device_is_recognised(name: str, templates: Templates) -> None:
    served = image_of(load_built_in(name))
    report = await scanned({1: served}, (1,), templates)
    candidates = report.found[0].candidates
    best = [each.template for each in candidates if each.score == candidates[0].score]
    assert name in best or set(best) <= ALIKE[name], [(each.template, each.score) for each in candidates]
    assert all(reason.endswith(")") and "(+" in reason for each in candidates for reason in each.reasons)
    assert {function for function, _, _ in served.asked} <= {3, 4}, "nothing but reading"


async def test_units_that_are_not_there_are_silent_and_those_that_are_named(templates: Templates) -> None:
    served = {2: image_of(load_built_in("eastron_sdm630")), 5: image_of(load_built_in("abb_b23"))}
    report = await scanned(served, tuple(range(1, 8)), templates, vendor="Eastron")
    assert [each.unit for each in report.found] == [2, 5]
    assert report.silent == [1, 3, 4, 6, 7]
    assert not report.any_unit
    assert report.found[0].candidates[0].template == "eastron_sdm630"
    assert report.found[0].texts["vendor"] == "Eastron"
    assert any("names Eastron" in reason for reason in report.found[0].candidates[0].reasons)
    assert report.found[1].candidates[0].template == "abb_b23"


async def test_a_sunspec_device_is_known_by_its_chain_and_texts(templates: Templates) -> None:
    report = await scanned({1: image_of(load_built_in("sunspec_meter"))}, (1,), templates)
    found = report.found[0]
    assert found.sunspec_models == (1, 203)
    assert found.texts["vendor"] == "Acme"
    assert found.candidates[0].template == "sunspec_meter"


@pytest.mark.parametrize("units", [(1, 2, 3), tuple(range(1, 120))])
async def test_a_sunspec_device_is_found_without_a_template_where_refusals_say_nothing(
    units: tuple[int, ...], templates: Templates
) -> None:
    inverter = Served()
    inverter.registers["holding"] |= SunSpecDevice(40_000, {160: (28, {}), 714: (43, {})}).words
    report = await scanned({3: inverter}, units, templates)
    assert [each.unit for each in report.found] == [3]
    assert report.found[0].sunspec_models == (1, 160, 714)
    assert not report.found[0].candidates


async def test_a_server_that_answers_any_unit_is_one_device(templates: Templates) -> None:
    served = image_of(load_built_in("isolane_dc150"))
    served.put("holding", 0, [1, 2])
    async with serving({}, any_unit=served) as address, Wire(address, 2.0, gap_s=0.0) as wire:
        report = await scan(wire, range(1, 248), templates, 60.0)
    assert report.any_unit
    assert [each.unit for each in report.found] == [1]
    assert report.found[0].candidates[0].template == "isolane_dc150"


async def test_the_simulated_wallbox_and_its_meter_are_known_by_maps_written_without_ours(templates: Templates) -> None:
    station = AcStation(4, Weather(), meter_wh=98_765)
    for _ in range(3):
        station.step(1.0)
    units, refresh = ac_units("AC-1", "sdm630")
    refresh(station.readings())
    front = ModbusFront(units, "127.0.0.1", 0)
    await front.start()
    try:
        async with Wire(Address("127.0.0.1", front.port), 2.0, gap_s=0.0) as wire:
            report = await scan(wire, (1, 2, 3), templates, 100.0)
    finally:
        await front.stop()
    best = {each.unit: {fit.template for fit in each.candidates} for each in report.found}
    assert set(best) == {1, 2}
    assert "abb_terra_ac" in best[1]
    assert "eastron_sdm630" in best[2]


async def test_a_serial_bus(templates: Templates) -> None:
    pair = SerialPair()
    try:
        served = {3: image_of(load_built_in("eastron_sdm630"))}
        async with (
            serving_serial(served, pair.theirs),
            Wire(SerialSettings(path=pair.ours), 0.5, gap_s=0.0) as wire,
        ):
            report = await scan(wire, (2, 3, 4), templates, 100.0)
    finally:
        pair.pull()
    assert [each.unit for each in report.found] == [3]
    assert report.silent == [2, 4]
    assert report.found[0].candidates[0].template == "eastron_sdm630"


async def test_units_that_do_not_answer_cost_one_question_each(templates: Templates) -> None:
    asked: list[int] = []
    serving_now: set[asyncio.Task[None] | None] = set()

    async def bus(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving_now.add(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head = await reader.readexactly(7)
                body = await reader.readexactly(int.from_bytes(head[4:6], "big") - 1)
                asked.append(head[6])
                if head[6] == 2:
                    writer.write(head[:4] + b"\0\3" + head[6:] + bytes((body[0] | 0x80, 1)))
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        serving_now.discard(asyncio.current_task())

    server = await asyncio.start_server(bus, "127.0.0.1", 0)
    try:
        address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
        async with Wire(address, 0.2, gap_s=0.0) as wire:
            report = await scan(wire, range(1, 11), templates, 100.0)
        async with asyncio.timeout(10.0):
            while serving_now:
                await asyncio.sleep(0.01)
    finally:
        server.close()
        await server.wait_closed()
    assert [each.unit for each in report.found] == [2]
    assert not report.found[0].candidates
    assert report.silent == [1, *range(3, 11)]
    assert all(asked.count(unit) == 1 for unit in report.silent)


async def test_an_unknown_device_is_found_without_a_template(templates: Templates) -> None:
    served = Served()
    served.put("holding", 0, [7, 7])
    report = await scanned({3: served}, (3,), templates)
    assert [each.unit for each in report.found] == [3]
    assert not report.found[0].candidates


class Hangs:
    """A wire whose answers never come."""

    async def read(self, unit: int, span: Span) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError((unit, span))

    async def identification(self, unit: int) -> Mapping[str, str] | None:
        raise AssertionError(unit)


async def test_a_scan_ends_in_its_time_and_says_what_it_left(templates: Templates) -> None:
    report = await scan(Hangs(), (1, 2, 3), templates, 0.05)
    assert not report.found
    assert report.left == [1, 2, 3]
