"""This file is how a peer reports; it guards that a fact is written down as the library told it, unchanged.

A message of at most TEXT_MAX characters is kept as it is, because it may hold an id that the comparison has to level;
a longer one as the message type and id that it begins with, and the size and digest of the rest.
"""

import asyncio
import hashlib
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

TEXT_MAX = 4096
_DRAIN_S = 8.0
_HEAD = re.compile(r'\[\d+, *"[^"]*"')

Fact = tuple[str, str]


@dataclass
class Journal:
    """What one end of a connection, or of one case, has seen."""

    identity: str = ""
    facts: list[Fact] = field(default_factory=list)

    def add(self, kind: str, value: object) -> None:
        """Write down a fact."""
        self.facts.append((kind, str(value)))

    def fields(self, kind: str, fields: Iterable[tuple[str, str]]) -> None:
        """Write down header fields, sorted, because their order means nothing (RFC 9110 §5.3)."""
        for name, value in sorted((name.lower(), value) for name, value in fields):
            self.add(f"{kind} {name}", value)

    def message(self, data: str | bytes) -> None:
        """Write down a message that came."""
        if isinstance(data, bytes):
            self.add("binary", _digest(data))
        elif len(data) <= TEXT_MAX:
            self.add("text", data)
        else:
            found = _HEAD.match(data)
            head = found[0] if found else ""
            self.add("text", head + _digest(data[len(head) :].encode()))


class Connections:
    """The journals of a server's connections since the last report."""

    def __init__(self) -> None:
        self._journals: list[Journal] = []
        self._open = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    def opened(self, identity: str) -> Journal:
        """Begin a connection."""
        self._open += 1
        self._quiet.clear()
        self._journals.append(Journal(identity))
        return self._journals[-1]

    def closed(self) -> None:
        """End one."""
        self._open -= 1
        if not self._open:
            self._quiet.set()

    async def report(self) -> None:
        """Answer each line of the standard input until its end."""
        while await asyncio.to_thread(sys.stdin.readline):
            try:
                await asyncio.wait_for(self._quiet.wait(), _DRAIN_S)
            except TimeoutError:
                self._journals.append(Journal("", [("error", f"{self._open} have not ended")]))
            say([{"identity": journal.identity, "facts": journal.facts} for journal in self._journals])
            self._journals.clear()


def _digest(raw: bytes) -> str:
    return f"{len(raw)} bytes, sha256 {hashlib.sha256(raw).hexdigest()}"


def say(what: object) -> None:
    """Print one line of JSON."""
    print(json.dumps(what), flush=True)


def say_case(case: str, journal: Journal) -> None:
    """Print a client's report of one case, which it has brought to its end."""
    say({"case": case, "facts": [*journal.facts, ("end", "the scenario is complete")]})
