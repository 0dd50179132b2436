"""This file asks a process that has begun a command what others may see of its memory: nothing."""

import subprocess
import sys

_PROGRAM = """
import ctypes, resource
from isolane.cli.main import main
dumpable = lambda: ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
before = dumpable()
main(["check", "-c", "/nonexistent/site.toml"])
print(before, dumpable(), *resource.getrlimit(resource.RLIMIT_CORE))
"""


def test_a_command_writes_no_core_and_lets_nobody_attach_or_read() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == ["1", "0", "0", "0"]
