"""This file makes Loki's push request; it guards that streams stay few and each of them goes forward in time.

Labels are site, gateway, charger, event and level: a stream a charger and kind of event. All else is in the line, a
JSON object that Loki's ``| json`` reads.
"""

import msgspec

from isolane.core.clock import NS_PER_MS
from isolane.health.links.facts import Fact


def push(facts: list[Fact], common: dict[str, str]) -> bytes:
    """Make a request of facts."""
    streams: dict[tuple[str, str, bool], list[Fact]] = {}
    for fact in facts:
        streams.setdefault((fact.charger, fact.name, fact.is_warning), []).append(fact)
    told = []
    for (charger, name, is_warning), members in streams.items():
        labels = {**common, "event": name, "level": "warn" if is_warning else "info"}
        if charger:
            labels["charger"] = charger
        members.sort(key=lambda fact: fact.t_ms)
        values = [(str(fact.t_ms * NS_PER_MS), msgspec.json.encode(fact.fields).decode()) for fact in members]
        told.append({"stream": labels, "values": values})
    return msgspec.json.encode({"streams": told})
