"""This file keeps the tests a mirror of the source: a test file is found where its subject is, under its name."""

import pytest

from support.tree import ROOT, sources, tracked

NOT_MIRRORS = {"deploy", "flows", "house", "conformance", "golden", "support"}
"""What is deployed, whole paths, the house, one suite per port, golden bytes, what tests share."""


def _subjects() -> set[str]:
    names = set()
    for source in sources():
        path = source.path.relative_to(ROOT / "src/isolane").with_suffix("")
        path = path.parent if path.name == "__init__" else path
        names.add("/".join((*path.parts[:-1], path.name)))
    return names


def test_each_test_file_names_what_it_tests() -> None:
    subjects, lost = _subjects(), []
    for path in tracked("tests/*.py"):
        parts = path.relative_to(ROOT / "tests").with_suffix("").parts
        if parts[0] in NOT_MIRRORS or not parts[-1].startswith("test_"):
            continue
        subject = "/".join((*parts[:-1], parts[-1].removeprefix("test_")))
        if subject not in subjects:
            lost.append(path.relative_to(ROOT).as_posix())
    assert not lost, f"no source file or folder of that name: {lost}"


@pytest.mark.parametrize(
    "room",
    ["core", "wire", "security", "config", "devices", "value", "tap", "sim", "cli"]
    + [f"health/{stage}" for stage in ("sources", "sampling", "outbox", "links")]
    + [f"center/{stage}" for stage in ("ingest", "store", "api", "console")],
)
def test_each_room_is_tested(room: str) -> None:
    assert tracked(f"tests/{room}/*.py", f"tests/{room}/**/*.py"), f"tests/{room} is empty"
