"""This file lowers processes for good, so it does that to others: each case has one of its own."""

import json
import subprocess
import sys

import pytest

_PROGRAM = """
import json, os, sys, threading
from isolane.health.priority import stand_back
go, done = threading.Event(), threading.Event()
found = []
def look():
    found.append([os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)])
def wait():
    go.wait()
    look()
    done.set()
os.nice({before})
threading.Thread(target=wait).start()
stand_back({cpu!r}, {nice})
look()
go.set()
done.wait()
print(json.dumps(found))
"""
_OTHER, _IDLE = 0, 5


@pytest.mark.parametrize(
    ("cpu", "nice", "before", "policy", "after"),
    [
        ("nice", 19, 0, _OTHER, 19),
        ("nice", 5, 0, _OTHER, 5),
        ("nice", 5, 12, _OTHER, 12),
        ("idle", 19, 0, _IDLE, 19),
        ("normal", 19, 3, _OTHER, 3),
    ],
)
def test_all_threads_stand_back_and_none_comes_forward(
    cpu: str, nice: int, before: int, policy: int, after: int
) -> None:
    here = _own_nice()
    program = _PROGRAM.format(cpu=cpu, nice=nice, before=before)
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    expected = min(19, max(after, here + before) if cpu != "normal" else here + before)
    assert json.loads(ran.stdout) == [[policy, expected]] * 2


def _own_nice() -> int:
    program = "import os; print(os.getpriority(os.PRIO_PROCESS, 0))"
    return int(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=60).stdout)
