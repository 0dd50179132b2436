"""This file tests the merging of registers and the picking of points; it guards that every span is read."""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.core.failures import IsolaneError
from isolane.devices.point import Table
from isolane.devices.template import built_in
from isolane.health.sources.modbus.plan import Span, merge, plan_device, plan_round
from isolane.health.sources.modbus.settings import DeviceSettings
from isolane.health.sources.modbus.sunspec import Model

BOTH = frozenset(("fast", "slow"))
TABLES: tuple[Table, ...] = ("holding", "input", "coil")


@given(
    st.lists(st.tuples(st.sampled_from(TABLES), st.integers(0, 2000), st.integers(1, 4)), max_size=60),
    st.integers(4, 125),
    st.integers(0, 124),
)
def test_every_span_is_in_one_request_within_the_limits(
    raw: list[tuple[Table, int, int]], words_max: int, hole_max: int
) -> None:
    spans = [Span(*each) for each in raw]
    requests = merge(spans, words_max, hole_max)
    for request in requests:
        assert request.words <= (2000 if request.table == "coil" else words_max)
    for span in spans:
        assert any(
            request.table == span.table
            and request.address <= span.address
            and span.address + span.words <= request.address + request.words
            for request in requests
        )
    asked = {(request.table, request.address + offset) for request in requests for offset in range(request.words)}
    wanted = {(span.table, span.address + offset) for span in spans for offset in range(span.words)}
    for table, address in asked - wanted:
        near = range(address - hole_max - 1, address + hole_max + 2)
        assert any((table, each) in wanted for each in near), "a hole longer than allowed was bridged"


def test_holes_are_bridged_up_to_their_limit() -> None:
    spans = [Span("holding", 0, 2), Span("holding", 10, 2), Span("holding", 21, 1)]
    assert merge(spans, 125, 8) == (Span("holding", 0, 12), Span("holding", 21, 1))


def test_the_dc_charger_is_one_request() -> None:
    plan = plan_device(DeviceSettings(charger="CP1", template="isolane_dc150"))
    assert [each.words for each in plan_round(plan, BOTH, {}).requests] == [113]


def test_the_sdm630_keeps_to_eighty_registers() -> None:
    plan = plan_device(DeviceSettings(charger="CP1", template="eastron_sdm630"))
    requests = plan_round(plan, BOTH, {}).requests
    assert [(each.address, each.words) for each in requests] == [(0, 76), (224, 26)]


def test_sunspec_points_follow_their_model_and_missing_models_are_told() -> None:
    plan = plan_device(DeviceSettings(charger="CP1", template="sunspec_meter"))
    found = plan_round(plan, BOTH, {203: Model(40_069, 107)})
    assert [(each.address, each.words) for each in found.requests] == [(40_072, 52)]
    assert not found.missing
    assert len(plan_round(plan, BOTH, {}).missing) == 14


def keys(**changes: object) -> set[str]:
    settings = DeviceSettings(charger="CP1", template="isolane_dc150", **changes)  # type: ignore[arg-type]
    return {planned.signal.key for planned in plan_device(settings).points}


def test_points_are_picked_by_component_or_key() -> None:
    assert keys(only=("FiscalMetering", "EVSE/Power")) == {
        "1.0/FiscalMetering/EnergyImportRegister",
        "1.0/EVSE/Power",
    }
    assert not any("AcDcConverter" in key for key in keys(without=("AcDcConverter",)))
    assert "1.0/AcDcConverter[1]/Power" not in keys(without=("AcDcConverter[1]",))


def test_evse_connector_and_instance_stand_in_the_key() -> None:
    placed = keys(evse=2, connector=1, instance="Meter", only=("EVSE/Power", "AcDcConverter[1]/Power", "TiltSensor"))
    assert placed == {
        "2.1/EVSE[Meter]/Power",
        "2.1/AcDcConverter[1.Meter]/Power",
        "0.0/TiltSensor[Meter]/Angle",
    }


@pytest.mark.parametrize("field", ["only", "without"])
def test_a_name_that_is_not_there_is_refused_with_the_nearest(field: str) -> None:
    with pytest.raises(IsolaneError, match=r"did you mean 'EVSE/Power'"):
        keys(**{field: ("EVSE/Powr",)})


def test_nothing_left_is_refused() -> None:
    with pytest.raises(IsolaneError, match="leave nothing"):
        keys(only=("TiltSensor",), without=("TiltSensor/Angle",))


def fewest(spans: list[Span], words_max: int, hole_max: int) -> int:
    """Count the requests that are needed at least, by trying every way to cut the sorted spans of one table."""
    ordered = sorted(spans, key=lambda each: (each.address, each.words))
    best = [0] + [len(ordered)] * len(ordered)
    for first, begin in enumerate(ordered):
        end = begin.address
        for last in range(first, len(ordered)):
            if last > first and ordered[last].address - end > hole_max:
                break
            end = max(end, ordered[last].address + ordered[last].words)
            if end - begin.address > words_max:
                break
            best[last + 1] = min(best[last + 1], best[first] + 1)
    return best[-1]


@pytest.mark.parametrize("groups", [{"fast"}, {"slow"}, {"fast", "slow"}], ids=("fast", "slow", "both"))
@pytest.mark.parametrize("name", built_in())
def test_each_template_is_polled_with_the_fewest_requests_and_crosses_no_forbidden_hole(
    name: str, groups: set[str]
) -> None:
    plan = plan_device(DeviceSettings(charger="CP1", template=name))
    template = plan.template
    models = sorted({point.model for point in template.points if point.model is not None})
    bases = {model: 40_069 + 300 * at for at, model in enumerate(models)}
    whole = {model: Model(base, 300) for model, base in bases.items()}
    found = plan_round(plan, frozenset(groups), whole)
    points = [planned for planned in plan.points if planned.point.poll in groups]
    wanted: dict[Table, set[Span]] = {}
    for planned in points:
        base = bases.get(planned.point.model or 0, 0)
        spans = wanted.setdefault(planned.table, set())
        spans.add(Span(planned.table, base + planned.point.address, planned.point.words))
        if planned.point.scale_factor is not None:
            spans.add(Span(planned.table, base + planned.point.scale_factor, 1))
    assert len(found.points) == len(points)
    for table, spans in wanted.items():
        words_max = 2000 if table in {"coil", "discrete"} else template.registers_max
        requests = [request for request in found.requests if request.table == table]
        assert len(requests) == fewest(list(spans), words_max, template.hole_max)
        needed = {span.address + offset for span in spans for offset in range(span.words)}
        for request in requests:
            assert request.words <= words_max
            inside = [address in needed for address in range(request.address, request.address + request.words)]
            assert inside[0]
            assert inside[-1]
            holes = [len(list(run)) for is_needed, run in groupby(inside) if not is_needed]
            assert max(holes, default=0) <= template.hole_max
