"""This file holds the table of verbs in docs/reference/commands.md to the catalogue, row by row and in its order."""

import msgspec

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
