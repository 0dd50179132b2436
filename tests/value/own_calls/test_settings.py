"""This file checks that a setting can neither allow what may never be asked nor forget the audit."""

from pathlib import Path

import pytest

from isolane.config.load import load
from isolane.core.failures import IsolaneError
from isolane.value.settings import ValueSettings

TABLE = """
[value]
metrics = "127.0.0.1:0"
[value.csms]
url = "ws://127.0.0.1:1"
[[value.listen]]
address = "127.0.0.1:0"
[value.own_calls]
"""


def read(folder: Path, lines: str) -> ValueSettings:
    (folder / "site.toml").write_text(TABLE + lines)
    return load(folder / "site.toml", "value", ValueSettings)


def test_nobody_is_asked_unless_somebody_says_so(tmp_path: Path) -> None:
    off = read(tmp_path, "").own_calls
    assert not off.enables("CP1")
    assert "Reset" not in {*off.actions_v16, *off.actions_v2}
    one = read(tmp_path, 'enabled_for = ["CP1"]\naudit = "a"').own_calls
    assert one.enables("CP1")
    assert not one.enables("CP2")
    assert one.audit == tmp_path / "a"
    assert read(tmp_path, 'enabled_for = ["*"]\naudit = "a"').own_calls.enables("CP2")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('enabled_for = ["CP1"]', "audit"),
        ('enabled_for = ["a/b"]', "identity"),
        *((f'actions_v16 = ["{action}"]', "never asked") for action in ("Reset", "RemoteStartTransaction", "Nothing")),
        *((f'actions_v2 = ["{action}"]', "never asked") for action in ("SetVariables", "UpdateFirmware", "GetLogs")),
        ('upload_to = ["logs.example"]', "base URL"),
        ('upload_to = ["ftp://u:p@logs.example"]', "base URL"),
        ("csms_delay_ms_max = 60000", "csms_delay_ms_max"),
    ],
)
def test_what_cannot_be_is_said(tmp_path: Path, lines: str, says: str) -> None:
    with pytest.raises(IsolaneError, match=says):
        read(tmp_path, lines)


def test_a_reset_may_be_listed_for_newer_chargers(tmp_path: Path) -> None:
    assert read(tmp_path, 'actions_v2 = ["Reset"]').own_calls.actions_v2 == ["Reset"]
