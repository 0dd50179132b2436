"""This file holds the table of verbs in docs/reference/commands.md to the catalogue, and its settings to the code."""

from pathlib import Path

import msgspec

from isolane.config.load import load
from isolane.health.commands.uploads.doors import doors_of
from isolane.health.settings import HealthSettings
from isolane.wire.verbs.catalogue import VERBS
from isolane.wire.verbs.declaration import NEED, Declaration
from support.tree import ROOT


def row(verb: Declaration) -> str:
    """Give the row of a verb."""
    people = f", {verb.need} people" if verb.need > NEED[verb.kind] else ""
    fields = msgspec.structs.fields(verb.arguments)
    names = [f"`{field.name}`" if field.required else f"[`{field.name}`]" for field in fields]
    return f"| `{verb.name}` | {verb.kind}{people} | {', '.join(names) or 'none'} | {verb.words} | {verb.result} |"


def test_the_page_has_each_verb_as_the_catalogue_has_it() -> None:
    page = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    table = page.partition("| verb | class |")[2].partition("\n\n")[0]
    assert table.splitlines()[2:] == [row(verb) for verb in VERBS.values()]


def test_what_the_page_shows_as_settings_can_be_read(tmp_path: Path) -> None:
    page = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    shown = next(block for block in page.split("```toml")[1:] if "[health.commands.verbs]" in block).partition("```")[0]
    file = tmp_path / "site.toml"
    file.write_text(
        '[health.outbox]\npath = "o.db"\n[[health.sources]]\ntype = "host"\n'
        f'[health.commands]\nkey = "gw.pem"\nmanifest = "keys.jws"\n{shown}',
        encoding="utf-8",
    )
    commands = load(file, "health", HealthSettings).commands
    assert commands is not None
    verbs = commands.verbs
    assert (verbs.ask_chargers, verbs.targets[0].name, verbs.disruptive.chargers[0].evses) == (True, "router", 2)
    assert verbs.uploads is not None
    assert list(doors_of(verbs.uploads)) == ["http://192.168.7.2:8082/", "ftp://192.168.7.2:2121/"]
