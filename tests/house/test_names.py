"""This file keeps names telling: nouns that say what a thing is, one word per concept, notes on every room."""

import ast
import re

import pytest

from support.tree import ROOT, Source, sources

BANNED = {"util", "utils", "helper", "helpers", "common", "manager", "handler", "handlers", "base", "misc", "stuff"}
ROOMS = ("core", "wire", "security", "config", "devices", "value", "tap", "health", "center", "sim", "cli")
STAGES = (
    *(f"health/{stage}" for stage in ("sources", "sampling", "outbox", "links")),
    *(f"center/{stage}" for stage in ("ingest", "store", "api", "console")),
)


def _words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)}


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    empty = [s.name for s in sources() if any(_words(part.stem) & BANNED for part in (s.path, *s.path.parents[:3]))]
    assert not empty


def test_no_class_has_a_name_that_says_nothing() -> None:
    empty = [
        f"{source.name} {node.name}"
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and _words(node.name) & BANNED
    ]
    assert not empty


@pytest.mark.parametrize("room", [*ROOMS, *STAGES])
def test_each_room_says_what_it_is_for(room: str) -> None:
    note = ast.get_docstring(ast.parse((ROOT / "src/isolane" / room / "__init__.py").read_text(encoding="utf-8"))) or ""
    for heading in ("Flow:", "May import:", "Lives here:", "Does not live here:"):
        assert heading in note, f"{room}/__init__.py does not say '{heading}'"


def _says_what_it_is(source: Source) -> bool:
    if source.path.name == "__init__.py" or "/migrations/versions/" in source.name:
        return True
    return (ast.get_docstring(source.tree) or "").startswith("This file ")


def test_each_file_says_what_it_is() -> None:
    assert not [source.name for source in sources() if not _says_what_it_is(source)]


def test_the_error_net_is_cast_only_by_supervisors() -> None:
    """A handler that catches everything hides bugs; a supervisor, which tells and goes on, is the one place for it."""
    nets = {source.name for source in sources() for node in ast.walk(source.tree) if _is_net(node)}
    assert nets
    assert not [name for name in nets if "supervis" not in name]


@pytest.mark.parametrize(
    ("handler", "is_net"),
    [
        ("except Exception: pass", True),
        ("except (OSError, Exception): pass", True),
        ("except builtins.Exception: pass", True),
        ("except BaseException: undo()", True),
        ("except: undo()", True),
        ("except BaseException:\n    undo()\n    raise", False),
        ("except OSError: pass", False),
    ],
)
def test_a_net_is_known_however_it_is_written(handler: str, *, is_net: bool) -> None:
    found = [_is_net(node) for node in ast.walk(ast.parse(f"try:\n    act()\n{handler}"))]
    assert any(found) == is_net


def _is_net(node: ast.AST) -> bool:
    """Tell whether a handler keeps every exception; one that ends by raising again keeps none."""
    if not isinstance(node, ast.ExceptHandler):
        return False
    last = node.body[-1]
    if isinstance(last, ast.Raise) and last.exc is None:
        return False
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(map(_is_broad, caught))


def _is_broad(kind: ast.expr | None) -> bool:
    return kind is None or ast.unparse(kind).rpartition(".")[2] in {"Exception", "BaseException"}
