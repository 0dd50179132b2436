"""This file makes parts; it guards that tests of fleets read what the store gives."""

from collections.abc import Callable

import pytest

from isolane.center.store.health_views import PartHealth
from support.health_papers import CONTACT, score

MakePart = Callable[..., PartHealth]


@pytest.fixture
def make_part() -> MakePart:
    def make(number: int, *, level: int = -1, charger: str = "CP-1", **changes: object) -> PartHealth:
        note = score(CONTACT, 100, 80.0, level, **changes)
        names = CONTACT.place, CONTACT.component, CONTACT.model, CONTACT.measure
        return PartHealth(number, "depot", "gw-1", charger, *names, level, note.value, 100_000, 0, note, None)

    return make
