"""This file writes the tables of parameters for docs/reference/models; a test per page compares.

Run as a program with ``module:Type`` it prints the rows of that table.
"""

import importlib
import sys

import msgspec

from isolane.config.describe import describe
from support.tree import ROOT

PAGES = ROOT / "docs/reference/models"


def parameter_rows(parameters: type[msgspec.Struct]) -> str:
    """Give the table of a settings struct."""
    rows = ["| parameter | what it may be | default | meaning |", "|---|---|---|---|"]
    for setting in describe(parameters):
        default = setting.default if setting.default in {"required", "-"} else f"`{setting.default}`"
        rows.append(f"| `{setting.path}` | {setting.kind} | {default} | {setting.description} |")
    return "\n".join(rows)


def page(name: str) -> str:
    """Give the page of a component."""
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


if __name__ == "__main__":
    module, _, kind = sys.argv[1].partition(":")
    print(parameter_rows(getattr(importlib.import_module(module), kind)))  # noqa: T201 - that is what it is for
