"""This file walks devices of SunSpec's newer models; it guards that 64 bits, signs, scales and ports are the device's.

Layouts are the order and sizes of the models' public pages: https://github.com/sunspec/models/tree/master/json
"""

from collections.abc import Awaitable, Callable, Mapping

import pytest

from isolane.config.values import Address
from isolane.core.clock import SystemClock
from isolane.core.samples import Reason
from isolane.health.sources.modbus.settings import DeviceSettings, ModbusSettings
from isolane.health.sources.modbus.source import ModbusSource
from support.modbus_peer import Answer, ModbusPeer
from support.readings import Kept, running
from support.sunspec_device import SunSpecDevice, addresses, length, words_of

Peers = Callable[[Answer], Awaitable[ModbusPeer]]

_PHASE = "W# VA# Var# PF# A# VLL# V# WhInj#:4 WhAbs#:4 VarhInj#:4 VarhAbs#:4"
AC = (
    "ACType St InvSt ConnSt Alrm:2 DERMode:2 W VA Var PF A LLV LNV Hz:2 WhInj:4 WhAbs:4 VarhInj:4 VarhAbs:4 "
    "TmpAmb TmpCab TmpSnk TmpTrns TmpSw TmpOt "
    + " ".join(_PHASE.replace("#", phase) for phase in ("L1", "L2", "L3"))
    + " ThrotPct ThrotSrc:2 A_SF V_SF Hz_SF W_SF PF_SF VA_SF Var_SF Wh_SF Varh_SF Tmp_SF Info:32"
)
CAPACITY = (
    "WMaxRtg WOvrExtRtg WOvrExtRtgPF WUndExtRtg WUndExtRtgPF VAMaxRtg VarMaxInjRtg VarMaxAbsRtg WChaRteMaxRtg "
    "WDisChaRteMaxRtg VAChaRteMaxRtg VADisChaRteMaxRtg VNomRtg VMaxRtg VMinRtg AMaxRtg PFOvrExtRtg PFUndExtRtg "
    "ReactSusceptRtg NorOpCatRtg AbnOpCatRtg CtrlModes:2 IntIslandCatRtg WMax WMaxOvrExt WOvrExtPF WMaxUndExt "
    "WUndExtPF VAMax VarMaxInj VarMaxAbs WChaRteMax WDisChaRteMax VAChaRteMax VADisChaRteMax VNom VMax VMin AMax "
    "PFOvrExt PFUndExt IntIslandCat W_SF PF_SF VA_SF Var_SF V_SF A_SF S_SF"
)
STORAGE = "WHRtg WHAvail SoC SoH Sta WH_SF Pct_SF"
DC = "PrtAlrms:2 NPrt DCA DCW DCWhInj:4 DCWhAbs:4 DCA_SF DCV_SF DCW_SF DCWH_SF Tmp_SF"
PORT = "PrtTyp ID IDStr:8 DCA DCV DCW DCWhInj:4 DCWhAbs:4 Tmp DCSta DCAlrm:2"
STRINGS = "DCA_SF DCV_SF DCW_SF DCWH_SF Evt:2 N TmsPer"
STRING = "ID IDStr:8 DCA DCV DCW DCWH:2 Tms:2 Tmp DCSt DCEvt:2"
PLACE = "1.0/xInverter/"


def registers(layout: str, values: Mapping[str, tuple[int, int]], first: int = 2) -> dict[int, int]:
    """Give registers by address; a value is a number and its words."""
    at = addresses(layout, first)
    return {
        at[name] + each: word
        for name, (value, words) in values.items()
        for each, word in enumerate(words_of(value, words))
    }


def source(address: Address, models: tuple[int, ...], ports: int = 1) -> ModbusSource:
    device = DeviceSettings(charger="CP1", sunspec=models, ports=ports)
    settings = ModbusSettings(name="m", address=address, devices=(device,), fast_s=0.1, slow_s=0.1)
    return ModbusSource(settings, SystemClock())


def reason(kept: Kept, variable: str) -> Reason:
    return next(each.reason for each in reversed(kept.readings) if each.signal == PLACE + variable)


async def test_ac_measurement_has_64_bits_and_its_own_signs(peer: Peers) -> None:
    assert length(AC) == 153
    wh = (1 << 53) - 1
    own = registers(
        AC,
        {
            "InvSt": (3, 1),
            "ConnSt": (1, 1),
            "Alrm": (1 << 16, 2),
            "W": (-1234, 1),
            "W_SF": (1, 1),
            "PF": (-985, 1),
            "PF_SF": (-3, 1),
            "AL2": (-321, 1),
            "A_SF": (-1, 1),
            "VL3": (2309, 1),
            "V_SF": (-1, 1),
            "Hz": (50_017, 2),
            "Hz_SF": (-3, 1),
            "WhInj": (wh, 4),
            "WhAbs": (5_000_000_000, 4),
            "Wh_SF": (0, 1),
            "VarhInj": (-1, 4),
            "Varh_SF": (0, 1),
            "TmpSnk": (-55, 1),
            "TmpAmb": (0x8000, 1),
            "Tmp_SF": (-1, 1),
            "ThrotPct": (40, 1),
        },
    )
    device = SunSpecDevice(40_000, {701: (length(AC), own)})
    served = await peer(device.answer)
    async with running(source(served.address, (701,))) as kept:
        await kept.until(lambda: len(kept.good()) >= 26)
    expected = {
        "xState": 4,  # running: the number of model 103
        "xGridConnected": 1,
        "xAlarms": 65_536,
        "Power": -12_340,
        "xPowerFactor": -0.985,
        "ACCurrent[L2]": -32.1,
        "ACVoltage[L3]": 230.9,
        "Frequency": 50.017,
        "xEnergyExport": wh,
        "xEnergyImport": 5e9,
        "Temperature[Heatsink]": -5.5,
        "xThrottling": 40,
    }
    assert {name: kept.value(PLACE + name) for name in expected} == pytest.approx(expected)
    assert reason(kept, "xReactiveEnergyExport") is Reason.NOT_IMPLEMENTED
    assert reason(kept, "Temperature[Ambient]") is Reason.NOT_IMPLEMENTED
    assert 120 in {request[11] for request in served.requests}, "one request reads the model, factors and all"


async def test_ratings_settings_and_storage(peer: Peers) -> None:
    assert (length(CAPACITY), length(STORAGE)) == (50, 7)
    ratings = {
        "WMaxRtg": (5000, 1),
        "WMax": (4200, 1),
        "WDisChaRteMax": (300, 1),
        "W_SF": (1, 1),
        "AMaxRtg": (725, 1),
        "AMax": (630, 1),
        "A_SF": (-1, 1),
        "VMinRtg": (1955, 1),
        "V_SF": (-1, 1),
    }
    store = {
        "WHRtg": (1000, 1),
        "WHAvail": (613, 1),
        "SoC": (613, 1),
        "Sta": (1, 1),
        "WH_SF": (2, 1),
        "Pct_SF": (-1, 1),
    }
    models = {
        702: (length(CAPACITY), registers(CAPACITY, ratings)),
        713: (length(STORAGE), registers(STORAGE, store)),
    }
    served = await peer(SunSpecDevice(0, models).answer)
    async with running(source(served.address, (702, 713))) as kept:
        await kept.until(lambda: len(kept.good()) >= 20)
    expected = {
        "xInverter/xPowerRating": 50_000,
        "xInverter/xPowerLimit": 42_000,
        "xInverter/xDischargePowerLimit": 3000,
        "xInverter/xACCurrentRating": 72.5,
        "xInverter/xACCurrentLimit": 63,
        "xInverter/xACVoltageRating[Min]": 195.5,
        "xBattery/xEnergyRating": 100_000,
        "xBattery/xEnergyAvailable": 61_300,
        "xBattery/xStateOfCharge": 61.3,
        "xBattery/xStatus": 1,
    }
    assert {name: kept.value("1.0/" + name) for name in expected} == pytest.approx(expected)
    assert reason(kept, "xChargePowerRating") is Reason.NOT_IMPLEMENTED


def dc_device(said: int, there: int) -> SunSpecDevice:
    """Lay out model 714 with so many ports, of which it says it has some."""
    factors = {"DCA_SF": (-2, 1), "DCV_SF": (-1, 1), "DCW_SF": (1, 1), "DCWH_SF": (0, 1), "Tmp_SF": (-1, 1)}
    own = registers(DC, {"NPrt": (said, 1), "DCA": (-5000, 1), "DCW": (-420, 1), **factors})
    for port in range(1, there + 1):
        values = {"PrtTyp": (2, 1), "DCA": (-1000 * port, 1), "DCV": (8000 + port, 1), "DCWhAbs": (port << 40, 4)}
        own |= registers(PORT, {**values, "Tmp": (400 + port, 1), "DCSta": (1, 1)}, 20 + length(PORT) * (port - 1))
    return SunSpecDevice(40_000, {714: (length(DC) + there * length(PORT), own)})


@pytest.mark.parametrize(("said", "there"), [(3, 3), (3, 5), (5, 3), (0xFFFF, 3)])
async def test_each_port_is_read_that_is_said_to_be_there_and_is(said: int, there: int, peer: Peers) -> None:
    assert (length(DC), length(PORT)) == (18, 25)
    served = await peer(dc_device(said, there).answer)
    async with running(source(served.address, (714,), ports=5)) as kept:
        await kept.until(lambda: bool(kept.good()) and len(kept.readings) >= 2 * 50)
    assert kept.value(PLACE + "DCCurrent") == pytest.approx(-50)
    assert kept.value(PLACE + "xDCPower") == -4200
    for port in (1, 2, 3):
        assert kept.value(f"{PLACE}DCCurrent[{port}]") == pytest.approx(-10 * port)
        assert kept.value(f"{PLACE}DCVoltage[{port}]") == pytest.approx(800 + port / 10)
        assert kept.value(f"{PLACE}xDCEnergyImport[{port}]") == port << 40
        assert kept.value(f"{PLACE}Temperature[Port{port}]") == pytest.approx(40 + port / 10)
    for port in (4, 5):
        assert reason(kept, f"DCVoltage[{port}]") is Reason.NOT_IMPLEMENTED


async def test_strings_of_an_inverter(peer: Peers) -> None:
    factors = {"DCA_SF": (-2, 1), "DCV_SF": (-1, 1), "DCW_SF": (0, 1), "DCWH_SF": (0, 1), "N": (2, 1)}
    own = registers(STRINGS, factors)
    for at in (0, 1):
        one = {"DCA": (812 + at, 1), "DCV": (6123, 1), "DCW": (4971, 1), "DCWH": (70_000, 2), "Tmp": (41, 1)}
        own |= registers(STRING, one, 10 + length(STRING) * at)
    served = await peer(SunSpecDevice(40_000, {160: (8 + 2 * 20, own)}).answer)
    async with running(source(served.address, (160,), ports=3)) as kept:
        await kept.until(lambda: bool(kept.good()) and len(kept.readings) >= 18)
    assert kept.value(PLACE + "DCCurrent[2]") == pytest.approx(8.13)
    assert kept.value(PLACE + "DCVoltage[1]") == pytest.approx(612.3)
    assert kept.value(PLACE + "xDCEnergyExport[2]") == 70_000
    assert reason(kept, "DCVoltage[3]") is Reason.NOT_IMPLEMENTED


async def test_a_model_that_is_cut_short_is_not_that_model(peer: Peers) -> None:
    served = await peer(SunSpecDevice(40_000, {701: (100, {})}).answer)
    async with running(source(served.address, (701,))) as kept:
        await kept.until(lambda: len(kept.readings) >= 30)
    assert kept.reasons() == {Reason.NOT_IMPLEMENTED}
