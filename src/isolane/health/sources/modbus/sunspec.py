"""This file makes a template of the SunSpec models that a device is said to have; it guards that all agree on layouts.

The points are data, in sunspec.toml beside this file. Which registers they are in is found out on each connection, by
the walk along the device's chain of models; a model of the same family, 101 in place of 103, is taken as well.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import msgspec

from isolane.core.failures import IsolaneError
from isolane.devices.point import Identity, Page, Point, SunSpec, Template

NAMES = (("vendor", 2, 16), ("model", 18, 16), ("firmware", 42, 8), ("serial", 50, 16))
"""Texts of the common model 1: name, address, words."""
_COMMON = 1
_COUNT_ABSENT = 0xFFFF


class Ports(msgspec.Struct, frozen=True):
    """The repeating part of a model: its ports, modules or strings, one after another.

    Attributes:
        count: Address of the register that says how many there are.
        first: Address of the first of them.
        words: Registers of each.
        points: Of one, with addresses counted from its beginning, scale factors as everywhere, `#` for its number.
    """

    count: int
    first: int
    words: int
    points: tuple[Point, ...]

    def within(self, model: "Model", count: int) -> "Model":
        """Give a model without the registers behind the ports that a device says it has."""
        if count == _COUNT_ABSENT:
            return model
        return Model(model.address, min(model.words, self.first + self.words * count))

    def expanded(self, count: int) -> Iterator[Point]:
        """Give the points of so many ports."""
        for port in range(1, count + 1):
            begin = self.first + self.words * (port - 1)
            for point in self.points:
                key = point.key.replace("#", str(port))
                yield msgspec.structs.replace(point, key=key, address=begin + point.address, port=port)


class Family(msgspec.Struct, frozen=True):
    """Models of one layout.

    Attributes:
        models: Their numbers.
        points: What they have once.
        ports: What they have once for each port.
    """

    models: tuple[int, ...]
    points: tuple[Point, ...] = ()
    ports: Ports | None = None

    def expanded(self, count: int) -> Iterator[Point]:
        """Give the points with those of so many ports."""
        yield from self.points
        if self.ports is not None:
            yield from self.ports.expanded(count)


class _Families(msgspec.Struct, frozen=True):
    families: tuple[Family, ...]


@cache
def families() -> tuple[Family, ...]:
    """Give the models whose points are known here."""
    text = resources.files("isolane.health.sources.modbus").joinpath("sunspec.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _Families).families


def known_models() -> tuple[int, ...]:
    """Give the numbers of the models whose points are known here, sorted."""
    return tuple(sorted(number for family in families() for number in family.models))


def whole_ports(number: int) -> Ports | None:
    """Give the repeating part of a model; None if it has none, or is not known."""
    return next((family.ports for family in families() if number in family.models), None)


def readable(models: Iterable[int]) -> tuple[int, ...]:
    """Give the models that are known here; of those that tell the same, the first."""
    chosen: list[int] = []
    taken: set[str] = set()
    for number in dict.fromkeys(models):
        keys = {point.key for family in families() if number in family.models for point in family.expanded(1)}
        if keys and not keys & taken:
            chosen.append(number)
            taken |= keys
    return tuple(chosen)


def template_of(models: Iterable[int], ports: int = 1) -> Template:
    """Make the template of some models.

    Args:
        models: Numbers; 1 is read anyway.
        ports: How many ports to read of a model that repeats a part for each.

    Raises:
        IsolaneError: A model is not known here, or two of them give the same signals.
    """
    wanted = tuple(dict.fromkeys(number for number in models if number != _COMMON))
    points: list[Point] = []
    taken: dict[str, int] = {}
    for number in wanted:
        family = next((each for each in families() if number in each.models), None)
        if family is None:
            known = ", ".join(map(str, known_models()))
            raise IsolaneError(f"the SunSpec model {number} is not known", f"known are {known}")
        for point in family.expanded(ports):
            other = taken.setdefault(point.key, number)
            if other != number:
                raise IsolaneError(
                    f"the SunSpec models {other} and {number} both give {point.key}",
                    "they tell the same in two ways: name one of them",
                )
            points.append(msgspec.structs.replace(point, model=number))
    if not points:
        raise IsolaneError("no SunSpec model with values is named", "name for example 103 or 203")
    return Template(
        maker="SunSpec",
        model=" ".join(str(number) for number in wanted),
        source=Page(title="SunSpec information models", url="https://github.com/sunspec/models"),
        points=tuple(points),
        hole_max=124,  # a model is read whole, so that values and scale factors are of one instant
        sunspec=SunSpec(bases=(40_000, 50_000, 0), models=(_COMMON, *wanted)),
        identity=tuple(
            Identity(name=name, address=address, words=words, model=_COMMON) for name, address, words in NAMES
        ),
    )


@dataclass(frozen=True, slots=True)
class Model:
    """A model in a device's chain.

    Attributes:
        address: Of its id register.
        words: How many registers it says it has, id and length included.
    """

    address: int
    words: int


def models_of(template: Template, found: Mapping[int, Model]) -> dict[int, Model]:
    """Give the models that a template needs and a device has, whole, by number.

    A model that is shorter than its points is not that model: what stands behind its end is another one's. Of its
    ports a device may have any number.

    Args:
        template: That has a `sunspec`.
        found: By model number, as the walk found them.
    """
    needed: dict[int, int] = {}
    for point in template.points:
        if point.model is not None and point.port is None:
            needed[point.model] = max(needed.get(point.model, 0), _end(point))
    wanted = template.sunspec.models if template.sunspec is not None else ()
    return {each: found[each] for each in wanted if each in found and found[each].words >= needed.get(each, 0)}


def is_there(point: Point, models: Mapping[int, Model]) -> bool:
    """Tell whether a device has a point: one of no model, or of a model, and a port of it, that it has."""
    if point.model is None:
        return True
    model = models.get(point.model)
    return model is not None and _end(point) <= model.words


def _end(point: Point) -> int:
    return max(point.address + point.words, (point.scale_factor or 0) + 1)


def in_place_of(found: Mapping[int, Model]) -> dict[int, Model]:
    """Give the models of a device, those included that another of their family stands in for.

    Args:
        found: By model number, as the walk found them.
    """
    bases = dict(found)
    for family in families():
        there = next((found[number] for number in family.models if number in found), None)
        if there is not None:
            bases = dict.fromkeys(family.models, there) | bases
    return bases
