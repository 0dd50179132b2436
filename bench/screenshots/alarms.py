"""This file opens the scene's alerts; it guards that they are there at once, in words that do not change.

The rules wait for minutes before they open anything; what an alert looks like does not depend on who has decided it.
"""

import time

from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.alert_port import Decisions, Opening

_CONTACT = "1.0/TemperatureSensor[ContactDCplus]/Temperature"


def _opening(rule: str, site: str, device: str, level: int, *words: str, signal: str = "") -> Opening:
    return Opening(rule, f"charger/{site}/{device}", site, device, signal, level, *words)


async def open_alarms(alerts: SqlAlerts, site: str, device: str) -> None:
    """Open one alert of each level, and let people take some of them.

    Args:
        alerts: The book of the catalogue.
        site: Of the first, which nobody has taken.
        device: Of the first.
    """
    now_ms = time.time_ns() // 1_000_000
    openings = [
        _opening(
            "contact-hot", site, device, 3, "A contact is warmer than its neighbour",
            "DC+ is 21 K above DC\u2212 at 370 A, for 10 min; usual are 2 K.",
            "A worn or dirty pin heats up under load and can melt the inlet.",
            "Look at the pins of the connector, clean or replace them.", "CCS2 contact set DC", signal=_CONTACT,
        ),
        _opening(
            "isolation-low", "rasthof-a9", "DE-ISO-A9-01", 4, "Insulation is below its limit",
            "90 k\u03a9 for 3 s; the limit is 100 k\u03a9.", "Somebody who touches the vehicle may get a shock.",
            "Keep the outlet out of service. Look for water in cable and connector.", "Cable set",
        ),
        _opening(
            "offline", "stadtgarage", "DE-ISO-GAR-01", 2, "Nothing has come from a charger",
            "The newest sample is 3 h old.", "Nobody sees whether it works.", "Look at the gateway's power and uplink.",
            "",
        ),
        _opening(
            "fan-wear", "rasthof-a9", "DE-ISO-A9-02", 1, "A fan is slower than it was",
            "2650 rpm at full drive; a month ago 3100 rpm.", "It will derate on the next hot day.",
            "Clean the filter at the next visit.", "Filter mat",
        ),
    ]  # fmt: skip
    await alerts.decide(Decisions(openings=openings), (), now_ms)
    await alerts.acknowledge(2, "mona", "On my way.", now_ms + 60_000)
    await alerts.assign(3, "mona", "jens", now_ms + 90_000)
