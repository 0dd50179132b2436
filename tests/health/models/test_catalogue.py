"""This file holds all models to what a measure has to say of itself."""

import math

import pytest

from isolane.health.models.catalogue import KINDS, Kind
from isolane.health.models.measure import Level
from isolane.health.models.model import Rating
from isolane.health.models.settings import ModelSettings

_DC = Rating(direct=True, power_w=150_000.0, current_a=200.0, voltage_v=1000.0)
_AC = Rating(direct=False, power_w=22_000.0, current_a=32.0, voltage_v=230.0)


def _keys(kind: Kind) -> list[str]:
    names = ("ContactDCplus", "ContactDCminus", "ContactL1", "L1", "L2", "L3", "1", "2", "3")
    return [key.replace("[*]", f"[{name}]") for key in (*kind.required, *kind.used) for name in names]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))
@pytest.mark.parametrize("rating", [_DC, _AC], ids=["direct", "alternating"])
def test_what_has_no_l3_of_its_own_is_not_raised_to_it_by_a_prognosis(kind: Kind, rating: Rating) -> None:
    for measure in kind.make(ModelSettings(), rating, _keys(kind)).measures:
        if math.isinf(measure.dispatch) and measure.foretold:
            assert measure.urged is Level.PLAN, measure.name
