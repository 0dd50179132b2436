"""This file tests what events make known by sequences of them; it guards that what was lost is not told."""

from isolane.core.samples import Quality, Reason
from isolane.health.sources.ocpp import plan
from isolane.health.sources.ocpp.decode import ChargerFacts
from isolane.health.sources.ocpp.settings import ChargerSettings, VariableSettings
from isolane.wire import tap_event
from isolane.wire.tap_event import MeterValue

NOW_MS = 1_700_000_000_000
BEGINNING = {plan.RECONNECTS: 0, plan.SECURITY_EVENTS: 0}


def facts_of(evses: int = 2, meter_period_s: float = 60) -> ChargerFacts:
    return ChargerFacts(ChargerSettings(charger="CP1", evses=evses, meter_period_s=meter_period_s))


def take(facts: ChargerFacts, *events: tap_event.AnyEvent) -> None:
    for event in events:
        facts.take(event, NOW_MS)


def known(facts: ChargerFacts, now: int = 99) -> dict[str, float | Reason]:
    told = {}
    for reading in facts.readings(now):
        assert (reading.quality is Quality.GOOD) == (reading.value is not None)
        told[reading.signal] = reading.reason if reading.value is None else reading.value
    return told


def connected(mono_ns: int) -> tap_event.Connected:
    return tap_event.Connected("CP1", mono_ns, "ocpp1.6", secure=True)


def status(evse: int, text: str, connector: int = 1, error: str = "NoError") -> tap_event.StatusChanged:
    return tap_event.StatusChanged("CP1", 5, evse, connector, text, error)


def test_nothing_is_known_before_anything_was_told() -> None:
    assert known(facts_of()) == BEGINNING


def test_listed_values_become_signals_in_si_units() -> None:
    names = ("Voltage:L1-N", "Current.Import:L2@Inlet", "Temperature@Body", "Power.Reactive.Export", "SoC@EV")
    settings = ChargerSettings(charger="CP1", meter_period_s=60, measured=names, station_meter=True)
    facts = ChargerFacts(settings)
    take(
        facts,
        metered(
            MeterValue("Voltage", "L1-N", "Outlet", "", 230.1),
            MeterValue("Voltage", "L2-N", "", "V", 230.2),
            MeterValue("Current.Import", "L2", "Inlet", "A", 16.25),
            MeterValue("Current.Import", "L2", "", "A", 99),
            MeterValue("Temperature", "", "Body", "K", 300.15),
            MeterValue("Power.Reactive.Export", "", "", "kvar", 1.5),
            MeterValue("SoC", "", "EV", "Wh", 50),
            MeterValue("Power.Active.Import", "", "", "kW", 11),
            MeterValue("Energy.Active.Import.Register", "", "", "Wh", 12345),
        ),
        tap_event.Metered("CP1", 7, 0, (MeterValue("Voltage", "L1-N", "", "V", 231),)),
        tap_event.Metered("CP1", 7, 2, (MeterValue("Voltage", "L1-N", "", "V", 1),)),
    )
    told = {key: value for key, value in known(facts).items() if "Ocpp" in key}
    assert told == {
        "1.0/EVSE[Ocpp]/xVoltage[L1-N]": 230.1,
        "1.0/EVSE[Ocpp.Inlet]/xCurrentImport[L2]": 16.25,
        "1.0/EVSE[Ocpp.Body]/xTemperature": 27.0,
        "1.0/EVSE[Ocpp]/xPowerReactiveExport": 1500,
        "1.0/EVSE[Ocpp]/Power": 11_000,
        "1.0/FiscalMetering[Ocpp]/EnergyImportRegister": 12345,
        "0.0/EVSE[Ocpp]/xVoltage[L1-N]": 231,
    }
    assert told.keys() <= {signal.key for signal, _ in plan.signals_of(settings)}


HANDLE = "1.0/TemperatureSensor[Handle]/Temperature"
LOCK = "1.1/ConnectorPlugRetentionLock/State"
VARIABLES = (
    VariableSettings(charger="CP1", key=HANDLE, unit="Celsius", resolution=0.1, range=(-40, 150), period_s=60),
    VariableSettings(charger="CP1", key=LOCK, map={"Unlocked": 0, "Locked": 1}),
    VariableSettings(charger="CP1", key="0.0/Controller/Active"),
)


def monitored(key: str, value: float | str, mono_ns: int = 7) -> tap_event.Monitored:
    place, component, variable = key.split("/")
    evse, connector = map(int, place.split("."))
    return tap_event.Monitored("CP1", mono_ns, evse, connector, component, variable, value)


def test_monitored_variables_become_signals() -> None:
    facts = ChargerFacts(ChargerSettings(charger="CP1"), VARIABLES)
    take(facts, monitored(HANDLE, 41.5), monitored(LOCK, "Locked"), monitored("0.0/Controller/Active", 1.0))
    take(facts, monitored("2.0/TemperatureSensor[Handle]/Temperature", 20))
    told = known(facts)
    assert (told[HANDLE], told[LOCK], told["0.0/Controller/Active"]) == (41.5, 1, 1)
    assert "2.0/TemperatureSensor[Handle]/Temperature" not in told
    again = known(facts)
    assert HANDLE not in again, "what is reported periodically is told once, with its own time"
    assert again[LOCK] == 1, "what is reported when it changes holds"


def test_a_monitored_value_that_cannot_be_is_a_reason() -> None:
    facts = ChargerFacts(ChargerSettings(charger="CP1"), VARIABLES)
    take(facts, monitored(HANDLE, 900), monitored(LOCK, "Ajar"), monitored("0.0/Controller/Active", "On"))
    told = known(facts)
    assert [told[key] for key in (HANDLE, LOCK)] == [Reason.OUT_OF_RANGE] * 2
    assert told["0.0/Controller/Active"] is Reason.MALFORMED


def test_monitored_variables_are_forgotten_with_lost_events_and_bad_without_a_charger() -> None:
    facts = ChargerFacts(ChargerSettings(charger="CP1"), VARIABLES)
    take(facts, connected(1), monitored(LOCK, "Locked"), tap_event.Unread("CP1", 8, "copies-lost", 1))
    assert LOCK not in known(facts)
    take(facts, monitored(LOCK, "Locked"), tap_event.Disconnected("CP1", 9, "charger", 1000))
    told = known(facts)
    assert {told[each.key] for each in VARIABLES} == {Reason.DISCONNECTED}


def test_a_connection_told_again_is_no_reconnect() -> None:
    facts = facts_of()
    take(facts, connected(1), connected(1))
    assert known(facts) == {**BEGINNING, plan.LINK_ACTIVE: 1}
    take(facts, tap_event.Disconnected("CP1", 2, "charger", 1000), connected(3))
    assert known(facts)[plan.RECONNECTS] == 1


def test_a_charger_that_is_away_has_no_states() -> None:
    facts = facts_of(evses=1)
    take(facts, connected(1), status(1, "Charging"), tap_event.Disconnected("CP1", 2, "csms", None))
    told = known(facts)
    assert told.pop(plan.LINK_ACTIVE) == 0
    assert told.pop(plan.RECONNECTS) == 0
    assert told.pop(plan.SECURITY_EVENTS) == 0
    assert set(told.values()) == {Reason.DISCONNECTED}
    assert len(told) == len(plan.signals_of(ChargerSettings(charger="CP1", meter_period_s=60))) - 3


def test_states_hold_until_they_change() -> None:
    facts = facts_of()
    take(facts, status(0, "Available", 0), status(1, "Charging"), status(2, "Faulted", error="GroundFailure"))
    for _ in range(2):
        told = known(facts)
        assert told[plan.availability(0)] == 0
        assert told[plan.availability(1)] == 2
        assert (told[plan.problem(1)], told[plan.problem(2)]) == (0, 1)
    take(facts, status(1, "SuspendedEV"), status(3, "Charging"), status(1, "Dancing"))
    told = known(facts)
    assert told[plan.availability(1)] == plan.NUMBER_OF["SuspendedEV"]
    assert plan.availability(3) not in told


def test_of_two_connectors_the_one_in_use_tells() -> None:
    facts = facts_of()
    take(facts, status(1, "Occupied", 1), status(1, "Available", 2))
    assert known(facts)[plan.availability(1)] == plan.NUMBER_OF["Occupied"]
    take(facts, status(1, "Available", 1))
    assert known(facts)[plan.availability(1)] == 0


def test_transactions_begin_and_end() -> None:
    facts = facts_of()
    begin = tap_event.TransactionChanged("CP1", 1, 1, "started", "a" * 16)
    take(facts, begin, tap_event.TransactionChanged("CP1", 1, 0, "started", "b" * 16))
    assert known(facts)[plan.transaction_active(1)] == 1
    take(facts, tap_event.TransactionChanged("CP1", 1, 1, "ended", "a" * 16, "EVDisconnected"))
    assert known(facts)[plan.transaction_active(1)] == 0


def test_a_round_trip_is_told_once_with_its_own_time() -> None:
    facts = facts_of()
    take(facts, tap_event.Answered("CP1", 7, "Heartbeat", "csms", 43.0, "result"))
    take(facts, tap_event.Answered("CP1", 8, "Reset", "charger", 900.0, "result"))
    [told] = [reading for reading in facts.readings(99) if reading.signal == plan.ROUND_TRIP]
    assert (told.value, told.source_mono_ns) == (0.043, 7)
    assert plan.ROUND_TRIP not in known(facts)


def metered(*values: MeterValue, age_s: float | None = None) -> tap_event.Metered:
    return tap_event.Metered("CP1", 7, 1, values, None if age_s is None else NOW_MS - round(age_s * 1000))


def test_metered_values_are_scaled_and_chosen() -> None:
    facts = facts_of()
    take(
        facts,
        metered(
            MeterValue("Power.Active.Import", "", "Outlet", "kW", 11.04),
            MeterValue("Power.Active.Import", "L1", "", "W", 3680),
            MeterValue("Energy.Active.Import.Register", "", "", "kWh", 12.5),
            MeterValue("Energy.Active.Import.Register", "", "Inlet", "Wh", 1),
            MeterValue("SoC", "", "EV", "Percent", 50),
        ),
    )
    told = known(facts)
    assert told[plan.metered_power(1)] == 11_040
    assert told[plan.metered_energy(1)] == 12_500


def test_queued_meter_values_are_not_the_present() -> None:
    facts = facts_of()
    value = MeterValue("Power.Active.Import", "", "", "W", 1.0)
    take(facts, metered(value, age_s=121))
    assert plan.metered_power(1) not in known(facts)
    take(facts, metered(value, age_s=119))
    assert known(facts)[plan.metered_power(1)] == 1
    unwanted = facts_of(meter_period_s=0)
    take(unwanted, metered(value))
    assert plan.metered_power(1) not in known(unwanted)


def test_what_the_tap_could_not_read_may_have_been_a_change() -> None:
    facts = facts_of()
    take(facts, connected(1), status(1, "Charging"), tap_event.Unread("CP1", 2, "copies-lost", 3))
    assert known(facts) == BEGINNING
    take(facts, tap_event.Booted("CP1", 3, "v", "m", "f"))
    assert known(facts)[plan.LINK_ACTIVE] == 1


def test_a_station_that_is_not_listened_to_gives_no_reading() -> None:
    facts = ChargerFacts(ChargerSettings(charger="CP1", station=False))
    take(facts, status(0, "Faulted", connector=0), status(1, "Charging"))
    told = known(facts)
    assert plan.availability(0) not in told
    assert told[plan.availability(1)] == plan.NUMBER_OF["Charging"]


def test_security_events_are_counted_and_say_nothing_of_states() -> None:
    facts, event = facts_of(), tap_event.SecurityEvent("CP1", 3, tap_event.SecurityKind.METER_REGRESS, 2)
    take(facts, event, event)
    assert known(facts) == {**BEGINNING, plan.SECURITY_EVENTS: 4}
    take(facts, connected(1), tap_event.Disconnected("CP1", 2, "csms", None), event)
    told = known(facts)
    assert (told[plan.LINK_ACTIVE], told[plan.SECURITY_EVENTS]) == (0, 6)
