"""This file tests alerts of parts; it guards that a part is one alert and that silence ends none."""

from typing import Protocol

from isolane.center.alerts.engine import AlertEngine
from isolane.center.alerts.rehearsal import rehearse
from isolane.center.alerts.rules import HealthRule, PartRule, Rule, Where, load_rules
from isolane.center.store.alert_views import Alert
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.health_book import HealthBook
from isolane.center.store.port import Origin, Telemetry
from isolane.wire.health_paper import LevelNote, ScoreNote
from support.health_papers import CONTACT, WELD, Teller, change, score

RULES = [rule for rule in load_rules() if isinstance(rule, PartRule)]
WORN = [rule for rule in load_rules() if isinstance(rule, HealthRule)]
XSOH = "1.1/TemperatureSensor[ContactDCplus]/xSoH"
HEATING = "part/depot/CP-1/1.1/TemperatureSensor[ContactDCplus]/contact_heating[DCplus]"
WELDED = "part/depot/CP-1/1.0/PowerContactor/weld"


class World(Protocol):
    """What these tests use of the fixture."""

    now_ms: int
    catalogue: SqlCatalogue
    telemetry: Telemetry
    teller: Teller

    def engine(self, *rules: Rule, parts: HealthBook) -> AlertEngine: ...
    async def send(self, values: dict[str, list[float | None]], *, key: str, unit: str = "Celsius") -> None: ...
    async def open_alerts(self) -> list[Alert]: ...
    async def rules_open(self) -> list[tuple[str, str]]: ...


def teller(world: World) -> Teller:
    return Teller(world.catalogue, Origin("depot", "gw-1", world.now_ms))


async def told(world: World, engine: AlertEngine, *notes: ScoreNote | LevelNote) -> list[tuple[str, str]]:
    world.now_ms += 60_000
    world.teller.origin = Origin("depot", "gw-1", world.now_ms)
    await world.teller.tell(*notes)
    await engine.look(world.now_ms)
    assert engine.passed.failures == 0
    return sorted(await world.rules_open())


async def test_an_alert_says_what_was_seen_what_to_do_and_what_to_bring(world: World) -> None:
    world.teller = teller(world)
    engine = world.engine(*RULES, parts=world.teller.book)
    own = score(CONTACT, 100, 42.0, 2)
    assert await told(world, engine, change(CONTACT, 100, -1, 2, own)) == [("part-plan", HEATING)]
    (alert,) = await world.open_alerts()
    assert alert.seen == (
        "contact_heating[DCplus] of TemperatureSensor[ContactDCplus] at 1.1, depot: state of health 42 ± 4 of 100; "
        "0.00158 K/A2 against 0.002 K/A2 at its end of life (measured, 60 features, trust good). "
        "Codes: MREC CX018, CharIN HighTemperature."
    )
    assert alert.action == "Clean the contact. Order the part and add it to the next planned visit."
    assert (alert.part, alert.device, alert.level) == ("connector with cable", "CP-1", 2)


async def test_a_part_has_one_alert_of_its_level_and_none_when_it_is_well(world: World) -> None:
    world.teller = teller(world)
    engine = world.engine(*RULES, parts=world.teller.book)
    assert await told(world, engine, change(WELD, 10, -1, 3)) == [("part-dispatch", WELDED)]
    assert await told(world, engine, change(WELD, 20, 3, 4)) == [("part-safety", WELDED)]
    (alert,) = await world.open_alerts()
    assert "400 V, held against 60 V. Codes: MREC CX017." in alert.seen
    assert await told(world, engine, change(WELD, 30, 4, 1)) == []


async def test_a_rule_of_a_lower_level_speaks_where_no_other_does(world: World) -> None:
    world.teller = teller(world)
    where = Where(signals=("*/PowerContactor/*",))
    only = PartRule(id="any", level="L2", title="t", seen="{codes}", why="w", action="a", where=where)
    engine = world.engine(only, parts=world.teller.book)
    assert await told(world, engine, change(WELD, 10, -1, 4), change(CONTACT, 10, -1, 4)) == [("any", WELDED)]


async def test_the_worse_of_two_measures_of_a_component_explains_the_other(world: World) -> None:
    world.teller = teller(world)
    engine = world.engine(*RULES, parts=world.teller.book)
    wear = type(WELD)("CP-1", "1.0", "PowerContactor", "contactor/1", "wear")
    notes = change(WELD, 10, -1, 4), change(wear, 10, -1, 2), change(CONTACT, 10, -1, 2)
    assert await told(world, engine, *notes) == [("part-plan", HEATING), ("part-safety", WELDED)]
    await engine.look(world.now_ms + 1)
    grouped = {alert.rule: alert.grouped for alert in await world.open_alerts()}
    assert grouped["part-safety"] == ["part/depot/CP-1/1.0/PowerContactor/wear"]


async def test_a_silent_gateway_neither_ends_nor_opens(world: World) -> None:
    world.teller = teller(world)
    engine = world.engine(*RULES, parts=world.teller.book)
    assert await told(world, engine, change(WELD, 10, -1, 4)) == [("part-safety", WELDED)]
    await world.teller.tell(change(CONTACT, 11, -1, 3))
    world.now_ms += 3_600_000
    await engine.look(world.now_ms)
    assert await world.rules_open() == [("part-safety", WELDED)]
    assert len(await told(world, engine)) == 2


async def test_what_the_signal_says_of_a_part_that_is_told_of_is_not_said_again(world: World) -> None:
    world.teller = teller(world)
    engine = world.engine(*WORN, *RULES, parts=world.teller.book)
    await world.send({"CP-1": [10.0]}, key=XSOH, unit="Percent")
    await engine.look(world.now_ms)
    assert [rule for rule, _ in await world.rules_open()] == ["worn-out"]
    # From now on the gateway tells of the part itself, and of its level only that it is not yet certain.
    await world.teller.tell(score(CONTACT, 10, 10.0, 1))
    world.now_ms += 60_000
    await world.send({"CP-1": [10.0]}, key=XSOH, unit="Percent")
    await engine.look(world.now_ms)
    assert await world.rules_open() == []
    assert await told(world, engine, change(CONTACT, 60, 1, 3, score(CONTACT, 60, 10.0, 3))) == [
        ("part-dispatch", HEATING)
    ]


async def test_a_signal_of_a_part_that_nobody_tells_of_is_still_spoken_of(world: World) -> None:
    world.teller = teller(world)
    engine = world.engine(*WORN, *RULES, parts=world.teller.book)
    await world.teller.tell(score(CONTACT, 10, 90.0))
    await world.send({"CP-1": [10.0]}, key="1.1/AcDcConverter[1]/xSoH", unit="Percent")
    await engine.look(world.now_ms)
    assert [rule for rule, _ in await world.rules_open()] == ["worn-out"]


async def test_a_hot_contact_is_one_alert_with_the_finding_about_it(world: World) -> None:
    world.teller = teller(world)
    engine = world.engine(*load_rules(), parts=world.teller.book)
    key = "1.1/TemperatureSensor[ContactDCplus]/Temperature"
    await world.teller.tell(change(CONTACT, 10, -1, 4))
    await world.send({"CP-1": [95.0]}, key=key)
    await engine.look(world.now_ms)
    assert [rule for rule, _ in await world.rules_open()] == ["part-safety"]


async def test_a_rehearsal_counts_the_parts_that_a_rule_looks_at(world: World) -> None:
    world.teller = teller(world)
    await world.teller.tell(change(WELD, 10, -1, 4), score(CONTACT, 10))
    found = await rehearse(RULES, world.catalogue, world.telemetry, world.now_ms, parts=world.teller.book)
    assert found.selected["part-safety"] == (2, "parts")
    assert [opening.rule for opening in found.openings] == ["part-safety"]
