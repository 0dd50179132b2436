"""This file judges power modules; it guards that a life is told as the band that the laws leave, and no narrower."""

import math
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from isolane.health.models.components.airflow import loss_w
from isolane.health.models.components.fit import fit
from isolane.health.models.components.life_laws import CIPS08_ADVANCED, cips08, lesit, skim63
from isolane.health.models.components.rainflow import Cycle, Rainflow
from isolane.health.models.measure import Basis, Feature, Finding, Measure, Per, Remedy
from isolane.health.models.model import Rating, State
from isolane.health.models.window import Stretch, Window

__all__ = ["Modules", "ModulesParameters"]

_HEAD, _POWER, _CELSIUS = "AcDcConverter[", "]/Power", "]/Temperature"
_SUPPLY, _VOLT, _AMPERE = "ElectricalFeed/Power", "EVSE/DCVoltage", "EVSE/DCCurrent"
_BLOCK_S, _DAY_S, _ROWS_MIN, _SETTLE_S = 10, 86_400, 300, 300
_STEP_K = 0.15
_PAIR = 3
_UNLOADED_SHARE = 0.3
_EVEN_SHARE = 0.05
LAWS = ("LESIT", "SKiM63", "CIPS08", "CIPS08 advanced")


class ModulesParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How power modules are judged."""

    loss_w: Annotated[float, msgspec.Meta(description="Loss of a module without load, W; our choice", ge=0)] = 90.0
    loss_share: Annotated[
        float, msgspec.Meta(description="Loss per W that it delivers; our choice for 30 kW", ge=0, le=0.2)
    ] = 0.018
    loss_per_w: Annotated[
        float, msgspec.Meta(description="Loss per W squared, 1/W; our choice for 30 kW", ge=0, le=1e-3)
    ] = 6e-7
    junction_k_w: Annotated[
        float,
        msgspec.Meta(description="Junction over heatsink, K per W of the module's loss; our choice", ge=0, le=1),
    ] = 0.03
    cycle_k: Annotated[
        float, msgspec.Meta(description="Least range of a cycle that is counted, K; our choice", ge=1, le=30)
    ] = 5.0
    excess_k: Annotated[
        float,
        msgspec.Meta(description="Warmth at full load beyond its siblings' that is planned for, K", ge=1, le=50),
    ] = 8.0
    residual_k: Annotated[
        float, msgspec.Meta(description="Largest residual of a told excess, K; our choice", ge=0.3, le=10)
    ] = 2.0
    error_k: Annotated[
        float, msgspec.Meta(description="Largest error of a told excess, K; our choice", ge=0.1, le=10)
    ] = 2.0


class Memory(msgspec.Struct, kw_only=True):
    """What has to be remembered.

    Attributes:
        cycles: Of each module.
        used: Share of life used, by module, in the order of LAWS.
        day: Newest day for which that is told.
    """

    cycles: dict[str, Rainflow] = msgspec.field(default_factory=dict)
    used: dict[str, list[float]] = msgspec.field(default_factory=dict)
    day: int = 0


class Modules:
    """Power modules of one outlet.

    Args:
        parameters: See there.
        rating: Of the outlet.
        keys: What the place has.
    """

    id: ClassVar[str] = "modules/1"
    required: ClassVar[tuple[str, ...]] = ("AcDcConverter[*]/Power", "AcDcConverter[*]/Temperature")
    used: ClassVar[tuple[str, ...]] = (_SUPPLY, _VOLT, _AMPERE)

    def __init__(self, parameters: ModulesParameters, rating: Rating, keys: Collection[str]) -> None:
        self._parameters = parameters
        names = sorted(key.removeprefix(_HEAD).removesuffix(_POWER) for key in keys if key.endswith(_POWER))
        self._modules = [name for name in names if f"{_HEAD}{name}{_CELSIUS}" in keys]
        self._rated_w = rating.power_w / max(len(names), 1)
        self._whole = {_SUPPLY, _VOLT, _AMPERE} <= set(keys)
        self._count = max(len(names), 1)
        self._memory = Memory()

    @property
    def measures(self) -> list[Measure]:
        """Life and excess of each module; loss of all."""
        excess = replace(_EXCESS, limit=4 * self._parameters.excess_k, plan=self._parameters.excess_k)
        found = [replace(_LIFE, name=f"module_life[{name}]", component=_own(name)) for name in self._modules]
        if len(self._modules) >= _PAIR:
            found += [replace(excess, name=f"module_excess[{name}]", component=_own(name)) for name in self._modules]
        return [*found, _LOSS] if self._whole else found

    def watch(self, window: Window) -> tuple[Finding, ...]:
        """Nothing: protection is the charger's."""
        del window
        return ()

    def interval(self, window: Window) -> Iterator[Feature]:
        """Count cycles of the junction; tell the life used when a day is over."""
        memory = self._memory
        for name in self._modules:
            counted = memory.cycles.setdefault(name, Rainflow(least=self._parameters.cycle_k))
            used = memory.used.setdefault(name, [0.0] * len(LAWS))
            for cycle in counted.take(self._junction(window, name)):
                memory.used[name] = used = [a + b for a, b in zip(used, _damage(cycle), strict=True)]
        day = (window.end_s - 1) // _DAY_S
        if memory.day and day > memory.day:
            for name in self._modules:
                shares = [100 * share for share in memory.used[name]]
                evidence = {f"{law}_percent": share for law, share in zip(LAWS, shares, strict=True)}
                yield Feature(f"module_life[{name}]", (memory.day + 1) * _DAY_S, float(np.median(shares)),
                              (max(shares) - min(shares)) / 4, 1, evidence)  # fmt: skip
        memory.day = max(day, memory.day)

    def stretch(self, stretch: Stretch) -> Iterator[Feature]:
        """Hold each module against its siblings, and their loss against its law."""
        window = stretch.window
        if len(self._modules) >= _PAIR:
            yield from self._excess(window)
        if self._whole:
            yield from self._loss(window)

    def state(self) -> State:
        """Give what has to be remembered."""
        remembered: State = msgspec.to_builtins(self._memory)
        return remembered

    def restore(self, state: State) -> None:
        """Go on from there."""
        try:
            found = msgspec.convert(dict(state), Memory)
        except msgspec.ValidationError:
            return
        if all(len(each) == len(LAWS) for each in found.used.values()):
            self._memory = found

    def renew(self) -> None:
        """Forget life: modules were replaced."""
        self._memory = Memory(day=self._memory.day)

    def _junction(self, window: Window, name: str) -> Iterator[tuple[float, float]]:
        """Give the junction by ten seconds: median of the heatsink, and what the loss adds."""
        count = window.rows // _BLOCK_S
        celsius, power = (
            window[f"{_HEAD}{name}{what}"][: count * _BLOCK_S].reshape(count, _BLOCK_S) for what in (_CELSIUS, _POWER)
        )
        whole = np.flatnonzero(np.isfinite(celsius).all(axis=1) & np.isfinite(power).all(axis=1))
        if not len(whole):
            return
        loss = loss_w(np.median(power[whole], axis=1), 1, self._coefficients)
        junction = np.median(celsius[whole], axis=1) + self._parameters.junction_k_w * loss
        seconds = window.start_s + _BLOCK_S * whole.astype(np.float64)
        yield from zip(junction.tolist(), seconds.tolist(), strict=True)

    @property
    def _coefficients(self) -> tuple[float, float, float]:
        return self._parameters.loss_w, self._parameters.loss_share, self._parameters.loss_per_w

    def _excess(self, window: Window) -> Iterator[Feature]:
        """Fit what a module is warmer than its siblings' median against the load."""
        power = np.array([window[f"{_HEAD}{name}{_POWER}"] for name in self._modules])
        celsius = np.array([window[f"{_HEAD}{name}{_CELSIUS}"] for name in self._modules])
        load = np.median(power, axis=0) / self._rated_w
        even = np.isfinite(celsius).all(axis=0) & (np.abs(power / self._rated_w - load).max(axis=0) < _EVEN_SHARE)
        if even.sum() < _ROWS_MIN:
            return
        for place, name in enumerate(self._modules):
            others = np.median(np.delete(celsius[:, even], place, axis=0), axis=0)
            found = fit(np.column_stack((load[even], np.ones(int(even.sum())))), celsius[place][even] - others, _STEP_K)
            if found is None or found.residual_sd > self._parameters.residual_k:
                continue
            if found.sds[0] <= self._parameters.error_k:
                gain, sd, offset = float(found.values[0]), float(found.sds[0]), {"offset_k": float(found.values[1])}
                yield Feature(f"module_excess[{name}]", window.end_s, gain, sd, found.n, offset)

    def _loss(self, window: Window) -> Iterator[Feature]:
        delivered = window[_VOLT] * window[_AMPERE]
        loaded = delivered > _UNLOADED_SHARE * self._count * self._rated_w
        lost = window[_SUPPLY][loaded] - delivered[loaded]
        ratio = lost / loss_w(delivered[loaded], self._count, self._coefficients)
        ratio = ratio[np.isfinite(ratio)]
        if len(ratio) >= _ROWS_MIN and np.median(ratio) > 0:
            yield Feature("loss", window.end_s, float(np.median(ratio)), 0.0, len(ratio))


def _damage(cycle: Cycle) -> list[float]:
    """Give what a cycle takes of the life, by each law."""
    span, mean, ton = cycle.range, cycle.mean, cycle.lasted_s
    lives = (
        lesit(span, mean), skim63(span, mean, ton), cips08(span, mean + span / 2, ton),
        cips08(span, mean - span / 2, ton, CIPS08_ADVANCED),
    )  # fmt: skip
    return [cycle.count / life for life in lives]


def _own(name: str) -> str:
    return f"AcDcConverter[{name}]"


_LIFE = Measure(
    "module_life", "AcDcConverter", "Percent", Per.DAY, Basis.MODELLED,
    Remedy("Plan the module's exchange; laws of life differ by a factor of 25.", "power module"),
    limit=100.0, start=0.0, plan=50.0, dispatch=200.0, scatter=1.0,
)  # fmt: skip
_EXCESS = Measure(
    "module_excess", "AcDcConverter", "K", Per.SESSION, Basis.MEASURED,
    Remedy("Warmer than its siblings at the same load: clean and reseat this module, else change it.", "power module"),
    limit=32.0, plan=8.0, dispatch=math.inf, scatter=1.5, walk=0.1,
)  # fmt: skip
_LOSS = Measure(
    "loss", "AcDcConverter", "", Per.SESSION, Basis.MEASURED,
    Remedy("The charger turns more into heat than it did: look at its modules, fans and filter.", "power module"),
    ratio=1.25, plan=1.10, scatter=0.03, log=True,
)  # fmt: skip
