"""This file makes a template of the SunSpec models that a device is said to have; it guards that all agree on layouts.

The points are data, in sunspec.toml beside this file. Which registers they are in is found out on each connection, by
the walk along the device's chain of models; a model of the same family, 101 in place of 103, is taken as well.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import msgspec

from isolane.core.failures import IsolaneError
from isolane.devices.point import Identity, Page, Point, SunSpec, Template

_NAMES = (("vendor", 2, 16), ("model", 18, 16), ("firmware", 42, 8), ("serial", 50, 16))
"""Texts of the common model 1: name, address, words."""
_COMMON = 1


class _Family(msgspec.Struct, frozen=True):
    models: tuple[int, ...]
    points: tuple[Point, ...]


class _Families(msgspec.Struct, frozen=True):
    families: tuple[_Family, ...]


@cache
def _families() -> tuple[_Family, ...]:
    text = resources.files("isolane.health.sources.modbus").joinpath("sunspec.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _Families).families


def template_of(models: Iterable[int]) -> Template:
    """Make the template of some models.

    Args:
        models: Numbers; 1 is read anyway.

    Raises:
        IsolaneError: A model is not known here, or two of them give the same signals.
    """
    wanted = tuple(dict.fromkeys(number for number in models if number != _COMMON))
    points: list[Point] = []
    taken: dict[str, int] = {}
    for number in wanted:
        family = next((each for each in _families() if number in each.models), None)
        if family is None:
            known = ", ".join(str(model) for each in _families() for model in each.models)
            raise IsolaneError(f"the SunSpec model {number} is not known", f"known are {known}")
        for point in family.points:
            other = taken.setdefault(point.key, number)
            if other != number:
                raise IsolaneError(
                    f"the SunSpec models {other} and {number} both give {point.key}",
                    "a device has one of them: name that",
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
            Identity(name=name, address=address, words=words, model=_COMMON) for name, address, words in _NAMES
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


def bases_of(template: Template, found: Mapping[int, Model]) -> dict[int, int]:
    """Give the addresses of the models that a template needs and a device has, whole.

    A model that is shorter than its points is not that model: what stands behind its end is another one's.

    Args:
        template: That has a `sunspec`.
        found: By model number, as the walk found them.
    """
    needed: dict[int, int] = {}
    for point in template.points:
        if point.model is not None:
            end = max(point.address + point.words, (point.scale_factor or 0) + 1)
            needed[point.model] = max(needed.get(point.model, 0), end)
    wanted = template.sunspec.models if template.sunspec is not None else ()
    return {each: found[each].address for each in wanted if each in found and found[each].words >= needed.get(each, 0)}


def in_place_of(found: Mapping[int, Model]) -> dict[int, Model]:
    """Give the models of a device, those included that another of their family stands in for.

    Args:
        found: By model number, as the walk found them.
    """
    bases = dict(found)
    for family in _families():
        there = next((found[number] for number in family.models if number in found), None)
        if there is not None:
            bases = dict.fromkeys(family.models, there) | bases
    return bases
