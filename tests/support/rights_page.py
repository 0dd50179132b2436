"""This file writes the table of rights for docs/reference/people.md; it guards that the page tells what the code does.

``python -m support.rights_page`` writes the table anew.
"""

import re

from isolane.center.people.rights import RIGHTS, Right
from support.tree import ROOT

PAGE = ROOT / "docs/reference/people.md"
_TABLE = re.compile(r"\| route \| people \| scope \|\n(?:\|.*\n)*")


def render() -> str:
    """Give the table."""
    lines = ["| route | people | scope |", "|---|---|---|", *(_line(right) for right in RIGHTS)]
    return "\n".join(lines) + "\n"


def written() -> str:
    """Give the table as the page has it."""
    found = _TABLE.search(PAGE.read_text(encoding="utf-8"))
    return found[0] if found else ""


def _line(right: Right) -> str:
    who = f"{right.who} of all tenants" if right.everywhere else str(right.who)
    return f"| `{right.method} {right.path}` | {who} | {f'`{right.scope}`' if right.scope else '-'} |"


if __name__ == "__main__":
    PAGE.write_text(_TABLE.sub(lambda _: render(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
