"""This file checks that every mistake in a settings file is named with its place and a remedy."""

from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from isolane.config.load import load
from isolane.config.values import Address, Secret
from isolane.core.failures import IsolaneError


class Leg(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A nested table."""

    url: str
    certificate: Path | None = None


class Example(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table with one of everything."""

    metrics: Address | None = None
    key: Secret | None = None
    legs: list[Leg] = []
    dial_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 5.0


def _load(folder: Path, text: str) -> Example:
    file = folder / "site.toml"
    file.write_text(text)
    return load(file, "value", Example)


def test_a_table_becomes_settings_with_paths_beside_the_file(tmp_path: Path) -> None:
    settings = _load(
        tmp_path,
        """
        [value]
        metrics = "127.0.0.1:9101"
        key = "file:k"
        [[value.legs]]
        url = "ws://x"
        certificate = "pki/c.pem"
        """,
    )
    assert settings.metrics == Address("127.0.0.1", 9101)
    assert settings.legs[0].certificate == tmp_path / "pki/c.pem"
    assert settings.dial_s == 5.0


def test_an_absent_table_gives_the_defaults(tmp_path: Path) -> None:
    assert _load(tmp_path, "") == Example()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[value]\nmetric = 'x'", r"\[value\]: unknown key 'metric'. did you mean 'metrics'"),
        (
            "[value]\n[[value.legs]]\nurl = 'x'\ncertifcate = 'y'",
            r"legs\[0\].*'certifcate'. did you mean 'certificate'",
        ),
        ("[value]\n[[value.legs]]\nurl = 'x'\nzzz = 'y'", r"valid here: url, certificate"),
        ("[value]\ndial_s = 61", r"\[value\] dial_s: .*<= 60"),
        ("[value]\ndial_s = 'soon'", r"dial_s: Expected `float`, got `str`"),
        ("[value]\nmetrics = 'here'", r"metrics: 'here' is not an address"),
        ("[value]\nkey = 'hunter2'", r"key: a secret is given by reference"),
        ("[valeu]\n", r"unknown table \[valeu\]. did you mean 'value'"),
        ("[value\n", r"not valid TOML: .*line 1"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_a_remedy(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match=sentence) as refused:
        _load(tmp_path, text)
    assert "site.toml" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_an_absent_or_unreadable_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match="No such file"):
        load(tmp_path / "none.toml", "value", Example)
    (tmp_path / "latin.toml").write_bytes(b"# \xe9\n")
    with pytest.raises(IsolaneError, match="not UTF-8"):
        load(tmp_path / "latin.toml", "value", Example)
