"""This file gives orders to the load's process; it guards that one order is done before the next is given."""

import json
import subprocess
import sys
from typing import Any

from bench.relay.contestants import PEER_CORE, Contestant, Ground, pin


class Driver:
    """The load's process (load.py), spoken to in lines."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.relay.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        pin(self._process.pid, PEER_CORE)

    def do(self, what: str, **command: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Send a command and give the answer."""
        if self._process.stdin is None or self._process.stdout is None:
            raise SystemExit("the load has no pipes")
        self._process.stdin.write(json.dumps({"do": what, **command}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the load ended during {what} {command}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def open(self, contestant: Contestant, ground: Ground, count: int) -> None:
        """Open connections to a contestant."""
        self.do("open", name=contestant.key, port=contestant.port, ca=_ca(contestant, ground), count=count)

    def storm(self, contestant: Contestant, ground: Ground, seconds: float) -> int:
        """Open and end connections to a contestant; give how many."""
        ca = _ca(contestant, ground)
        count: int = self.do("storm", name="S", port=contestant.port, ca=ca, seconds=seconds)["count"]
        return count

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


def _ca(contestant: Contestant, ground: Ground) -> str | None:
    return str(ground.ca) if contestant.secure else None
