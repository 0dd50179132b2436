"""This file holds the page of security events to the code: each type stands there, and no other."""

import re

from isolane.security.event_lines import Kind as OtherKind
from isolane.value.security_events import Kind
from isolane.wire.tap_event import SecurityKind
from support.tree import ROOT

PAGE = (ROOT / "docs/reference/security-events.md").read_text(encoding="utf-8")


def _types(heading: str) -> list[str]:
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)


def test_the_page_tells_each_type_of_the_tap() -> None:
    assert _types("Seen by the tap") == [kind.value for kind in SecurityKind]


def test_the_page_tells_each_type_of_the_relay() -> None:
    assert sorted(_types("Seen by the relay")) == sorted(kind.value for kind in Kind)


def test_the_page_tells_each_type_of_the_health_process_and_the_center() -> None:
    assert _types("Seen by the health process and by the center") == [kind.value for kind in OtherKind]
