"""This file writes docs/reference/settings.md from the settings types; `make docs` runs it, a test compares.

Run as a program it writes all reference pages that come from the code.
"""

import importlib

from isolane.cli.check import SETTINGS
from isolane.config.describe import Setting, describe
from support import device_pages
from support.tree import ROOT

PAGE = ROOT / "docs/reference/settings.md"

_HEAD = """\
# Settings

One TOML file, a table per process; `isolane init` writes a commented one, `isolane check` shows what is in force.
Unknown keys are errors. Paths are relative to the file. Secrets are given by reference: `file:PATH` or `env:NAME`.
`[]` marks a table that may stand several times, `[name]` one that is chosen by `type = "name"`.

This page is written from the code by `make docs`.
"""


def render() -> str:
    """Give the page."""
    parts = [_HEAD]
    for table, (module, name) in SETTINGS.items():
        settings = getattr(importlib.import_module(module), name)
        parts.append(f"\n## [{table}]\n\n{settings.__doc__.strip().splitlines()[0]}\n")
        parts.append("\n| key | what it may be | default | meaning |\n|---|---|---|---|\n")
        parts += [_row(setting) for setting in describe(settings)]
    return "".join(parts)


def _row(setting: Setting) -> str:
    description = setting.description.replace("|", "\\|")
    default = setting.default if setting.default in {"required", "-"} else f"`{setting.default}`"
    return f"| `{setting.path}` | {setting.kind} | {default} | {description} |\n"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    device_pages.write()
