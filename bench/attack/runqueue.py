"""This file tells for how long the relay was ready to run and had no core.

It guards that only others' work is taken off what is measured: a relay that keeps itself waiting is late.
"""

import contextlib
from pathlib import Path
from typing import NamedTuple


class Spent(NamedTuple):
    """What one process's first thread has waited for a core, and what all other threads of ours have had of them."""

    waited_ns: int
    others_ns: int


class RunQueue:
    """The kernel's books of one process's first thread, which is its event loop.

    Args:
        pid: Whose.
        ours: Processes whose work is no excuse, itself among them.
    """

    def __init__(self, pid: int, ours: tuple[int, ...]) -> None:
        self._pid, self._ours = pid, ours

    def spent(self) -> Spent:
        """Give what the books say now; zeros where there are none, or the process is gone."""
        waited_ns = others_ns = 0
        for pid in self._ours:
            for task in Path(f"/proc/{pid}/task").glob("*"):
                with contextlib.suppress(OSError, ValueError):
                    ran, waited, _ = map(int, (task / "schedstat").read_text(encoding="ascii").split())
                    if task.name == str(self._pid):
                        waited_ns = waited
                    else:
                        others_ns += ran
        return Spent(waited_ns, others_ns)

    def excused_s(self, before: Spent) -> float:
        """Give what the loop has waited for a core since `before` that was not taken by other threads of ours."""
        now = self.spent()
        return max(0, now.waited_ns - before.waited_ns - (now.others_ns - before.others_ns)) / 1e9
