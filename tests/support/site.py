"""This file runs a whole site from its own folder: center, health, tap and relay, as the command line starts them."""

import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from isolane.cli import folder
from isolane.cli.demo.children import Children
from isolane.cli.demo.ports import HOST, Ports, answers
from support.scrape import scrape

SOURCES = '[[health.sources]]\ntype = "ocpp"\n' + "".join(
    f'[[health.sources.chargers]]\ncharger = "CP{number}"\n' for number in range(4)
)
ORDER = ("center", "health", "tap", "value")


class Site:
    """A running site.

    Args:
        path: Its folder.
        base_port: First of its ports.
        csms_port: Where a CSMS listens, plain ws.
    """

    def __init__(self, path: Path, base_port: int, csms_port: int) -> None:
        self.path = path
        self.ports = Ports.from_base(base_port)
        self._children = Children(path / "logs")
        values = {
            "file": "site.toml",
            "value_metrics": f"{HOST}:{self.ports.value_metrics}",
            "tap_metrics": f"{HOST}:{self.ports.tap_metrics}",
            "health_metrics": f"{HOST}:{self.ports.health_metrics}",
            "center_metrics": f"{HOST}:{self.ports.center_metrics}",
            "csms": f"ws://{HOST}:{csms_port}/ocpp",
            "csms_trust": "",
            "listen_ws": f"{HOST}:{self.ports.chargers_ws}",
            "listen_wss": f"{HOST}:{self.ports.chargers_wss}",
            "tap_more": "",
            "block_rows": "1",
            "sources": SOURCES,
            "console": f"{HOST}:{self.ports.console}",
            "ingest": f"{HOST}:{self.ports.ingest}",
            "ingest_port": str(self.ports.ingest),
            "broker_port": str(self.ports.broker),
            "broker_bind": HOST,
            "center_host": HOST,
            "mqtt": "",
        }
        values["links"] = folder.passage("https.toml", values)
        folder.make(folder.Plan(path, "north", "gw-1", (HOST,), (HOST,), values))
        (path / "logs").mkdir()

    async def start(self, name: str) -> None:
        """Start one process and wait until it serves."""
        port = self.ports.chargers_ws if name == "value" else getattr(self.ports, f"{name}_metrics")
        settings = self.path / ("center.toml" if name == "center" else "site.toml")
        await self._children.start(name, (sys.executable, "-m", "isolane", name, "-c", settings), lambda: answers(port))

    def pid(self, name: str) -> int:
        """Give a process's id."""
        return self._children[name].process.pid

    async def kill(self, name: str) -> None:
        """SIGKILL, and wait until it is gone."""
        child = self._children[name]
        child.process.kill()
        await child.process.wait()

    async def stop(self, name: str) -> None:
        """SIGTERM, and hold it to a clean end."""
        log = self._children[name].log
        assert await self._children.stop(name), log.read_text(encoding="utf-8")

    async def stop_all(self) -> None:
        """End what is left."""
        await self._children.stop_all()

    def metric(self, name: str, metric: str) -> float:
        """Sum a metric over its labels; 0 while the page does not answer."""
        text = scrape(getattr(self.ports, f"{name}_metrics"))
        families = text_string_to_metric_families(text)
        return sum(sample.value for family in families for sample in family.samples if sample.name == metric)


@contextlib.asynccontextmanager
async def running_site(path: Path, base_port: int, csms_port: int) -> AsyncIterator[Site]:
    """Start a site and end it whatever happens."""
    site = Site(path, base_port, csms_port)
    try:
        for name in ORDER:
            await site.start(name)
        yield site
    finally:
        await site.stop_all()
