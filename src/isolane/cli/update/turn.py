"""This file goes from one version to another; it guards that the relay is not restarted while anybody charges.

Channel B and the center first: they touch nobody's charging. When they are well, and nobody charges, the relay and
the tap, which would forget who charges. When those are well, the new version is proven. Whatever comes in between,
and be it a signal, the version before is put in force again and what had been restarted is restarted.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from isolane.cli.update.units import TAP, VALUE, Units
from isolane.cli.update.versions import Versions
from isolane.core.failures import IsolaneError

_LOOK_S: Final = 2.0


@dataclass(frozen=True)
class Turn:
    """How to go.

    Attributes:
        versions: Of this box.
        units: That run here.
        why_not: Says why the relay may not be restarted now, "" when it may.
        wait_s: How long the relay may be waited for, s.
        say: Tells a person what goes on.
    """

    versions: Versions
    units: Units
    why_not: Callable[[], str]
    wait_s: float
    say: Callable[[str], None]

    def to(self, version: str) -> None:
        """Put a version in force that is whole and was checked.

        Raises:
            IsolaneError: Somebody charges, or it did not come up; the version before is in force.
        """
        running = self.units.running()
        last = [name for name in running if name in {VALUE, TAP}]
        early = [name for name in running if name not in last]
        end = time.monotonic() + self.wait_s
        if VALUE in last and not self.wait_s:
            self._until_idle(end)
        restarted: list[str] = []
        proven = False
        try:
            self.versions.begin_trial(version)
            place = self.versions.place(version)
            self._restart(early, place, restarted)
            if VALUE in last:
                self._until_idle(end)
            self._restart(last, place, restarted)
            self.versions.end_trial()
            proven = True
        finally:
            if not proven:
                self._back(restarted)

    def settle(self) -> None:
        """Take back what an earlier run has left unproven, with what runs of it.

        Raises:
            IsolaneError: The relay runs the unproven version, and somebody charges; nothing has changed.
        """
        before = self.versions.linked("trial")
        if before is None:
            return
        self.say("an earlier update was not finished")
        place = self.versions.place(before)
        unproven = [name for name in self.units.running() if not self.units.runs_from(name, place)]
        if any(self.units.pid(name) for name in unproven if name in {VALUE, TAP}):
            self._until_idle(time.monotonic() + self.wait_s)
        self._back(unproven)

    def _restart(self, names: list[str], place: Path, restarted: list[str]) -> None:
        if names:
            self.say(f"restarting {' '.join(names)}")
            restarted += names
            self.units.restart(names)
            self.units.prove(names, place)

    def _until_idle(self, end: float) -> None:
        told = ""
        while why := self.why_not():
            if time.monotonic() >= end:
                raise IsolaneError(
                    f"the relay is not restarted now: {why}",
                    "give it time: --wait 2h; nothing has changed for chargers",
                )
            if why != told:
                self.say(f"waiting: {why}")
            told = why
            time.sleep(min(_LOOK_S, max(0.0, end - time.monotonic())))

    def _back(self, restarted: list[str]) -> None:
        version = self.versions.go_back()
        if version is None:
            return
        self.say(f"back to {version}")
        try:
            self.units.restart(restarted)
            self.units.prove(restarted, self.versions.place(version))
        except IsolaneError as error:
            self.say(f"and {version} is not well either: {error}")
