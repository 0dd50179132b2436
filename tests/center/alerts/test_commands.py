"""This file tests alerts on what gateways say of commands; it guards that a bent audit is one alert, and is young."""

from typing import Protocol

from sqlalchemy.orm import Session

from isolane.center.alerts.commands import CommandWatch
from isolane.center.alerts.findings import Findings
from isolane.center.alerts.rules import CommandRule, load_rules
from isolane.center.alerts.scene import Scene
from isolane.center.alerts.wording import words
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_book import SqlCommands
from isolane.center.store.command_filing import Filed
from isolane.center.store.port import Origin

RULES = [rule for rule in load_rules() if isinstance(rule, CommandRule)]


class World(Protocol):
    """What these tests use of the fixture."""

    now_ms: int
    catalogue: SqlCatalogue


async def looked(world: World, later_ms: int = 0) -> Findings:
    findings = Findings()
    scene = Scene(world.now_ms + later_ms, {("depot", "gw-1"): world.now_ms}, {})
    await CommandWatch(RULES, SqlCommands(world.catalogue)).look(scene, findings)
    return findings


async def suspect(world: World, kind: str) -> None:
    def change(session: Session) -> None:
        Filed().suspect(session, "gw-1", kind, f"seen {kind}", world.now_ms)

    await world.catalogue.write(change)


async def test_what_no_honest_gateway_does_is_one_alert_for_a_day(world: World) -> None:
    await world.catalogue.admit(Origin("depot", "gw-1", world.now_ms))
    assert not (await looked(world)).holding
    for kind in ("rollback", "foreign-receipt", "foreign-receipt"):
        await suspect(world, kind)
    ((key, finding),) = (await looked(world)).holding.items()
    assert key == ("commands-not-believed", "gateway/depot/gw-1")
    said = words(finding.rule.seen, finding.facts)
    assert "foreign-receipt, rollback, 3 times" in said
    assert finding.rule.level == "L4"
    assert not (await looked(world, 25 * 3_600_000)).holding
