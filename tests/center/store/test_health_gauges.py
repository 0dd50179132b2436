"""This file tests scores as metrics; it guards that a part that still learns has none."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, generate_latest

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.health_gauges import PartGauges
from support.gateways import T0_MS, FakeGateway
from support.health_papers import CONTACT, Teller, score


async def test_scores_are_metrics_with_their_place(open_catalogue: Callable[[], SqlCatalogue]) -> None:
    teller = Teller(open_catalogue(), FakeGateway().origin())
    other = type(CONTACT)("CP-2", CONTACT.place, CONTACT.component, CONTACT.model, CONTACT.measure)
    await teller.tell(score(CONTACT, T0_MS // 1000, 80.0), score(other, T0_MS // 1000, None))
    gauges, registry = PartGauges(teller.book), CollectorRegistry()
    registry.register(gauges)
    assert "{" not in generate_latest(registry).decode()
    await gauges.look()
    lines = [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]
    labels = 'charger="CP-1",component="TemperatureSensor[ContactDCplus]",measure="contact_heating[DCplus]"'
    assert lines == [f'isolane_center_part_health{{{labels},place="1.1",site="depot"}} 80.0']
    assert len(await teller.book.values(0)) == 0
