"""This file makes OCPP messages from the schemas of the `ocpp` library with a canary in every field that can hold one.

A canary is a text or number that occurs nowhere else, so that finding it anywhere tells which field it came from.
"""

import json
from collections.abc import Iterator
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

STYLES = ("text", "digits", "hex")
"""A name, a number as on a card, the identifier of an RFID chip."""

_PLACES = {"connectorId", "evseId", "id", "multiplier", "meterStart", "meterStop", "seqNo", "eventId"}
"""Integers that are places or measurements, not names; they are 1."""
_MOMENT = "2026-01-01T00:00:00Z"


class Canaries:
    """Fills payloads.

    Args:
        style: One of STYLES.
        strict: Whether enumerations and timestamps are valid; otherwise they hold canaries too.
    """

    def __init__(self, style: str, *, strict: bool) -> None:
        self.style = style
        self.strict = strict
        self.places: dict[str, str] = {}
        self._numbers = count(STYLES.index(style) * 20_000 + (10_000 if strict else 0))

    def make(self, place: str) -> str:
        """Give a canary for a field."""
        number = next(self._numbers)
        canary = {"text": f"Canary{number:05d}Zq", "digits": f"9{number:05d}7740913", "hex": f"04CA{number:05d}9E81F7"}[
            self.style
        ]
        self.places[canary] = place
        return canary

    def make_number(self, place: str) -> int:
        """Give a canary for a number that names something."""
        canary = 7_310_000_000 + next(self._numbers)
        self.places[str(canary)] = place
        return canary

    def fill(self, schema: dict[str, Any], definitions: dict[str, Any], place: str) -> Any:  # noqa: ANN401 - JSON
        """Give a value for a schema with every property that it has, and one that it has not."""
        if "$ref" in schema:
            return self.fill(definitions[schema["$ref"].rpartition("/")[2]], definitions, place)
        kind = schema.get("type")
        if kind == "object":
            filled = {
                name: self.fill(inner, definitions, f"{place}.{name}")
                for name, inner in schema.get("properties", {}).items()
            }
            return {**filled, "xUnknown": self.make(f"{place}.xUnknown")}
        if kind == "array":
            return [self.fill(schema["items"], definitions, place)] * 2
        if kind == "boolean":
            return True
        if kind in {"integer", "number"}:
            is_name = kind == "integer" and place.rpartition(".")[2] not in _PLACES
            return self.make_number(place) if is_name else 1
        return self._text(schema, place)

    def _text(self, schema: dict[str, Any], place: str) -> str:
        if self.strict and "enum" in schema:
            return str(schema["enum"][0])
        if self.strict and schema.get("format") == "date-time":
            return _MOMENT
        if self.style == "digits" and place.endswith("sampledValue.value"):
            return "1"  # a measured value of 1.6 is a text of digits, and may pass
        return self.make(place)


def payloads(version: str, canaries: Canaries) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """Give every message of a version: its action, whether it is a request, its payload.

    Args:
        version: Name of the library's package: "v16", "v201" or "v21".
        canaries: Fills them.
    """
    folder = Path(str(import_module(f"ocpp.{version}").__file__)).parent / "schemas"
    for file in sorted(folder.glob("*.json")):
        schema = json.loads(file.read_text(encoding="utf-8-sig"))
        name = file.stem
        is_request = not name.endswith("Response")
        action = name.removesuffix("Response").removesuffix("Request")
        yield action, is_request, canaries.fill(schema, schema.get("definitions", {}), f"{version}/{name}")
