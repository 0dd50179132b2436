"""This file says what keeps the business's processor time from Channel B here; it guards that hope is not taken for it.

Measured with all processors busy: a control-group weight or real-time priority keeps the relay's delay as it is; nice
values do within one session, and across sessions, where the kernel groups by session, do nothing at all. It does so
only with what is in no control group for the processor.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from isolane.cli.processor_groups import Group, apart, chain

_PROC = Path("/proc")
_WEIGHT_RATIO, _NICE_STEPS = 10, 15
_REAL_TIME = (os.SCHED_FIFO, os.SCHED_RR)
_UNITS = "use the units of deploy/systemd"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a process stands with the scheduler.

    Attributes:
        policy: os.SCHED_*.
        nice: -20 to 19.
        session: Its session's number.
        groups: Its control groups for the processor, the outermost first.
    """

    policy: int
    nice: int
    session: int
    groups: tuple[Group, ...] = ()


def verdict(relay: Standing | None, health: Standing | None, *, by_session: bool) -> tuple[bool, str]:
    """Tell whether something holds, and what.

    Args:
        relay: Of Channel A, None where it does not run.
        health: Of Channel B.
        by_session: Whether the kernel groups by session (autogroup).
    """
    if relay is None or health is None:
        return True, "not told: relay and health process do not both run"
    if relay.policy in _REAL_TIME:
        return True, "the relay has real-time priority"
    weights = apart(relay.groups, health.groups)
    if weights is not None:
        ours, theirs = weights
        said = f"control groups weigh {_words(ours)} to {_words(theirs)}, where 1 is usual"
        holds = ours >= _WEIGHT_RATIO * theirs and ours > 0
        return holds, said if holds else f"{said}: {_UNITS}"
    is_idle = health.policy == os.SCHED_IDLE and relay.policy != os.SCHED_IDLE
    is_below = is_idle or health.nice - relay.nice >= _NICE_STEPS
    place = "one control group" if relay.groups else "one session" if by_session else "one group"
    if is_below and (relay.groups or relay.session == health.session or not by_session):
        return True, f"{'SCHED_IDLE beside it' if is_idle else f'nice {health.nice} to {relay.nice}'} in {place}"
    if is_below:
        return False, f"priority means nothing across sessions: {_UNITS}, or start both from one session"
    return False, f'health has no lower priority: {_UNITS}, or set [health] cpu = "nice" and nice = 19'


def _words(weight: float) -> str:
    return f"{weight:g}" if weight else "idle"


def here() -> tuple[bool, str]:
    """Look at the processes of this machine."""
    try:
        by_session = (_PROC / "sys/kernel/sched_autogroup_enabled").read_text(encoding="ascii").strip() == "1"
    except OSError:
        by_session = False
    return verdict(_find("value"), _find("health"), by_session=by_session)


def _find(room: str) -> Standing | None:
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if any(b"isolane" in word for word in words) and room.encode() in words:
                return _standing(int(folder.name))
        except OSError:  # gone meanwhile
            continue
    return None


def _standing(pid: int) -> Standing:
    memberships = (_PROC / str(pid) / "cgroup").read_text(encoding="utf-8")
    nice = os.getpriority(os.PRIO_PROCESS, pid)
    return Standing(os.sched_getscheduler(pid), nice, os.getsid(pid), chain(memberships))
