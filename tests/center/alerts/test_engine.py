"""This file tests the engine over the real store; it guards that one cause is one alert, whatever restarts."""

from typing import Any, Protocol

import pytest

from isolane.center.alerts.engine import AlertEngine
from isolane.center.alerts.rules import (
    AbsenceRule,
    CusumRule,
    HealthRule,
    LedgerRule,
    RateRule,
    ThresholdRule,
    Where,
    load_rules,
)
from isolane.center.store.alert_views import AlertState, Silence
from isolane.center.store.port import Batch, Catalogue

WORDS: dict[str, Any] = {
    "title": "{device}",
    "seen": "{signal} of {device} at {site}: {value}",
    "why": "w",
    "action": "a",
}
HOSTILE = "<img src=x onerror=alert(1)>"
HOT = ThresholdRule(id="hot", level="L3", above=80, clear=70, for_s=10, **WORDS)
STOP = ThresholdRule(id="stop", level="L4", above=90, clear=75, **WORDS)
GATEWAY = AbsenceRule(id="gateway-silent", level="L3", of="gateway", after_s=300, **WORDS)
CHARGER = AbsenceRule(id="charger-silent", level="L2", of="charger", after_s=120, **WORDS)
SITE = AbsenceRule(id="site-silent", level="L3", of="site", after_s=300, **WORDS)
CENTER = AbsenceRule(id="center-deaf", level="L3", of="center", after_s=300, **WORDS)
FIFTY = [f"CP-{number:02}" for number in range(50)]


class World(Protocol):
    """What these tests use of the fixture."""

    now_ms: int
    alerts: Any
    catalogue: Catalogue
    gateways: dict[str, Any]

    def engine(self, *rules: object, **changes: object) -> AlertEngine: ...
    async def send(self, values: dict[str, list[float | None]], **how: Any) -> None: ...  # noqa: ANN401
    async def restart(self) -> None: ...
    async def open_alerts(self) -> list[Any]: ...
    async def rules_open(self) -> list[tuple[str, str]]: ...


async def go(world: World, engine: AlertEngine, seconds: float = 0) -> list[tuple[str, str]]:
    """Let time pass, and the engine look."""
    world.now_ms += int(seconds * 1000)
    await engine.look(world.now_ms)
    assert engine.passed.failures == 0
    return await world.rules_open()


async def feed(world: World, engine: AlertEngine, *values: float | None, **how: Any) -> list[str]:  # noqa: ANN401
    """Let as many seconds pass as there are values of CP-1, send them, and look."""
    world.now_ms += 1000 * len(values)
    await world.send({"CP-1": list(values)}, **how)
    return [rule for rule, _ in await go(world, engine)]


async def test_a_site_of_fifty_whose_gateway_falls_silent_is_one_alert(world: World) -> None:
    engine = world.engine(GATEWAY, CHARGER, SITE, CENTER)
    await world.send({name: [20.0] for name in FIFTY})
    assert await go(world, engine) == []
    for _ in range(80):
        found = await go(world, engine, 5)
        assert len(found) <= 1
    assert found == [("gateway-silent", "gateway/depot/gw-1")]
    (alert,) = await world.open_alerts()
    assert len(alert.grouped) == 50
    assert engine.passed.withheld == 50
    world.now_ms += 1000
    await world.send({name: [20.0] for name in FIFTY[:49]})
    assert await go(world, engine) == []


async def test_when_the_cause_ends_the_rest_is_looked_at_again(world: World) -> None:
    """One of the fifty does not come back with its gateway: it gets its own alert, once its own time is over."""
    engine = world.engine(GATEWAY, CHARGER)
    await world.send({name: [20.0] for name in FIFTY})
    await go(world, engine)
    assert len(await go(world, engine, 400)) == 1
    for _ in range(12):
        world.now_ms += 10_000
        await world.send({name: [None if name == "CP-07" else 20.0] for name in FIFTY})
        found = await go(world, engine)
        assert found == []
    world.now_ms += 10_000
    await world.send({name: [None if name == "CP-07" else 20.0] for name in FIFTY})
    assert await go(world, engine) == [("charger-silent", "charger/depot/CP-07")]


async def test_a_charger_that_fell_silent_before_its_gateway_keeps_its_alert(world: World) -> None:
    engine = world.engine(GATEWAY, CHARGER)
    for second in range(0, 130, 10):
        world.now_ms += 10_000
        await world.send({"A": [20.0], "B": [20.0 if second == 0 else None]})
        await go(world, engine)
    assert await world.rules_open() == [("charger-silent", "charger/depot/B")]
    assert len(await go(world, engine, 500)) == 2


async def test_when_all_sites_fall_silent_it_is_the_center(world: World) -> None:
    engine = world.engine(GATEWAY, CHARGER, SITE, CENTER)
    for site in ("north", "south"):
        for number in (1, 2):
            await world.send({f"{site}-{number}": [20.0]}, site=site, gateway=f"{site}-gw-{number}")
    await go(world, engine)
    assert await go(world, engine, 301) == [("center-deaf", "center")]
    world.now_ms += 1000
    await world.send({"north-1": [20.0]}, site="north", gateway="north-gw-1")
    assert await go(world, engine) == []
    world.now_ms += 301_000
    await world.send({"north-1": [20.0]}, site="north", gateway="north-gw-1")
    assert await go(world, engine) == [
        ("gateway-silent", "gateway/north/north-gw-2"),
        ("site-silent", "site/south"),
    ]


async def test_nobody_was_silent_while_the_center_was_down(world: World) -> None:
    engine = world.engine(GATEWAY)
    await world.send({"CP-1": [20.0]})
    await go(world, engine)
    world.now_ms += 10_000_000
    await world.restart()
    engine = world.engine(GATEWAY)
    assert await go(world, engine) == []
    assert await go(world, engine, 301) == [("gateway-silent", "gateway/depot/gw-1")]
    number = (await world.open_alerts())[0].number
    await world.restart()
    engine = world.engine(GATEWAY)
    await go(world, engine, 1)
    assert [alert.number for alert in await world.open_alerts()] == [number]


async def test_a_threshold_opens_and_closes_with_what_was_seen(world: World) -> None:
    engine = world.engine(HOT)
    assert await feed(world, engine, *[81.0] * 10) == []
    assert await feed(world, engine, 85.5) == ["hot"]
    (alert,) = await world.open_alerts()
    assert alert.seen == f"{alert.signal} of CP-1 at depot: 85.5 °C"
    assert (alert.site, alert.device, alert.level) == ("depot", "CP-1", 3)
    assert await feed(world, engine, 75.0) == ["hot"]
    assert await feed(world, engine, 70.0) == []
    assert await world.alerts.waiting() == {"hook": 2}


async def test_a_peak_within_a_block_is_seen(world: World) -> None:
    engine = world.engine(STOP)
    assert await feed(world, engine, *[20.0] * 30, 95.0, *[74.9] * 0, *[80.0] * 29) == ["stop"]


@pytest.mark.parametrize("how", [{"age_s": 1000}, {"stale": True}])
async def test_what_is_late_or_held_is_no_value(world: World, how: dict[str, Any]) -> None:
    engine = world.engine(STOP)
    await feed(world, engine, 20.0)
    assert await feed(world, engine, *[95.0] * 20, **how) == []


async def test_bad_samples_and_gaps_neither_raise_nor_end(world: World) -> None:
    engine = world.engine(HOT)
    await feed(world, engine, *[81.0] * 6)
    assert await feed(world, engine, *[None] * 130, 81.0) == []
    assert await feed(world, engine, *[81.0] * 10) == ["hot"]
    assert await feed(world, engine, *[None] * 200) == ["hot"]
    assert await go(world, engine, 5000) != []


async def test_a_restart_neither_loses_nor_repeats(world: World) -> None:
    engine = world.engine(HOT)
    await feed(world, engine, *[81.0] * 11)
    (before,) = await world.open_alerts()
    await feed(world, engine, 20.0, 20.0, *[81.0] * 5)
    assert await world.rules_open() == []
    await world.restart()
    engine = world.engine(HOT)
    assert await feed(world, engine, *[81.0] * 6) == ["hot"]
    (again,) = await world.open_alerts()
    assert again.number > before.number
    for _ in range(3):
        await world.restart()
        engine = world.engine(HOT)
        await go(world, engine, 1)
        assert [alert.number for alert in await world.open_alerts()] == [again.number]
    assert await feed(world, engine, 60.0) == []


async def test_a_long_run_goes_on_after_a_restart(world: World) -> None:
    day = ThresholdRule(id="day", level="L2", above=80, for_s=86_400, gap_s=7200, **WORDS)
    engine = world.engine(day)
    for hour in range(25):
        world.now_ms += 3_599_000
        if hour == 12:
            await world.restart()
            engine = world.engine(day)
        assert (await feed(world, engine, 81.0) == ["day"]) == (hour == 24)


async def test_a_cause_by_rule_takes_its_consequence(world: World) -> None:
    hot = ThresholdRule(id="hot", level="L3", above=80, clear=70, consequence_of=("stop",), **WORDS)
    engine = world.engine(hot, STOP)
    assert await feed(world, engine, 95.0) == ["stop"]
    assert await feed(world, engine, 74.0) == ["hot"]
    assert (await world.open_alerts())[0].grouped == []


async def test_a_rule_looks_at_what_it_selects_only(world: World) -> None:
    where = Where(sites=("dep*",), chargers=("CP-1", "X*"), signals=("1.0/*/Temperature", "2.0/*"))
    engine = world.engine(ThresholdRule(id="stop", level="L4", above=90, where=where, **WORDS))
    world.now_ms += 1000
    await world.send({"CP-1": [95.0], "CP-2": [95.0], "X-9": [95.0]})
    await world.send({"CP-1": [95.0]}, site="harbour", gateway="gw-2")
    assert sorted({subject.split("/")[2] for _, subject in await go(world, engine)}) == ["CP-1", "X-9"]


async def test_a_rate_is_held_against_its_limit(world: World) -> None:
    rate = RateRule(id="fast", level="L3", above=0.25, clear=0.1, window_s=20, **WORDS)
    engine = world.engine(rate)
    assert await feed(world, engine, *[20 + 0.2 * second for second in range(40)]) == []
    assert await feed(world, engine, *[28 + 0.5 * second for second in range(20)]) == ["fast"]
    (alert,) = await world.open_alerts()
    assert "°C/s" in alert.seen
    assert await feed(world, engine, *[38.0] * 21) == []


async def test_health_counts_what_is_sure(world: World) -> None:
    worn = HealthRule(id="worn", level="L2", below=50, clear=60, sure_sd=2, where=Where(signals=("*/*/xSoH",)), **WORDS)
    engine = world.engine(worn)
    key = "1.0/PowerContactor/xSoH"
    rule = {"key": key, "unit": "Percent"}
    assert await feed(world, engine, 45.0, **rule) == ["worn"]
    assert await feed(world, engine, 61.0, **rule) == []
    world.now_ms += 1000
    await world.send({"CP-1": [3.0]}, key=f"{key}Std", unit="Percent")
    await world.send({"CP-1": [45.0]}, **rule)
    assert await go(world, engine) == []


async def test_a_signal_without_a_good_value_is_told_unless_its_charger_is_silent(world: World) -> None:
    quiet = AbsenceRule(
        id="signal-gone", level="L1", of="signal", after_s=60, where=Where(signals=("*/EVSE/*",)), **WORDS
    )
    engine = world.engine(quiet, CHARGER)
    key = {"key": "1.0/EVSE/Power", "unit": "W"}
    await feed(world, engine, 5.0, **key)
    await world.send({"CP-1": [20.0]})
    world.now_ms += 61_000
    await world.send({"CP-1": [20.0]})
    await world.send({"CP-1": [None] * 61}, **key)
    assert await go(world, engine) == [("signal-gone", "signal/depot/CP-1/1.0/EVSE/Power")]
    assert await feed(world, engine, 5.0, **key) == []
    world.now_ms += 100_000
    await world.send({"CP-1": [None] * 100})
    await world.send({"CP-1": [None] * 100}, **key)
    assert await go(world, engine) == []


async def test_a_drift_is_found_and_remembered(world: World) -> None:
    drift = CusumRule(id="drift", level="L1", every_s=60, baseline=10, **WORDS)
    engine = world.engine(drift)
    for minute in range(12):
        await feed(world, engine, *[50.0 + minute % 2] * 60)
    await world.restart()
    engine = world.engine(drift)
    opened_at = 0
    for minute in range(12):
        if await feed(world, engine, *[53.0] * 60):
            opened_at = minute
            break
    assert 2 <= opened_at <= 6
    number = (await world.open_alerts())[0].number
    await world.alerts.close_by_hand(number, "eve", "antenna changed", world.now_ms)
    assert await feed(world, engine, *[50.5] * 60) == []
    assert await feed(world, engine, *[50.5] * 60) == []


async def test_a_hole_in_the_books_is_one_alert_per_gateway(world: World) -> None:
    hole = LedgerRule(id="hole", level="L3", for_s=60, **WORDS)
    engine = world.engine(hole)
    await feed(world, engine, 20.0)
    peer = world.gateways["gw-1"]
    await world.catalogue.record(Batch(ledgers=(peer.statement(9, 9, at_ms=world.now_ms),)))
    assert await go(world, engine) == []
    assert await go(world, engine, 60) == [("hole", "gateway/depot/gw-1")]
    assert "8 blocks" in (await world.open_alerts())[0].seen
    await world.catalogue.record(Batch(gaps=(peer.gap(2, 9, samples=8),)))
    await world.catalogue.record(Batch(ledgers=(peer.statement(9, 9, dropped=8, at_ms=world.now_ms + 1),)))
    assert await go(world, engine, 1) == []


async def test_what_flaps_is_one_alert_until_it_is_quiet(world: World) -> None:
    engine = world.engine(STOP, flap_count=3, flap_quiet_s=600)
    opened = set()
    for _ in range(10):
        await feed(world, engine, 95.0)
        opened |= {alert.number for alert in await world.open_alerts()}
        await go(world, engine, 1)
        await feed(world, engine, 20.0)
    assert len(opened) == 3
    (alert,) = await world.open_alerts()
    assert alert.flapping
    assert await feed(world, engine, *[20.0] * 500) == ["stop"]
    assert await feed(world, engine, *[20.0] * 120) == []


async def test_what_a_person_closed_opens_again_only_after_it_has_ended(world: World) -> None:
    engine = world.engine(STOP)
    await feed(world, engine, 95.0)
    await world.alerts.close_by_hand((await world.open_alerts())[0].number, "eve", "known", world.now_ms)
    assert await feed(world, engine, 95.0) == []
    assert await feed(world, engine, 20.0) == []
    assert await feed(world, engine, 95.0) == ["stop"]


async def test_an_alert_that_waits_too_long_is_told_again_once(world: World) -> None:
    engine = world.engine(STOP, escalate_s={"L4": 60.0})
    await feed(world, engine, 95.0)
    for _ in range(3):
        await go(world, engine, 61)
    assert await world.alerts.waiting() == {"hook": 2}


async def test_a_silence_keeps_an_alert_from_the_ways_out(world: World) -> None:
    engine = world.engine(STOP)
    await world.alerts.silence(Silence(0, "stop", "", "", "", "test", "eve", world.now_ms, world.now_ms + 60_000))
    await feed(world, engine, 95.0)
    (alert,) = await world.open_alerts()
    assert (alert.state, await world.alerts.waiting()) == (AlertState.SILENCED, {})
    await go(world, engine, 61)
    assert await world.alerts.waiting() == {"hook": 1}


async def test_alerts_of_a_rule_that_is_gone_are_closed(world: World) -> None:
    await feed(world, world.engine(STOP), 95.0)
    assert await go(world, world.engine(HOT), 1) == []


async def test_no_more_devices_are_read_in_a_pass_than_it_may(world: World) -> None:
    engine = world.engine(STOP, devices_max=20)
    world.now_ms += 1000
    await world.send({name: [95.0] for name in FIFTY})
    assert len(await go(world, engine)) <= 20
    assert engine.passed.looked.behind == 31
    await go(world, engine, 1)
    assert len(await go(world, engine, 1)) == 50
    assert engine.passed.looked.behind == 0


async def test_a_hostile_identity_is_a_text(world: World) -> None:
    engine = world.engine(STOP)
    world.now_ms += 1000
    await world.send({HOSTILE: [95.0]})
    ((_, subject),) = await go(world, engine)
    assert HOSTILE in subject
    assert HOSTILE in (await world.open_alerts())[0].title


async def test_the_shipped_rules_tell_that_a_gateways_certificate_ends(world: World) -> None:
    engine = world.engine(*load_rules())
    day_s = 86_400.0
    for left_s, rules in (
        (31 * day_s, []),
        (29 * day_s, ["gateway-certificate-ends-soon"]),
        (6 * day_s, ["gateway-certificate-ends-soon", "gateway-certificate-ends"]),
        (360 * day_s, []),
    ):
        world.now_ms += 60_000
        await world.send({"": [left_s]}, key="0.0/Controller/xCertificateLeft", unit="s")
        found = await go(world, engine)
        assert [rule for rule, subject in found if "xCertificateLeft" in subject] == rules
        if rules:
            assert (await world.open_alerts())[0].title == "The certificate of gateway gw-1 ends in 29 d"
