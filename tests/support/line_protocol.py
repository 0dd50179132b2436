"""This file reads InfluxDB line protocol strictly; it guards that what a test accepts an InfluxDB accepts as well.

Written from the public description: names and tags end at an unescaped comma, equals sign or space; a backslash before
one of these takes its meaning away and before anything else is itself.
"""

import re
from dataclasses import dataclass

_FLOAT = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")


@dataclass(frozen=True)
class Point:
    """One line."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, float]
    t: int


def parse(text: str) -> list[Point]:
    """Read lines; raise AssertionError for what is no line protocol."""
    assert text.endswith("\n")
    return [_point(line) for line in text[:-1].split("\n")]


def _point(line: str) -> Point:
    measurement, at = _word(line, 0, ", ")
    assert measurement
    assert not measurement.startswith(("#", "_"))
    tags: dict[str, str] = {}
    while line[at] == ",":
        key, at = _word(line, at + 1, "=, ")
        assert line[at] == "="
        value, at = _word(line, at + 1, "=, ")
        assert key
        assert value
        assert key not in tags
        tags[key] = value
    fields: dict[str, float] = {}
    assert line[at] == " "
    while line[at] in " ," and not (fields and line[at] == " "):
        key, at = _word(line, at + 1, "=, ")
        assert line[at] == "="
        end = min(index for mark in ", " if (index := line.find(mark, at)) > 0)
        assert _FLOAT.fullmatch(line[at + 1 : end]), line
        assert key not in fields
        fields[key] = float(line[at + 1 : end])
        at = end
    assert fields
    return Point(measurement, tags, fields, int(line[at + 1 :]))


def _word(line: str, at: int, ends: str) -> tuple[str, int]:
    out = []
    while line[at] not in ends:
        if line[at] == "\\" and line[at + 1] in ",= ":
            at += 1
        out.append(line[at])
        at += 1
    return "".join(out), at
