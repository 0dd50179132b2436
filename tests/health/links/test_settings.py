"""This file reads the examples of the reference page; it guards that what the page shows can be written."""

import re
from pathlib import Path

import pytest

from isolane.config.load import load
from isolane.health.settings import HealthSettings
from support.tree import ROOT

PAGE = (ROOT / "docs/reference/links.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
_REST = """
[health.outbox]
path = "outbox.db"
[[health.sources]]
type = "host"
"""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: re.findall('type = "(.*)"', example)[0])
def test_an_example_can_be_read(tmp_path: Path, example: str) -> None:
    file = tmp_path / "site.toml"
    file.write_text(_REST + example, encoding="utf-8")
    (link,) = load(file, "health", HealthSettings).links
    assert f"## {link.__struct_config__.tag}" in PAGE


def test_every_type_has_an_example_and_a_row() -> None:
    shown = {re.findall('type = "(.*)"', example)[0] for example in EXAMPLES}
    assert shown == set(re.findall(r"^## ([a-z_]+)$", PAGE, re.MULTILINE))
    assert shown == {"mqtt", "https", "remote_write", "influx", "otlp", "loki", "syslog", "sparkplug"}
    assert all(f"| `{name}` |" in PAGE for name in shown)
