"""This file restarts what runs on a box; it guards that a unit counts as well when the new program serves.

A unit is well when it is active with one process for `_SETTLED_S`, which runs from the folder of the version in force,
and its metrics page, if it has one, answers. One that ends by itself meanwhile is not waited for.
"""

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from isolane.cli.update.idle import read
from isolane.config.values import Address
from isolane.core.failures import IsolaneError

VALUE: Final = "isolane-value.service"
TAP: Final = "isolane-tap.service"
_OTHERS: Final = ("isolane-update.", "isolane-tap-metrics.", "isolane-reload@", "isolane-renew@")
"""Of ours, but no process of isolane that stays."""
_SETTLED_S: Final = 5.0
_LOOK_S: Final = 0.2
_ORDER_S: Final = 180.0
"""A relay drains, and a health process empties its outbox, before they end."""


class Units:
    """What systemd runs of ours.

    Args:
        systemctl: The program that tells it.
        pages: Metrics pages, by unit.
        healthy_s: How long units may take to be well, s.
    """

    def __init__(self, systemctl: str, pages: Mapping[str, Address], healthy_s: float) -> None:
        self._systemctl, self._pages, self._healthy_s = systemctl, pages, healthy_s

    def running(self) -> list[str]:
        """Give the units of ours that run, or try to."""
        words = ("list-units", "--plain", "--no-legend", "--state=active,activating,reloading", "isolane-*.service")
        names = [line.split()[0] for line in self._say(*words).splitlines() if line.strip()]
        return [name for name in names if not name.startswith(_OTHERS)]

    def restart(self, names: Sequence[str]) -> None:
        """Restart units, all at once; returns when systemd has done so."""
        if names:
            self._say("restart", *names)

    def prove(self, names: Sequence[str], place: Path) -> None:
        """Wait until units are well.

        Args:
            names: Which.
            place: Folder of the version that they are to run.

        Raises:
            IsolaneError: One is not, in time.
        """
        end = time.monotonic() + self._healthy_s
        since: dict[str, tuple[int, float]] = {}
        while True:
            now = time.monotonic()
            if dead := [name for name in names if not self.pid(name)]:
                raise IsolaneError(f"{' '.join(dead)} ended by itself", "see journalctl -u UNIT")
            wrong = {name: why for name in names if (why := self._wrong(name, place, since, now))}
            if not wrong:
                return
            if now > end:
                said = "; ".join(f"{name} {why}" for name, why in wrong.items())
                raise IsolaneError(f"after {self._healthy_s:.0f} s {said}", "see journalctl -u UNIT")
            time.sleep(_LOOK_S)

    def runs_from(self, name: str, place: Path) -> bool:
        """Tell whether a unit runs, and from a version's folder."""
        return _runs_from(self.pid(name), place)

    def pid(self, name: str) -> int:
        """Give a unit's main process, 0 where it is not active."""
        lines = self._say("show", "--property=ActiveState,MainPID", name).splitlines()
        told = dict(line.partition("=")[::2] for line in lines)
        return int(told.get("MainPID") or 0) if told.get("ActiveState") in {"active", "reloading"} else 0

    def _wrong(self, name: str, place: Path, since: dict[str, tuple[int, float]], now: float) -> str:
        pid = self.pid(name)
        if since.setdefault(name, (pid, now))[0] != pid:
            since[name] = pid, now
        if not _runs_from(pid, place):
            return f"does not run from {place}"
        if name in self._pages and read(self._pages[name]) is None:
            return f"does not answer at {self._pages[name]}"
        return "" if now - since[name][1] >= _SETTLED_S else "has only just begun"

    def _say(self, *words: str) -> str:
        try:
            done = subprocess.run(
                [self._systemctl, *words], capture_output=True, text=True, check=False, timeout=_ORDER_S
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise IsolaneError(f"{self._systemctl} does not work: {error}") from error
        if done.returncode:
            raise IsolaneError(f"systemctl {' '.join(words)}: {done.stderr.strip()[-300:]}")
        return done.stdout


def _runs_from(pid: int, place: Path) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(word.startswith(bytes(place) + b"/") for word in words[:2])
