"""This file gives the processor's time to Channel A first; it guards that this process never asks for more than it has.

Nice values and SCHED_IDLE count within one session or control group alone; across them a control group's weight does
(deploy/systemd). `isolane check` tells which holds.
"""

import contextlib
import logging
import os
from pathlib import Path
from typing import Literal

Processor = Literal["nice", "idle", "normal"]
_LOG = logging.getLogger(__name__)
_THREADS = Path("/proc/self/task")


def stand_back(cpu: Processor, nice: int) -> None:
    """Lower the priority of all threads; a sandbox that refuses is told of, and nothing else changes.

    Args:
        cpu: "nice": to `nice`; "idle": besides, SCHED_IDLE, which runs when nothing else wants to; "normal": as it is.
        nice: 0 to 19; a process that is lower already stays there.
    """
    if cpu == "normal":
        return
    try:
        for thread in [int(each.name) for each in _THREADS.iterdir()]:
            with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                os.setpriority(os.PRIO_PROCESS, thread, max(nice, os.getpriority(os.PRIO_PROCESS, thread)))
                if cpu == "idle":
                    os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
    except PermissionError as error:
        _LOG.warning("priority-refused cpu=%s nice=%d why=%s", cpu, nice, error.strerror)
