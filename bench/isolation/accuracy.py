"""This file says how well a link is emulated; it guards that what the bench blames on B is not the emulator's."""

import json
import subprocess
from dataclasses import dataclass
from statistics import median

from bench.isolation.namespaces import Link, Namespace, end

_TRIPS = 20
_PACKET_BITS = 8 * 128
"""Of the probe, headers included; it crosses the link twice."""


@dataclass(frozen=True)
class Accuracy:
    """A link as it is.

    Attributes:
        kbps: Nominal rate, kbit/s.
        expected_ms: Round trip of the probe by rate and delay, ms.
        p50_ms: Median round trip at idle, ms.
        max_ms: Longest one.
        tcp_kbps: Payload that one TCP connection gets through, kbit/s.
    """

    kbps: int
    expected_ms: float
    p50_ms: float
    max_ms: float
    tcp_kbps: float

    @property
    def sentence(self) -> str:
        """Say it."""
        return (
            f"link {self.kbps} kbit/s: round trip at idle {self.p50_ms:.2f} ms ({self.expected_ms:.2f} by rate and "
            f"delay), longest {self.max_ms:.2f} ms; one TCP connection gets {self.tcp_kbps:.0f} kbit/s of payload "
            f"({100 * self.tcp_kbps / self.kbps:.0f} %)"
        )


def measure(link: Link, site: Namespace, world: Namespace, kbps: int, delay_s: float) -> Accuracy:
    """Measure a link on which nothing else runs."""
    echo = subprocess.Popen(
        world.python("bench.isolation.probe", "echo", link.world_host), stdout=subprocess.PIPE, text=True
    )
    try:
        if echo.stdout is None or not echo.stdout.readline():
            raise SystemExit("the probe did not start")
        asked = site.python("bench.isolation.probe", "ask", link.world_host, str(_TRIPS))
        found = json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)
    finally:
        end(echo)
    trips_ms = [1000 * each for each in found["trips_s"]]
    expected_ms = 2 * (1000 * delay_s + _PACKET_BITS / kbps)
    return Accuracy(kbps, expected_ms, median(trips_ms), max(trips_ms), found["rate_bps"] / 1000)
