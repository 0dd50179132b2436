"""This file builds sources from settings; it guards that two voices for one signal are refused before anything runs."""

from pathlib import Path

import pytest

from isolane.config.load import load
from isolane.config.site import Site
from isolane.config.values import Address
from isolane.core.clock import SystemClock
from isolane.core.failures import IsolaneError
from isolane.health.sources.catalogue import build, periods_of, signals_of
from isolane.health.sources.host.settings import HostSettings
from isolane.health.sources.modbus.settings import DeviceSettings, ModbusSettings
from isolane.health.sources.ocpp.settings import ChargerSettings, OcppSettings
from isolane.health.sources.settings import AnySourceSettings


def meter(name: str, port: int, **device: str) -> ModbusSettings:
    devices = (DeviceSettings(charger="CP1", template="eastron_sdm630", **device),)  # type: ignore[arg-type]
    return ModbusSettings(name=name, address=Address("127.0.0.1", port), devices=devices)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(name="here", gateway="gw-1", run_dir=tmp_path)


def test_all_protocols_are_built_and_their_signals_sorted(site: Site) -> None:
    tables: list[AnySourceSettings] = [
        OcppSettings(chargers=(ChargerSettings(charger="CP1"),)),
        meter("m", 502),
        HostSettings(),
    ]
    sources = build(tables, site, SystemClock())
    assert [source.name for source in sources] == ["ocpp", "m", "host"]
    signals = signals_of(sources)
    assert signals == signals_of(tuple(reversed(sources)))
    assert list(signals) == sorted(signals, key=lambda each: (each.charger, each.key))
    assert periods_of(sources).keys() == {(signal.charger, signal.key) for signal in signals}


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ([meter("a", 502), meter("b", 503)], "sources 'a' and 'b' both give 1.0/.* of charger 'CP1'"),
        ([meter("a", 502), meter("b", 502, instance="B")], "'a' and 'b' have the same address 127.0.0.1:502"),
        ([meter("a", 502), meter("a", 503, instance="B")], "two sources are named 'a'"),
        ([HostSettings(), HostSettings()], "two sources are named 'host'"),
        ([HostSettings(name="x"), HostSettings(name="y")], "both give 0.0/.* of the gateway"),
    ],
)
def test_two_of_one_are_refused(site: Site, tables: list[AnySourceSettings], says: str) -> None:
    with pytest.raises(IsolaneError, match=says):
        build(tables, site, SystemClock())


def test_settings_are_read_from_toml_by_their_type(tmp_path: Path) -> None:
    import msgspec  # noqa: PLC0415 - only this test makes a room's settings

    class Room(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        sources: tuple[AnySourceSettings, ...] = ()

    file = tmp_path / "site.toml"
    text = """
[[health.sources]]
type = "modbus"
name = "meters"
address = "192.0.2.7:502"
devices = [{ charger = "CP1", template = "eastron_sdm630", unit = 3, instance = "Meter" }]

[[health.sources]]
type = "ocpp"
chargers = [{ charger = "CP1", evses = 2, meter_period_s = 60 }]

[[health.sources]]
type = "host"
"""
    file.write_text(text, encoding="utf-8")
    modbus, ocpp, host = load(file, "health", Room).sources
    assert isinstance(modbus, ModbusSettings)
    assert modbus.devices[0].unit == 3
    assert isinstance(ocpp, OcppSettings)
    assert isinstance(host, HostSettings)
    file.write_text(text.replace("evses", "evse_count"), encoding="utf-8")
    with pytest.raises(IsolaneError, match="unknown key 'evse_count'"):
        load(file, "health", Room)
