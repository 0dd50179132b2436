"""This file tests that a memory which does not fit is told of and left, whichever model it is of."""

import logging
import re

import msgspec
import pytest

from isolane.core.signals import Signal
from isolane.health.models.binding import places
from isolane.health.models.catalogue import KINDS, Kind
from isolane.health.models.model import Model, Rating
from isolane.health.models.place import Bay, Remembered
from isolane.health.models.settings import ModelSettings

RATING = Rating(direct=True, power_w=150e3, current_a=200.0, voltage_v=1000.0)
_ANY = re.compile(r"\*")


def _made(kind: Kind) -> tuple[Bay, Model]:
    keys = [_ANY.sub("1", key) for key in (*kind.required, *kind.used)] or ["EVSE/DCVoltage", "EVSE/Power"]
    place = places(tuple(Signal("CP1", f"1.0/{key}", "", 0.1) for key in dict.fromkeys(keys)))[-1]
    model = kind.make(ModelSettings(), RATING, keys)
    return Bay(place, RATING, [model]), model


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_is_remembered_fits_the_same_model(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    bay, model = _made(kind)
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(bay.remember()), type=dict[str, Remembered])
    bay.restore(kept)
    assert bay.remember() == kept
    assert model.id in kept
    assert "model-forgotten" not in caplog.text


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_does_not_fit_is_told_and_left(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    bay, model = _made(kind)
    before = bay.remember()
    spoilt = dict.fromkeys(before[model.id].state, "spoilt") or {"days": "spoilt"}
    with caplog.at_level(logging.WARNING):
        bay.restore({model.id: Remembered(spoilt, {}, {})})
    assert bay.remember() == before
    assert f"model-forgotten charger=CP1 place=1.0 model={model.id}" in caplog.text
