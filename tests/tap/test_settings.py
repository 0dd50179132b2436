"""This file tests the [tap] table."""

from pathlib import Path

import pytest

from isolane.config.load import load
from isolane.config.values import Address
from isolane.core.failures import IsolaneError
from isolane.tap.settings import TapSettings


def read(folder: Path, text: str) -> TapSettings:
    file = folder / "site.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, "tap", TapSettings)


def test_an_empty_table_has_defaults(tmp_path: Path) -> None:
    settings = read(tmp_path, "")
    assert (settings.metrics, settings.pseudonym_key, settings.key_file) == (None, None, None)
    assert settings.message_bytes_max == 8 * 2**20


def test_every_value_is_read(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        '[tap]\nmetrics = "127.0.0.1:9102"\npseudonym_key = "env:KEY"\nkey_file = "keys/tap.key"\n'
        'vendor_error_codes = ["Lock-7"]\ncpu_share_max = 0.25\n',
    )
    assert settings.metrics == Address("127.0.0.1", 9102)
    assert settings.key_file == tmp_path / "keys/tap.key"
    assert settings.vendor_error_codes == ("Lock-7",)


@pytest.mark.parametrize(
    "line", ["cpu_share_max = 0", 'pseudonym_key = "secret"', 'vendor_error_codes = ["a b"]', "x = 1"]
)
def test_what_is_wrong_is_said(tmp_path: Path, line: str) -> None:
    with pytest.raises(IsolaneError):
        read(tmp_path, f"[tap]\n{line}\n")
