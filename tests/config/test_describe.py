"""This file checks that a settings type describes itself, nested tables and choices included."""

from pathlib import Path
from typing import Annotated

import msgspec

from isolane.config.describe import Setting, describe, effective
from isolane.config.load import load, read
from isolane.config.values import Address, Secret


class Plain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="plain"):
    """One choice."""

    port: Annotated[int, msgspec.Meta(description="TCP port", ge=1, le=65535)] = 502


class Other(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="other"):
    """Another choice."""

    key: Annotated[Secret | None, msgspec.Meta(description="Key")] = None


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A nested table."""

    dial_s: Annotated[float, msgspec.Meta(description="Longest dial, s", gt=0)] = 5.0


class Example(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table with one of everything."""

    metrics: Annotated[Address, msgspec.Meta(description="Metrics page")]
    sources: list[Plain | Other] = []
    limits: Limits = Limits()


def test_every_setting_is_listed_with_range_and_default() -> None:
    assert describe(Example) == (
        Setting("metrics", "address", "required", "Metrics page"),
        Setting("sources[plain].port", "whole number >= 1, <= 65535", "502", "TCP port"),
        Setting("sources[other].key", "secret", "-", "Key"),
        Setting("limits.dial_s", "number > 0", "5", "Longest dial, s"),
    )


def test_what_is_in_force_names_its_origin_and_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('[tap]\nmetrics = "127.0.0.1:1"\n[[tap.sources]]\ntype = "other"\nkey = "file:k"\n')
    (tmp_path / "k").write_text("hunter2")
    settings = load(file, "tap", Example)
    assert list(effective(settings, read(file)["tap"])) == [
        ("metrics", "127.0.0.1:1", "file"),
        ("sources[0].key", "Secret('file:k')", "file"),
        ("limits.dial_s", "5.0", "default"),
    ]
