"""This file shuts a process's memory against others; it guards that no key gets into a file or debugger.

A core dump would hold keys and messages in clear, and a process of the same user could read them from `/proc/PID/mem`
or attach to it. Both are switched off for every command before it reads its settings.
"""

import ctypes
import resource

_PR_SET_DUMPABLE = 4


def keep_memory_private() -> None:
    """Write no core dump, and let nobody but root attach to this process or read its memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
