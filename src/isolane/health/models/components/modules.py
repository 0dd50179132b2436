"""This file judges power modules; it guards that a life is told as the band that the laws leave, and no narrower."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Annotated, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from isolane.health.models.components.airflow import loss_w
from isolane.health.models.components.fit import fit
from isolane.health.models.components.life_laws import CIPS08_ADVANCED, cips08, lesit, skim63
from isolane.health.models.components.module_watch import ModuleWatch
from isolane.health.models.components.rainflow import Cycle, Rainflow, turning
from isolane.health.models.measure import Basis, Feature, Finding, Measure, Per, Remedy
from isolane.health.models.model import Rating, State
from isolane.health.models.window import Stretch, Window

__all__ = ["Modules", "ModulesParameters"]

_HEAD, _POWER, _CELSIUS = "AcDcConverter[", "]/Power", "]/Temperature"
_SUPPLY, _VOLT, _AMPERE = "ElectricalFeed/Power", "EVSE/DCVoltage", "EVSE/DCCurrent"
_BLOCK_S, _DAY_S, _ROWS_MIN, _SETTLE_S = 10, 86_400, 300, 300
_STEP_K, _RISE_K = 0.15, 5.0
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
    residual_k: Annotated[
        float, msgspec.Meta(description="Largest residual of a told warmth, K; our choice", ge=0.3, le=10)
    ] = 2.0
    error_max: Annotated[
        float, msgspec.Meta(description="Largest relative error of a told warmth; our choice", ge=0.005, le=1)
    ] = 0.05


class Memory(msgspec.Struct, kw_only=True):
    """What has to be remembered.

    Attributes:
        cycles: Of each module.
        used: Share of life used, by module, in the order of LAWS.
        day: Newest day for which that is told.
        trips: Of `ModuleWatch`.
    """

    cycles: dict[str, Rainflow] = msgspec.field(default_factory=dict)
    used: dict[str, list[float]] = msgspec.field(default_factory=dict)
    day: int = 0
    trips: dict[str, list[int]] = msgspec.field(default_factory=dict)


class Modules:
    """Power modules of one outlet.

    Args:
        parameters: See there.
        rating: Of the outlet.
        keys: What the place has.
    """

    id: ClassVar[str] = "modules/2"
    required: ClassVar[tuple[str, ...]] = ("AcDcConverter[*]/Power", "AcDcConverter[*]/Temperature")
    used: ClassVar[tuple[str, ...]] = ("AcDcConverter[*]/Problem", _SUPPLY, _VOLT, _AMPERE)

    def __init__(self, parameters: ModulesParameters, rating: Rating, keys: Collection[str]) -> None:
        self._parameters = parameters
        names = sorted(key.removeprefix(_HEAD).removesuffix(_POWER) for key in keys if key.endswith(_POWER))
        self._modules = [name for name in names if f"{_HEAD}{name}{_CELSIUS}" in keys]
        self._rated_w = rating.power_w / max(len(names), 1)
        self._whole = {_SUPPLY, _VOLT, _AMPERE} <= set(keys)
        self._count = max(len(names), 1)
        self._watch = ModuleWatch(self._modules if len(self._modules) >= _PAIR else (), self._rated_w)
        self._memory = Memory()

    @property
    def measures(self) -> list[Measure]:
        """Life and warmth of each module; loss of all."""
        found = [replace(_LIFE, name=f"module_life[{name}]", component=_own(name)) for name in self._modules]
        if len(self._modules) >= _PAIR:
            found += [replace(_WARMTH, name=f"module_warmth[{name}]", component=_own(name)) for name in self._modules]
        return [*found, _LOSS] if self._whole else found

    def watch(self, window: Window) -> tuple[Finding, ...]:
        """Nothing: protection is the charger's."""
        del window
        return ()

    def interval(self, window: Window) -> Iterator[Feature | Finding]:
        """Count cycles of the junction and trips; tell the life used when a day is over."""
        yield from self._watch.interval(window)
        memory = self._memory
        for name, junction in zip(self._modules, self._junctions(window), strict=True):
            counted = memory.cycles.setdefault(name, Rainflow(least=self._parameters.cycle_k))
            used = memory.used.setdefault(name, [0.0] * len(LAWS))
            for cycle in counted.take(junction):
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
            yield from self._warmth(window)
        if self._whole:
            yield from self._loss(window)

    def state(self) -> State:
        """Give what has to be remembered."""
        self._memory.trips = self._watch.note()
        remembered: State = msgspec.to_builtins(self._memory)
        return remembered

    def restore(self, state: State) -> None:
        """Go on from there."""
        found = msgspec.convert(dict(state), Memory)
        if all(len(each) == len(LAWS) for each in found.used.values()):
            self._memory = found
            self._watch.recall(found.trips)

    def renew(self) -> None:
        """Forget life and trips: modules were replaced."""
        self._memory = Memory(day=self._memory.day)
        self._watch.recall({})

    def _junctions(self, window: Window) -> Iterator[Iterable[tuple[float, float]]]:
        """Give each module's junction by ten seconds: median of the heatsink, and what the loss adds; turns alone."""
        count = window.rows // _BLOCK_S
        shown = [window[f"{_HEAD}{name}{what}"] for what in (_CELSIUS, _POWER) for name in self._modules]
        blocks = np.array(shown)[:, : count * _BLOCK_S].reshape(2, len(self._modules), count, _BLOCK_S)
        celsius, power = np.sort(blocks, axis=3)[..., _BLOCK_S // 2 - 1 : _BLOCK_S // 2 + 1].mean(axis=3)
        there: NDArray[np.bool_] = np.asarray(np.isfinite(blocks).all(axis=(0, 3)))
        junction = celsius + self._parameters.junction_k_w * loss_w(power, 1, self._coefficients)
        for place in range(len(self._modules)):
            whole = np.flatnonzero(there[place])
            turns = whole[turning(junction[place][whole])]
            seconds = window.start_s + _BLOCK_S * turns.astype(np.float64)
            yield zip(junction[place][turns].tolist(), seconds.tolist(), strict=True)

    @property
    def _coefficients(self) -> tuple[float, float, float]:
        return self._parameters.loss_w, self._parameters.loss_share, self._parameters.loss_per_w

    def _warmth(self, window: Window) -> Iterator[Feature]:
        """Fit each module's temperature against its siblings' median: its slope is how much more it warms."""
        power = np.array([window[f"{_HEAD}{name}{_POWER}"] for name in self._modules])
        celsius = np.array([window[f"{_HEAD}{name}{_CELSIUS}"] for name in self._modules])
        load = np.median(power, axis=0) / self._rated_w
        even = np.isfinite(celsius).all(axis=0) & (np.abs(power / self._rated_w - load).max(axis=0) < _EVEN_SHARE)
        if even.sum() < _ROWS_MIN:
            return
        for place, name in enumerate(self._modules):
            others = np.median(np.delete(celsius[:, even], place, axis=0), axis=0)
            rise_k = float(np.ptp(others))
            found = fit(np.column_stack((others - others.mean(), np.ones(len(others)))), celsius[place][even], _STEP_K)
            if found is None or found.values[0] <= 0 or found.residual_sd > self._parameters.residual_k:
                continue
            if found.sds[0] <= self._parameters.error_max * found.values[0] and rise_k >= _RISE_K:
                slope, sd = float(found.values[0]), float(found.sds[0])
                evidence = {"rise_k": rise_k, "excess_k": (slope - 1) * rise_k, "residual_k": found.residual_sd}
                yield Feature(f"module_warmth[{name}]", window.end_s, slope, sd, found.n, evidence)

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
_WARMTH = Measure(
    "module_warmth", "AcDcConverter", "", Per.SESSION, Basis.MEASURED,
    Remedy("Warms more than its siblings at the same load: clean and reseat this module, else change it.",
           "power module"),
    ratio=1.25, plan=1.15, scatter=0.03, log=True,
)  # fmt: skip
_LOSS = Measure(
    "loss", "AcDcConverter", "", Per.SESSION, Basis.MEASURED,
    Remedy("The charger turns more into heat than it did: look at its modules, fans and filter.", "power module"),
    beyond=0.25, plan=0.10, scatter=0.03,
)  # fmt: skip
