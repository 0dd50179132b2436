"""This file gathers what the demo shows, from the same metrics pages and API an operator has.

It guards that the view has no private door into any process: what it shows can be had by anyone who runs isolane.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from isolane.cli.demo.ports import HOST, Ports

Labels = tuple[tuple[str, str], ...]
_ANSWER_S = 2.0


@dataclass(frozen=True, slots=True)
class Page:
    """One metrics page: every sample by name and labels; empty while the process does not answer."""

    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)

    def total(self, name: str, **labels: str) -> float:
        """Sum the samples of a name whose labels include these."""
        wanted = set(labels.items())
        return sum(value for (other, found), value in self.samples.items() if other == name and wanted <= set(found))

    def quantile_s(self, histogram: str, share: float) -> float | None:
        """Give the bucket bound below which a share of the observations lies, s; None without observations."""
        buckets = sorted(
            (float(dict(labels)["le"]), value)
            for (name, labels), value in self.samples.items()
            if name == f"{histogram}_bucket"
        )
        count = buckets[-1][1] if buckets else 0
        return next((bound for bound, below in buckets if below >= share * count), None) if count else None


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known at one moment."""

    value: Page
    tap: Page
    health: Page
    chargers: list[dict[str, Any]]
    csms: dict[str, Any]


class Gatherer:
    """Asks everyone once per call; who does not answer is shown as empty.

    Args:
        ports: Where everyone is.
        csms_status: The simulated CSMS's status file.
    """

    def __init__(self, ports: Ports, csms_status: Path) -> None:
        self._ports = ports
        self._csms_status = csms_status
        self._client = httpx.AsyncClient(timeout=_ANSWER_S, trust_env=False)

    async def gather(self) -> Figures:
        """Ask everyone."""
        return Figures(
            await self._page(self._ports.value_metrics),
            await self._page(self._ports.tap_metrics),
            await self._page(self._ports.health_metrics),
            await self.center("chargers") or [],
            self._status(),
        )

    async def center(self, what: str) -> Any:  # noqa: ANN401 - JSON
        """Ask the center's API; None if it does not answer."""
        try:
            answer = await self._client.get(f"http://{HOST}:{self._ports.console}/api/v1/{what}")
            return answer.raise_for_status().json()
        except (httpx.HTTPError, ValueError):
            return None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _page(self, port: int) -> Page:
        try:
            text = (await self._client.get(f"http://{HOST}:{port}/metrics")).raise_for_status().text
        except httpx.HTTPError:
            return Page()
        return Page(
            {
                (sample.name, tuple(sorted(sample.labels.items()))): sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            }
        )

    def _status(self) -> dict[str, Any]:
        try:
            status: dict[str, Any] = json.loads(self._csms_status.read_bytes())
        except (OSError, ValueError):
            return {}
        return status
