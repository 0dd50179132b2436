"""This file reads the page of Sparkplug's assertions; it guards that each test it names exists."""

import re

from support.tree import ROOT

PAGE = (ROOT / "docs/reference/sparkplug-assertions.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([A-Za-z0-9-]+)` \| (\S+) \| (.+) \|$", PAGE, re.MULTILINE)


def test_every_assertion_is_shown_or_does_not_apply() -> None:
    tests = {
        name
        for file in (ROOT / "tests/health/links/sparkplug").glob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(ROWS) == len({row[0] for row in ROWS}) == PAGE.count("\n| `")
    assert len(ROWS) > 290
    for assertion, state, reason in ROWS:
        if state == "yes":
            assert reason.strip("`") in tests, assertion
        else:
            assert state == "n.a.", assertion
            assert len(reason.split()) > 1, assertion
