"""This file tests a whole site's models: which place has which, and that a bug in one ends no other."""

import msgspec
import numpy as np
import pytest

from isolane.core.signals import Signal
from isolane.health.models.components.sensors import Memory
from isolane.health.models.settings import CommissionedSettings, ModelSettings
from isolane.health.models.stage import Stage

START_S = 1_700_000_400
KEYS = ("1.0/EVSE/DCCurrent", "1.0/PowerContactor/Active", "1.0/PowerContactor/xCommand", "1.0/EVSE/DCVoltage")
SIGNALS = [Signal(charger, key, "", 0) for charger in ("CP1", "CP2") for key in KEYS]


def test_each_place_has_the_models_whose_signals_are_there() -> None:
    stage = Stage(SIGNALS, ModelSettings())
    assert [(bay.place.charger, bay.place.prefix) for bay in stage.bays] == [("CP1", "1.0"), ("CP2", "1.0")]
    assert "contactor/1" in [judged.model.id for judged in stage.bays[0].judged]


def test_a_kind_can_be_put_out() -> None:
    stage = Stage(SIGNALS, ModelSettings(off=("contactor",)))
    assert not [j for bay in stage.bays for j in bay.judged if j.model.id.startswith("contactor/")]


def test_every_signal_that_is_read_is_watched_once_where_a_load_is_seen() -> None:
    housing = ("TemperatureSensor[Enclosure]/Temperature", "HumiditySensor/Humidity", "TiltSensor/Angle")
    outer = [f"0.0/{key}" for key in ("ExternalTemperatureSensor/Temperature", *housing)]
    keys = [*outer, *KEYS, "1.0/TemperatureSensor[ContactDCplus]/Temperature", "1.0/Unread/xValue"]
    stage = Stage([Signal("CP1", key, "", 0) for key in keys], ModelSettings())
    watched = [
        (bay.place.prefix, key)
        for bay in stage.bays
        for judged in bay.judged
        if judged.model.id == "sensors/1"
        for key in msgspec.convert(judged.model.state(), Memory).table
    ]
    read = {key for bay in stage.bays for key in bay.place.columns}
    assert sorted(key for _, key in watched) == sorted(read)
    assert ("0.0", "TiltSensor/Angle") in watched
    assert ("1.0", "ExternalTemperatureSensor/Temperature") in watched
    off = Stage([Signal("CP1", key, "", 0) for key in keys], ModelSettings(off=("sensors",)))
    assert not [j for bay in off.bays for j in bay.judged if j.model.id == "sensors/1"]


def test_a_commissioned_value_is_the_start_of_its_own_place_alone() -> None:
    told = CommissionedSettings(charger="CP2", place="1.0", measure="contactor.mechanical_wear", value=7.0)
    first, second = Stage(SIGNALS, ModelSettings(commissioned=(told,))).bays
    assert first.judged[0].courses.keys() == second.judged[0].courses.keys()


def test_a_bug_in_one_place_ends_no_other(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(SIGNALS, ModelSettings())

    def broken(_start_s: int, _rows: object) -> list[object]:
        raise ZeroDivisionError

    monkeypatch.setattr(stage.bays[0], "feed", broken)
    rows = np.zeros((10, len(SIGNALS)))
    for at in range(0, 100, 10):
        stage.feed(START_S + at, rows)
    assert stage.failed == 3
    assert "models-put-out charger=CP1 place=1.0" in caplog.text
    assert [bay.place.charger for bay in stage.working] == ["CP2"]
    assert {place.charger for place, _ in stage.scores(START_S)} == {"CP2"}
    assert caplog.text.count("models-failed charger=CP1 place=1.0") == 3
    assert stage.bays[1].bytes > 0
