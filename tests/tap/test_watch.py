"""This file tests `tap.watch`: legal conversations raise no alarm, and each attack raises its own and no other."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.wire.tap_copy import Direction
from support.tap_world import World

CHARGER, CSMS = Direction.FROM_CHARGER, Direction.FROM_CSMS
V16, V201 = "ocpp1.6", "ocpp2.0.1"
WHOLE = ["start", "meter", "meter", "meter", "stop", "swap", "offline", "online", "clock", "manage"]


def steps(*kinds: str) -> st.SearchStrategy[list[tuple[str, int, int, int]]]:
    one = st.tuples(st.sampled_from(kinds), st.integers(0, 2), st.integers(1, 2), st.integers(0, 10**6))
    return st.lists(one, max_size=150)


def played(world: World, script: list[tuple[str, int, int, int]]) -> World:
    for kind, number, connector, amount in script:
        world.step(kind, number, connector, amount)
    return world


@given(script=steps(*WHOLE), numbered_by_charger=st.booleans())
def test_a_legal_conversation_raises_no_alarm(
    script: list[tuple[str, int, int, int]], *, numbered_by_charger: bool
) -> None:
    world = World([V16, V16, V201], numbered_by_charger=numbered_by_charger)
    assert played(world, script).alarms() == {}


@given(
    script=steps(*WHOLE, "restart", "lossy"), versions=st.lists(st.sampled_from([V16, V201]), min_size=3, max_size=3)
)
def test_nor_where_the_tap_comes_late_or_misses_some_of_it(
    script: list[tuple[str, int, int, int]], versions: list[str]
) -> None:
    assert played(World(versions), script).alarms() == {}


def value(energy_wh: float, at: str, unit: str = "Wh") -> list[object]:
    return [{"timestamp": at, "sampledValue": [{"value": str(energy_wh), "unit": unit}]}]


def event(name: str, phase: str, order: int, energy_wh: float, at: str = "2026-01-01T00:00:00Z") -> dict[str, object]:
    return {
        "eventType": phase, "seqNo": order, "timestamp": at, "transactionInfo": {"transactionId": name},
        "evse": {"id": 1}, "meterValue": [{"timestamp": at, "sampledValue": [{"value": energy_wh}]}],
    }  # fmt: skip


AT = "2026-01-01T00:00:00Z"
LATER = "2026-01-01T00:10:00Z"
UUID = "0d7e3f6a-5f0f-4a3e-9a5b-3a6a0f5b3c11"


def started(world: World, number: int = 0, name: int = 900, energy_wh: int = 5000) -> None:
    payload = {"connectorId": 1, "idTag": "T", "meterStart": energy_wh, "timestamp": AT}
    world.call(world.stations[number], "StartTransaction", payload, {"transactionId": name})


def stopped(world: World, number: int, energy_wh: int, name: int = 900) -> None:
    payload = {"transactionId": name, "meterStop": energy_wh, "timestamp": LATER}
    world.call(world.stations[number], "StopTransaction", payload)


def duplicate_keys(world: World) -> None:
    world.raw(world.stations[0], CHARGER, b'[2,"x","StartTransaction",{"connectorId":1,"idTag":"A","idTag":"B"}]')


def duplicate_keys_of_the_csms(world: World) -> None:
    world.raw(world.stations[0], CSMS, b'[2,"x","ChangeConfiguration",{"key":"A","key":"AuthorizationKey"}]')


def no_number(world: World) -> None:
    world.raw(world.stations[0], CHARGER, b'[2,"x","MeterValues",{"v":NaN}]')


def out_of_range(world: World) -> None:
    world.raw(world.stations[0], CHARGER, b'[2,"x","MeterValues",{"v":-1e999}]')


def surrogate(world: World) -> None:
    world.raw(world.stations[0], CHARGER, b'[2,"x","BootNotification",{"chargePointVendor":"\\ud800"}]')


def depth(world: World) -> None:
    world.raw(world.stations[0], CHARGER, b"[" * 30_000 + b"]" * 30_000)


def no_array(world: World) -> None:
    world.raw(world.stations[0], CHARGER, b"{}")


def no_id(world: World) -> None:
    world.raw(world.stations[0], CSMS, b'[2,null,"ClearCache",{}]')


def no_frame(world: World) -> None:
    station = world.stations[0]
    world._see(station, station.leg.data(CHARGER, b"\xf7\x80xxxx"))


def new_key(world: World) -> None:
    world.command(world.stations[0], "ChangeConfiguration", {"key": "AuthorizationKey", "value": "CANARY"})


def new_network(world: World) -> None:
    world.command(world.stations[2], "SetNetworkProfile", {"configurationSlot": 1, "connectionData": {"x": "CANARY"}})


def new_root(world: World) -> None:
    world.command(world.stations[2], "InstallCertificate", {"certificate": "CANARY"})


def new_password(world: World) -> None:
    variable = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
    world.command(world.stations[2], "SetVariables", {"setVariableData": [{**variable, "attributeValue": "CANARY"}]})


def reset_of_all(world: World) -> None:
    for station in world.stations:
        world.command(station, "Reset", {"type": "Hard"})


def swings(world: World) -> None:
    for _ in range(500):
        world.command(world.stations[0], "SetChargingProfile", {"connectorId": 1})


def falling_register(world: World) -> None:
    started(world)
    for energy_wh, at in ((6000, AT), (5500, LATER), (5400, LATER)):
        payload = {"connectorId": 1, "transactionId": 900, "meterValue": value(energy_wh, at)}
        world.call(world.stations[0], "MeterValues", payload)


def falling_register_with_odd_times(world: World) -> None:
    for year, energy_wh in ((2026, 9000), (2025, 8000), (2027, 7000)):
        payload = {"connectorId": 7, "meterValue": value(energy_wh, f"{year}-06-01T00:00:00Z")}
        world.call(world.stations[0], "MeterValues", payload)


def stop_below_start(world: World) -> None:
    started(world)
    stopped(world, 0, 4000)


def impossible_energy(world: World) -> None:
    started(world)
    stopped(world, 0, 50_000_000)


def falling_register_v201(world: World) -> None:
    for order, (phase, energy_wh) in enumerate((("Started", 100), ("Updated", 900), ("Ended", 500))):
        world.call(world.stations[2], "TransactionEvent", event("1", phase, order, energy_wh))


def stop_of_anothers(world: World) -> None:
    started(world)
    stopped(world, 1, 6000)
    stopped(world, 1, 6000)
    stopped(world, 0, 6000)


def values_of_anothers(world: World) -> None:
    started(world)
    payload = {"connectorId": 1, "transactionId": 900, "meterValue": value(1, AT)}
    world.call(world.stations[1], "MeterValues", payload)


def end_of_anothers_v201(world: World) -> None:
    world.call(world.stations[2], "TransactionEvent", event(UUID, "Started", 0, 100))
    world.call(world.stations[3], "TransactionEvent", event(UUID, "Ended", 1, 100))
    world.call(world.stations[2], "TransactionEvent", event(UUID, "Ended", 1, 200))


def start_of_anothers_v201(world: World) -> None:
    for number in (2, 3):
        world.call(world.stations[number], "TransactionEvent", event(UUID, "Started", 0, 100))


Attack = Callable[[World], None]
ATTACKS: dict[str, tuple[Attack, ...]] = {
    "ambiguous-json": (duplicate_keys, duplicate_keys_of_the_csms, no_number, out_of_range, surrogate, depth),
    "malformed-message": (no_array, no_id, no_frame),
    "reconfiguration-of-security-parameters": (new_key, new_network, new_root, new_password),
    "mass-control": (reset_of_all, swings),
    "meter-regress": (
        falling_register, falling_register_with_odd_times, stop_below_start, impossible_energy, falling_register_v201,
    ),
    "foreign-transaction": (stop_of_anothers, values_of_anothers, end_of_anothers_v201, start_of_anothers_v201),
}  # fmt: skip
EACH = [(kind, attack) for kind, attacks in ATTACKS.items() for attack in attacks]
SITE = [V16, V16, V201, V201, *[V16] * 8]


@pytest.mark.parametrize(("kind", "attack"), EACH, ids=lambda each: getattr(each, "__name__", ""))
def test_each_attack_raises_its_own_alarm_alone(kind: str, attack: Attack, caplog: pytest.LogCaptureFixture) -> None:
    world = World(SITE)
    attack(world)
    assert world.alarms() == {kind: 1}
    [line] = [record.getMessage() for record in caplog.records if "security-event" in record.getMessage()]
    assert line.startswith(f"security-event type={kind} charger=CP")
    assert "CANARY" not in line


@given(script=steps(*WHOLE), which=st.sampled_from(EACH))
def test_it_does_so_in_the_middle_of_ordinary_business(
    script: list[tuple[str, int, int, int]], which: tuple[str, Attack]
) -> None:
    world = World([*SITE[:2], *SITE])  # 0 to 2 do business, the rest are attacked
    world.stations[:] = [*world.stations[2:], *world.stations[:2]]
    played(world, script)
    kind, attack = which
    for number, station in enumerate(world.stations):
        if not station.is_online:
            world.step("online", number, 1, 0)
        for connector in station.meters:
            world.step("stop", number, connector, 0)
    world.now_s += 3600
    attack(world)
    assert world.alarms() == {kind: 1}


def test_what_is_told_names_the_transaction_as_its_facts_do(caplog: pytest.LogCaptureFixture) -> None:
    world = World(SITE)
    stop_of_anothers(world)
    pseudonym = world.rules.transactions.pseudonym("CP0", "900")
    assert f'charger=CP1 connection=2 peer=- detail="transaction={pseudonym} started_at=CP0"' in caplog.text


def test_a_tap_that_comes_late_still_sees_what_goes_back(caplog: pytest.LogCaptureFixture) -> None:
    world = World(SITE)
    started(world)
    world.restart_tap()
    for direction in Direction:  # the first message after the gap is told as lost
        world.raw(world.stations[0], direction, json.dumps([3, "none", {}]).encode())
    for energy_wh, at in ((6000, AT), (5500, LATER)):
        payload = {"connectorId": 1, "transactionId": 900, "meterValue": value(energy_wh, at)}
        world.call(world.stations[0], "MeterValues", payload)
    stopped(world, 0, 100)
    assert world.alarms() == {"meter-regress": 1}
    assert "change=back" in caplog.text


def test_nothing_is_kept_of_the_past() -> None:
    world = World([V16, V201])
    for number in range(1000):
        started(world, 0, number + 1000)
        world.call(world.stations[1], "TransactionEvent", event(str(number), "Started", 0, 1))
        world.call(world.stations[0], "MeterValues", {"connectorId": number, "meterValue": value(1, AT)})
    assert len(world.rules.watch.ownership) <= 128
    assert world.alarms() == {}


def test_names_without_end_are_not_remembered() -> None:
    world = World([V16, V201])
    world.call(world.stations[1], "TransactionEvent", event("x" * 50_000, "Started", 0, 1))
    started(world, 0, 10**300)
    assert len(world.rules.watch.ownership) == 0
