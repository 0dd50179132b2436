"""This file says what keeps the business's processor time from Channel B here; it guards that hope is not taken for it.

Measured with all processors busy: a control-group weight or real-time priority keeps the relay's delay as it is; nice
values do within one session, and across sessions, where the kernel groups by session, do nothing at all.
"""

import os
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_GROUPS = Path("/sys/fs/cgroup")
_WEIGHT_RATIO, _NICE_STEPS = 10, 15
_REAL_TIME = (os.SCHED_FIFO, os.SCHED_RR)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a process stands with the scheduler.

    Attributes:
        policy: os.SCHED_*.
        nice: -20 to 19.
        session: Its session's number.
        group: Path of its control group.
        weight: That group's processor weight, 0 for idle, None if it cannot be told.
    """

    policy: int
    nice: int
    session: int
    group: str
    weight: int | None


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
    if relay.group != health.group and relay.weight is not None and health.weight is not None:
        if relay.weight >= _WEIGHT_RATIO * max(1, health.weight):
            return True, f"control groups weigh {relay.weight} to {health.weight or 'idle'}"
        return False, f"control groups weigh {relay.weight} to {health.weight}: use the units of deploy/systemd"
    is_below = health.policy == os.SCHED_IDLE or health.nice - relay.nice >= _NICE_STEPS
    if is_below and (relay.session == health.session or not by_session):
        return True, f"nice {health.nice} to {relay.nice} in one session"
    why = "nice means nothing across sessions" if is_below else "health has no lower priority"
    return False, f"{why}: use the units of deploy/systemd, or start both from one session with [health] nice = 19"


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
    lines = (_PROC / str(pid) / "cgroup").read_text(encoding="utf-8").splitlines()
    group = next((line[3:] for line in lines if line.startswith("0::")), "")
    return Standing(
        os.sched_getscheduler(pid), os.getpriority(os.PRIO_PROCESS, pid), os.getsid(pid), group, _weight(group)
    )


def _weight(group: str) -> int | None:
    folder = _GROUPS / group.lstrip("/")
    try:
        idle = folder / "cpu.idle"
        if idle.exists() and idle.read_text(encoding="ascii").strip() == "1":
            return 0
        return int((folder / "cpu.weight").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
