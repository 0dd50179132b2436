"""This file states what every component's model does; it guards that models stay free of I/O, clocks and each other.

Order of calls, for one place: `watch` for every window as it comes, at most ten minutes long and never across a border
of ten minutes of UTC; then, when ten minutes of UTC are complete, `interval`; when a session, or an hour of a long one,
is complete, `stretch`. What a model gives must not depend on how the rows were cut into windows: a test feeds each the
same rows in different cuts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from isolane.health.models.measure import Feature, Finding, Measure
from isolane.health.models.window import Stretch, Window


@dataclass(frozen=True, slots=True)
class Rating:
    """What a place is built for.

    Attributes:
        direct: Whether it gives direct current.
        power_w: Rated power, W.
        current_a: Rated current of the cable, A: of one phase, or of the DC pole.
        voltage_v: Nominal phase voltage, V, or the highest DC voltage.
        phases: Phases of the supply.
    """

    direct: bool
    power_w: float
    current_a: float
    voltage_v: float
    phases: int = 3


State = Mapping[str, object]
"""What a model remembers: numbers, texts, lists and maps of them, so that it can be written down."""


class Model(Protocol):
    """One component of one place.

    A class takes its parameters (a settings struct of its own), the rating and the keys that the place has, so that its
    measures are known at once. Attributes:

    id: Kind and version, ``connector/1``: a new version gives other numbers for the same rows.
    required: Keys without their place; without all of them there is no model. ``[*]`` stands for at least one instance.
    used: Further keys that it makes use of; ``[*]`` stands for any number of instances.
    """

    id: ClassVar[str]
    required: ClassVar[tuple[str, ...]]
    used: ClassVar[tuple[str, ...]]

    @property
    def measures(self) -> Sequence[Measure]:
        """Everything it may give features for; known once the place's signals are, and never changed after."""
        ...

    def watch(self, window: Window) -> Iterable[Finding]:
        """Look at rows as they come; tell what is found and what is over, each once."""
        ...

    def interval(self, window: Window) -> Iterable[Feature | Finding]:
        """Look at ten minutes of UTC, whole or as much as there was."""
        ...

    def stretch(self, stretch: Stretch) -> Iterable[Feature | Finding]:
        """Look at a session, or at an hour of a long one."""
        ...

    def state(self) -> State:
        """Give what it has to remember beyond a restart."""
        ...

    def restore(self, state: State) -> None:
        """Go on from there, at a new start only.

        Raises:
            msgspec.ValidationError: It is not what `state` gives; nothing was taken.
        """
        ...

    def renew(self) -> None:
        """Forget what it has counted and learnt: the part was replaced."""
        ...
