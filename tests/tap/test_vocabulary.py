"""This file tests `tap.vocabulary` against the enumerations and schemas of the `ocpp` library."""

from importlib import import_module
from pathlib import Path

import pytest

from isolane.tap import vocabulary

v16, v201, v21 = (import_module(f"ocpp.{version}.enums") for version in ("v16", "v201", "v21"))
PACKAGE = Path(str(v16.__file__)).parents[1]


def members(*enums: object) -> frozenset[str]:
    return frozenset(str(member.value) for enum in enums for member in enum)  # type: ignore[attr-defined]


def test_the_actions_are_those_of_every_version() -> None:
    files = {path.stem for version in ("v16", "v201", "v21") for path in (PACKAGE / version / "schemas").glob("*.json")}
    assert {name.removesuffix("Request") for name in files if not name.endswith("Response")} == vocabulary.ACTIONS


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (vocabulary.STATUSES_V16, members(v16.ChargePointStatus)),
        (vocabulary.ERRORS_V16, members(v16.ChargePointErrorCode)),
        (vocabulary.STOP_REASONS_V16, members(v16.Reason)),
        (vocabulary.STATUSES_V2, members(v201.ConnectorStatusEnumType, v21.ConnectorStatusEnumType)),
        (vocabulary.TRIGGERS_V2, members(v201.TriggerReasonEnumType, v21.TriggerReasonEnumType)),
        (vocabulary.CHARGING_STATES_V2, members(v201.ChargingStateEnumType, v21.ChargingStateEnumType)),
        (vocabulary.STOP_REASONS_V2, members(v201.ReasonEnumType, v21.ReasonEnumType)),
        (vocabulary.PHASES, members(v16.Phase, v21.PhaseEnumType)),
        (vocabulary.LOCATIONS, members(v16.Location, v21.LocationEnumType)),
        (
            vocabulary.UNITS - {"Celcius", "Hertz"},
            members(v16.UnitOfMeasure, v201.StandardizedUnitsOfMeasureType) - {"Celcius", "Hertz"},
        ),
        (
            vocabulary.MEASURANDS,
            frozenset(
                name
                for name in members(v16.Measurand, v201.MeasurandEnumType, v21.MeasurandEnumType)
                if not name.startswith(("Display.", "EnergyRequest."))
            ),
        ),
    ],
)
def test_the_words_are_those_of_the_specification(ours: frozenset[str], theirs: frozenset[str]) -> None:
    assert ours == theirs
