"""This file checks the form of signal keys and what a signal refuses to be."""

import math

import pytest

from isolane.core.signals import Signal, is_signal_key


@pytest.mark.parametrize(
    "key",
    [
        "1.1/ElectricalFeed/ACVoltage[L1]",
        "0.0/DataLink/xRoundTrip",
        "1.0/AcDcConverter[2]/Temperature",
        "12.3/TemperatureSensor[ContactDCplus]/Temperature",
    ],
)
def test_keys_of_the_vocabulary_are_keys(key: str) -> None:
    assert is_signal_key(key)


@pytest.mark.parametrize(
    "key",
    ["", "ElectricalFeed/ACVoltage", "1/A/B", "1.0/A", "1.0/A/B/C", "1.0/A b/C", "1.0/A[]/B", "1.0/1A/B", "1.0/A/B\n"],
)
def test_other_texts_are_not(key: str) -> None:
    assert not is_signal_key(key)


def test_a_signal_names_the_key_it_refuses() -> None:
    with pytest.raises(ValueError, match="ACVoltage"):
        Signal("CP1", "ACVoltage", "V", 0.1)


@pytest.mark.parametrize("resolution", [-0.1, -math.inf, math.inf, math.nan])
def test_a_resolution_is_a_positive_number_or_0_for_none(resolution: float) -> None:
    with pytest.raises(ValueError, match="resolution"):
        Signal("CP1", "1.0/EVSE/Power", "W", resolution)
