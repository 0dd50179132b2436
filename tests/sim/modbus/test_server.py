"""This file reads the Modbus units with a foreign client; it guards that every map says what the sensors said."""

import struct
from collections.abc import AsyncIterator, Sequence

import pytest
from pymodbus.client import AsyncModbusTcpClient

from isolane.core.failures import IsolaneError
from isolane.sim.modbus import dc_map
from isolane.sim.modbus.fronts import ac_units, dc_units, serial_of
from isolane.sim.modbus.image import Unit
from isolane.sim.modbus.server import ModbusFront
from isolane.sim.physics.ac_station import AcStation
from isolane.sim.physics.dc_readings import dc_readings
from isolane.sim.physics.dc_station import DcStation
from isolane.sim.physics.surroundings import Weather
from isolane.sim.physics.vehicles import MODELS, Vehicle


@pytest.fixture
def dc_readings_now() -> dict[str, float]:
    station = DcStation(3, Weather(), meter_wh=123_456)
    station.plug(Vehicle(MODELS[3], 0.3))
    station.switch(closed=True)
    for _ in range(300):
        station.step(1.0)
    return dc_readings(station)


@pytest.fixture
def ac_readings_now() -> dict[str, float]:
    station = AcStation(4, Weather(), meter_wh=98_765)
    station.plug(Vehicle(MODELS[3], 0.3))
    station.switch(closed=True)
    for _ in range(300):
        station.step(1.0)
    return station.readings()


@pytest.fixture
async def clients() -> AsyncIterator["Opener"]:
    opener = Opener()
    yield opener
    await opener.close()


class Opener:
    """Opens servers and clients, and closes them again."""

    def __init__(self) -> None:
        self._open: list[tuple[ModbusFront, AsyncModbusTcpClient]] = []

    async def open(self, units: list[Unit]) -> AsyncModbusTcpClient:
        front = ModbusFront(units, "127.0.0.1", 0)
        await front.start()
        client = AsyncModbusTcpClient("127.0.0.1", port=front.port)
        assert await client.connect()
        self._open.append((front, client))
        return client

    async def close(self) -> None:
        for front, client in self._open:
            client.close()
            await front.stop()


def _number(kind: str, words: Sequence[int]) -> float:
    data = struct.pack(f">{len(words)}H", *words)
    form = {"uint16": ">H", "int16": ">h", "uint32": ">I", "float32": ">f"}[kind]
    return float(struct.unpack(form, data)[0])


async def test_one_block_of_the_dc_charger_holds_every_signal(
    clients: Opener, dc_readings_now: dict[str, float]
) -> None:
    units, refresh = dc_units("DC-1", "sdm630")
    client = await clients.open(units)
    refresh(dc_readings_now)
    first, count = dc_map.BLOCK
    block = (await client.read_holding_registers(first, count=count, device_id=1)).registers
    for row in dc_map.SIGNALS:
        at = row.address - first
        value = _number(row.kind, block[at : at + row.words]) * row.scale
        assert value == pytest.approx(dc_readings_now[row.name], abs=row.scale * 0.51, rel=1e-6), row.name


async def test_dc_identity_is_text(clients: Opener) -> None:
    units, _ = dc_units("DC-1", "sdm630")
    client = await clients.open(units)
    words = (await client.read_holding_registers(0, count=45, device_id=1)).registers
    data = struct.pack(">45H", *words)
    assert words[0] == 1
    assert data[2:18].rstrip(b"\0") == b"isolane sim"
    assert data[18:34].rstrip(b"\0") == b"DC150"
    assert data[34:58].rstrip(b"\0") == f"DC150-{serial_of('DC-1')}".encode()


async def test_what_is_not_there_answers_with_an_exception(clients: Opener) -> None:
    units, _ = dc_units("DC-1", "sdm630")
    client = await clients.open(units)
    assert (await client.read_holding_registers(299, count=2, device_id=1)).exception_code == 2
    assert (await client.read_input_registers(0, count=2, device_id=1)).exception_code == 2
    assert (await client.read_holding_registers(0, count=2, device_id=9)).exception_code == 2
    before = (await client.read_holding_registers(100, count=3, device_id=1)).registers
    assert (await client.write_register(100, 7, device_id=1)).isError()
    assert (await client.read_holding_registers(100, count=3, device_id=1)).registers == before


async def test_abb_wallbox_speaks_its_makers_map(clients: Opener, ac_readings_now: dict[str, float]) -> None:
    units, refresh = ac_units("AC-1", "sdm630")
    client = await clients.open(units)
    refresh(ac_readings_now)
    words = (await client.read_holding_registers(0x4000, count=0x21, device_id=1)).registers
    data = struct.pack(f">{len(words)}H", *words)
    assert data[:8].decode() == serial_of("AC-1")

    def u32(address: int) -> int:
        return int.from_bytes(data[2 * (address - 0x4000) :][:4], "big")

    assert u32(0x4010) == pytest.approx(ac_readings_now["1.0/ElectricalFeed/ACCurrent[L1]"] * 1000, abs=1)
    assert u32(0x4018) == pytest.approx(ac_readings_now["1.0/ElectricalFeed/ACVoltage[L2]"] * 10, abs=1)
    assert u32(0x401C) == pytest.approx(ac_readings_now["1.0/ElectricalFeed/Power"], abs=1)
    assert u32(0x401E) == ac_readings_now["1.0/EVSE/xSessionEnergy"] > 0
    assert (u32(0x400C) >> 8) & 0x7F == 4
    assert u32(0x400A) == 0x0111


async def test_sdm630_gives_floats_in_its_makers_units(clients: Opener, ac_readings_now: dict[str, float]) -> None:
    units, refresh = ac_units("AC-1", "sdm630")
    client = await clients.open(units)
    refresh(ac_readings_now)
    words = (await client.read_input_registers(0, count=80, device_id=2)).registers
    floats = struct.unpack(">40f", struct.pack(">80H", *words))
    assert floats[0] == pytest.approx(ac_readings_now["1.0/ElectricalFeed/ACVoltage[L1]"], rel=1e-6)
    assert floats[26] == pytest.approx(sum(floats[6:9]), rel=1e-5)
    assert floats[35] == pytest.approx(50.0, abs=0.2)
    assert floats[36] == pytest.approx(ac_readings_now["1.0/ElectricalFeed/EnergyImportRegister"] / 1000, rel=1e-6)
    code = await client.read_holding_registers(0xFC02, count=1, device_id=2)
    assert code.registers == [0x0070]


async def test_sunspec_chain_can_be_walked(clients: Opener, ac_readings_now: dict[str, float]) -> None:
    units, refresh = ac_units("AC-1", "sunspec")
    client = await clients.open(units)
    refresh(ac_readings_now)

    async def read(address: int, count: int) -> list[int]:
        return list((await client.read_holding_registers(address, count=count, device_id=2)).registers)

    assert struct.pack(">2H", *await read(40_000, 2)) == b"SunS"
    at, found = 40_002, {}
    while (header := await read(at, 2))[0] != 0xFFFF:
        found[header[0]] = await read(at + 2, header[1])
        at += 2 + header[1]
    assert list(found) == [1, 203]
    meter = found[203]
    scale = struct.unpack(">h", struct.pack(">H", meter[13]))[0]
    assert meter[6] * 10**scale == pytest.approx(ac_readings_now["1.0/ElectricalFeed/ACVoltage[L1]"], abs=0.06)
    assert (meter[44] << 16 | meter[45]) * 10 ** struct.unpack(">h", struct.pack(">H", meter[52]))[0] == pytest.approx(
        ac_readings_now["1.0/ElectricalFeed/EnergyImportRegister"], abs=6
    )
    assert meter[21] == 0x8000


async def test_a_used_port_is_one_clear_sentence() -> None:
    units, _ = dc_units("DC-1", "sdm630")
    first = ModbusFront(units, "127.0.0.1", 0)
    await first.start()
    with pytest.raises(IsolaneError, match="cannot listen for Modbus"):
        await ModbusFront(units, "127.0.0.1", first.port).start()
    await first.stop()
    with pytest.raises(RuntimeError):
        _ = first.port
