"""This file runs a real health process; it guards that it is killed by its own number and outlives no test."""

import copy
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from support.broker import Pki
from support.outboxes import GATEWAY, SITE, until
from support.patience import PATIENCE_S
from support.tree import ROOT

_PROGRAM = "import sys; from isolane.cli.main import main; sys.exit(main())"
_READY = re.compile(r"ready metrics=(?P<address>\S+)")
_SETTINGS = """
[site]
name = "{site}"
gateway = "{gateway}"
run_dir = "run"

[health]
metrics = "127.0.0.1:0"
flush_s = {flush_s}

[health.sampling]
step_ms = 100

[health.outbox]
path = "outbox.db"
block_rows = 2

[[health.sources]]
type = "host"
period_s = 0.1

[[health.links]]
ca = "{ca}"
certificate = "{certificate}"
key = "{key}"
reconnect_s_max = 0.3
ack_timeout_s = 1
ledger_s = 0.5
"""


class Health:
    """A health process that reads its host ten times a second, in a folder; may be killed and started again there.

    Args:
        folder: Where its settings and its outbox are.
        pki: Who it is.
        link: More of the link's table: type, and where the center is.
        flush_s: What its end may take; long, so that a busy machine changes nothing.
    """

    def __init__(self, folder: Path, pki: Pki, link: str, flush_s: int = 30) -> None:
        (folder / "run").mkdir(mode=0o700)
        self.outbox = folder / "outbox.db"
        self._settings = folder / "site.toml"
        self._output = folder / "output"
        self._output.touch()
        self.process: subprocess.Popen[bytes] | None = None
        self.clock: Path | None = None
        """File of the seconds by which its UTC clock is off, also while it runs; None: it has the machine's."""
        identity = pki.gateway
        text = _SETTINGS.format(
            site=SITE, gateway=GATEWAY, ca=pki.ca, certificate=identity.certificate, key=identity.key, flush_s=flush_s
        )
        self._settings.write_text(text + link, encoding="utf-8")

    @property
    def text(self) -> str:
        """What it has logged."""
        return self._output.read_text(encoding="utf-8")

    def launch(self) -> None:
        """Start it and do not wait."""
        with self._output.open("ab") as output:
            program = ["-c", _PROGRAM] if self.clock is None else ["-m", "bench.chaos_health.gateway", str(self.clock)]
            command = [sys.executable, *program, "health", "-c", str(self._settings)]
            self.process = subprocess.Popen(
                command, stdout=output, stderr=output, env={**os.environ, "PYTHONPATH": str(ROOT)}
            )

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        before = len(_READY.findall(self.text))
        self.launch()
        await until(lambda: len(_READY.findall(self.text)) > before or self._over(), "the process is ready")
        assert not self._over(), self.text

    def kill(self) -> None:
        """Kill it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    async def stop(self) -> int:
        """Ask it to end; give its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> int:
        """Wait until it has ended; give its exit code."""
        assert self.process is not None
        await until(self._over, "the process ends")
        code = self.process.wait()
        self.process = None
        return code

    def twin(self) -> "Health":
        """Give another process, not started yet, with the same settings and outbox."""
        other = copy.copy(self)
        other.process = None
        return other

    @property
    def nice(self) -> int:
        """Its priority."""
        assert self.process is not None
        return os.getpriority(os.PRIO_PROCESS, self.process.pid)

    def metrics(self) -> dict[str, float]:
        """Read its metrics page."""
        address = [match["address"] for match in _READY.finditer(self.text)][-1]
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=PATIENCE_S) as page:
            lines = page.read().decode().splitlines()
        samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in samples}

    def _over(self) -> bool:
        return self.process is not None and self.process.poll() is not None
