"""This file leaves word for a gateway that a part is as new."""

from pathlib import Path

import pytest

from isolane.cli.main import main
from isolane.health.models.renewals import Renewal, take

SITE = """
[site]
name = "depot"
gateway = "gw-1"

[health]
sources = [{ type = "host" }]
[health.outbox]
path = "outbox.db"
"""


def test_word_is_left_beside_the_memory(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(SITE)
    words = ["soh", "renew", "-c", str(tmp_path / "site.toml"), "CP1", "1.1", "connector", "--reason", "new cable"]
    assert main(words) == 0
    ((_, renewal),) = take(tmp_path / "outbox.models.renewals")
    assert renewal == Renewal("CP1", "1.1", "connector", "new cable")


def test_a_kind_that_there_is_not_is_named_with_those_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site.toml").write_text(SITE)
    assert main(["soh", "renew", "-c", str(tmp_path / "site.toml"), "CP1", "1.1", "conector"]) == 2
    assert "connector" in capsys.readouterr().err
