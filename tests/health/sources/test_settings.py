"""This file loads the examples of the sources' page; it guards that they can be put into a settings file as is."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from isolane.config.load import load
from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.health.sources.catalogue import build
from isolane.health.sources.settings import AnySourceSettings
from isolane.security.authority import Authority
from support.tree import ROOT

PAGE = (ROOT / "docs/reference/sources.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


class Room(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sources: tuple[AnySourceSettings, ...] = ()


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_loads_and_its_source_is_built(example: str, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    for name in re.findall(r"file:(secrets/[a-z-]+)", example):
        (tmp_path / name).write_text("long-enough", encoding="utf-8")
    authority = Authority(tmp_path / "ca")
    authority.create("building")
    (tmp_path / "building-ca.pem").write_bytes(authority.certificate.read_bytes())
    (tmp_path / "pack.dbc").write_bytes((ROOT / "tests/golden/pack.dbc").read_bytes())
    file = tmp_path / "site.toml"
    file.write_text(example, encoding="utf-8")
    tables = load(file, "health", Room).sources
    (source,) = build(tables, Site(name="here", gateway="gw-1", run_dir=tmp_path), SystemClock())
    assert source.signals


def test_every_protocol_has_an_example() -> None:
    shown = {tomllib.loads(example)["health"]["sources"][0]["type"] for example in EXAMPLES}
    known = {table.__struct_config__.tag for table in AnySourceSettings.__args__}
    assert shown == known
