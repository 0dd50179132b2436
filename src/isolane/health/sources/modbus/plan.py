"""This file turns a device's template and settings into signals and requests; it guards that requests are few."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from isolane.core.failures import IsolaneError
from isolane.core.signals import Signal
from isolane.devices.point import BIT_TABLES, Point, Table, Template
from isolane.devices.template import load_built_in, load_file
from isolane.health.sources.modbus.settings import DeviceSettings
from isolane.health.sources.modbus.sunspec import Model, is_there, template_of
from isolane.health.sources.rapid import RAPID

BITS_MAX = 2000
"""Most coils or discrete inputs in one request. Source: MODBUS Application Protocol V1.1b3, 6.1."""


@dataclass(frozen=True, slots=True)
class PlannedPoint:
    """A point of a template and the signal that it becomes."""

    point: Point
    signal: Signal
    table: Table
    is_rapid: bool = False
    """Whether it is also in the poll group RAPID."""

    def due(self, groups: frozenset[str]) -> bool:
        """Tell whether it is to be read when these poll groups are."""
        return self.point.poll in groups or (self.is_rapid and RAPID in groups)


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """What is wanted of one device."""

    settings: DeviceSettings
    template: Template
    points: tuple[PlannedPoint, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """Registers (or bits) that belong together, at their place in the device."""

    table: Table
    address: int
    words: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where some words are in a round's answers: in which answer, from which word on."""

    request: int
    offset: int


@dataclass(frozen=True, slots=True)
class LocatedPoint:
    """A planned point with the places of its words and of its SunSpec scale factor, if it has one."""

    planned: PlannedPoint
    place: Place
    factor: Place | None


@dataclass(frozen=True, slots=True)
class Round:
    """What one poll of a device asks for, and what comes of it.

    Attributes:
        requests: In the order they are made.
        points: What is decoded from the answers.
        missing: Points whose SunSpec model, or port of it, the device does not have.
    """

    requests: tuple[Span, ...]
    points: tuple[LocatedPoint, ...]
    missing: tuple[PlannedPoint, ...]


def plan_device(settings: DeviceSettings) -> DevicePlan:
    """Pick a device's points and name their signals.

    Raises:
        IsolaneError: The template is missing or wrong, or `only`, `without` or `rapid` names nothing in it.
    """
    if bool(settings.template) + (settings.template_file is not None) + bool(settings.sunspec) != 1:
        raise IsolaneError(
            f"the device at unit {settings.unit} of charger {settings.charger!r} needs one template",
            "give one of `template`, `template_file` and `sunspec`",
        )
    template = _template(settings)
    rapid = set(settings.rapid)
    points = tuple(
        PlannedPoint(point, _signal(point, settings), point.table or template.table, bool(rapid & _names(point)))
        for point in _picked(template, settings)
    )
    if not points:
        raise IsolaneError(
            f"`only` and `without` leave nothing of {template.maker} {template.model}", "remove one of them"
        )
    return DevicePlan(settings, template, points)


def _template(settings: DeviceSettings) -> Template:
    if settings.sunspec:
        return template_of(settings.sunspec, settings.ports)
    named = settings.template_file
    return load_file(named) if named is not None else load_built_in(settings.template)


def _signal(point: Point, settings: DeviceSettings) -> Signal:
    place = "0.0" if point.scope == "station" else f"{settings.evse}.{settings.connector}"
    component, _, variable = point.key.partition("/")
    if settings.instance:
        name, bracket, inner = component.partition("[")
        component = f"{name}[{inner[:-1]}.{settings.instance}]" if bracket else f"{name}[{settings.instance}]"
    return Signal(settings.charger, f"{place}/{component}/{variable}", point.unit, point.resolution)


def _picked(template: Template, settings: DeviceSettings) -> list[Point]:
    names = dict.fromkeys(name for point in template.points for name in _names(point))
    for wanted in (*settings.only, *settings.without, *settings.rapid):
        if wanted not in names:
            close = difflib.get_close_matches(wanted, names, n=1)
            hint = f"did you mean {close[0]!r}" if close else "use a component or a key as the template has it"
            raise IsolaneError(f"{wanted!r} is not in the template of {template.maker} {template.model}", hint)
    only, without = set(settings.only) or set(names), set(settings.without)
    return [point for point in template.points if only & _names(point) and not without & _names(point)]


def _names(point: Point) -> set[str]:
    """Give the names by which settings may pick a point: its key, its component with and without instance."""
    component = point.key.partition("/")[0]
    return {point.key, component, component.partition("[")[0]}


def plan_round(plan: DevicePlan, groups: frozenset[str], models: Mapping[int, Model]) -> Round:
    """Plan one poll.

    Args:
        plan: The device.
        groups: Poll groups that are due.
        models: The SunSpec models that were found, by number.
    """
    present: list[PlannedPoint] = []
    missing: list[PlannedPoint] = []
    for planned in plan.points:
        if planned.due(groups):
            (present if is_there(planned.point, models) else missing).append(planned)
    spans = [_spans(planned, models) for planned in present]
    every = [span for each in spans for span in each]
    requests = merge(every, plan.template.registers_max, plan.template.hole_max)
    points = []
    for planned, each in zip(present, spans, strict=True):
        places = [_place(span, requests) for span in each]
        points.append(LocatedPoint(planned, places[0], places[1] if len(places) > 1 else None))
    return Round(requests, tuple(points), tuple(missing))


def _spans(planned: PlannedPoint, models: Mapping[int, Model]) -> list[Span]:
    point = planned.point
    base = 0 if point.model is None else models[point.model].address
    spans = [Span(planned.table, base + point.address, point.words)]
    if point.scale_factor is not None:
        spans.append(Span(planned.table, base + point.scale_factor, 1))
    return spans


def _place(span: Span, requests: Sequence[Span]) -> Place:
    for index, request in enumerate(requests):
        offset = span.address - request.address
        if request.table == span.table and 0 <= offset <= request.words - span.words:
            return Place(index, offset)
    raise ValueError(f"{span} is in no request")


def merge(spans: Iterable[Span], words_max: int, hole_max: int) -> tuple[Span, ...]:
    """Join spans into few requests.

    Args:
        spans: What is wanted, in any order; may overlap.
        words_max: Most registers in one request; for bits it is BITS_MAX.
        hole_max: Longest run of unneeded registers (or bits) that is read along.
    """
    requests: list[Span] = []
    for span in sorted(set(spans), key=lambda each: (each.table, each.address, each.words)):
        limit = BITS_MAX if span.table in BIT_TABLES else words_max
        if requests and requests[-1].table == span.table:
            last = requests[-1]
            end = max(last.address + last.words, span.address + span.words)
            hole = span.address - (last.address + last.words)
            if hole <= hole_max and end - last.address <= limit:
                requests[-1] = Span(last.table, last.address, end - last.address)
                continue
        requests.append(span)
    return tuple(requests)
