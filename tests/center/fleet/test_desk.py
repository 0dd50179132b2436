"""This file asks for whole fleets through the real books; it guards that a gain is said of what is known alone."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from isolane.center.fleet.desk import FleetDesk, months_back, worst_first, worst_part
from isolane.center.kpis.reports import Reports
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.fleet_port import WorstQuery
from isolane.center.store.health_views import PartHealth
from isolane.center.store.kpi_book import KpiBook
from support.gateways import T0_MS, FakeGateway
from support.health_papers import CONTACT, WELD, Teller, change, features, score

T0_S = T0_MS // 1000


def test_a_gain_has_two_factors(make_part: Callable[..., PartHealth]) -> None:
    part = make_part(1, level=2, fail_30d=0.4)
    assert worst_part(part, "", 5.0).saved_h == pytest.approx(2.0)
    assert worst_part(part, "", None).saved_h is None
    assert worst_part(make_part(2, level=2), "", 5.0).saved_h is None


def test_the_worst_comes_first(make_part: Callable[..., PartHealth]) -> None:
    parts = [make_part(1, level=1), make_part(2, level=3), make_part(3, level=3, fail_30d=0.5), make_part(4, level=4)]
    ordered = worst_first([worst_part(part, "", None) for part in parts])
    assert [one.part.number for one in ordered] == [4, 3, 2, 1]


def test_months_go_back_over_the_year() -> None:
    assert months_back(datetime(2026, 2, 3, tzinfo=UTC), 3) == ["2026-02", "2026-01", "2025-12"]


async def test_a_fleet_is_filtered_and_foreign_sites_are_not_there(
    open_catalogue: Callable[[], SqlCatalogue], open_telemetry: Callable[[], EmbeddedTelemetry]
) -> None:
    catalogue, telemetry = open_catalogue(), open_telemetry()
    teller = Teller(catalogue, FakeGateway().origin())
    await teller.tell(
        change(WELD, T0_S, -1, 4), score(CONTACT, T0_S + 9, 40.0, 2), *features(CONTACT, 3, t0_s=T0_S - 86_400)
    )
    await KpiBook(catalogue).add_nameplate(
        site="depot", charger="CP-1", from_ms=0, model="HPC", firmware="", rated_w=0, made_by="Ada"
    )
    desk = FleetDesk(teller.book, Reports(KpiBook(catalogue), telemetry))

    async def found(**query: object) -> list[str]:
        return [one.part.measure for one in await desk.worst(WorstQuery(**query))]  # type: ignore[arg-type]

    assert await found() == ["weld", "contact_heating[DCplus]"]
    assert await found(component="PowerContactor", model="HPC", site="depot") == ["weld"]
    assert await found(model="another") == []
    assert await found(sites=frozenset({"harbour"})) == []
    report = await desk.report()
    assert [(one.part, one.unknown) for one in report.spares] == [("connector with cable", 1)]
    assert [(one.component, one.count, one.failures) for one in report.survivals] == [("TemperatureSensor", 1, 0)]
    assert (await desk.report(frozenset({"harbour"}))).spares == []
