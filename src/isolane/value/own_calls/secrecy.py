"""This file takes secrets out of a charger's answer; it guards that none goes to the process that speaks to others.

OCPP makes passwords write-only, yet chargers tell them. The value of a configuration key or variable whose name says
that it is a secret, and each text with credentials in a URL, is left out of what the caller gets. Names and the rest
stay, so that the caller sees that there was something.
"""

import re
from collections.abc import Mapping
from typing import Final

_SECRET: Final = re.compile(
    r"password|passwd|passphrase|secret|credential|token|private|(?:authorization|api|apn).?key|pin$|user",
    re.IGNORECASE,
)
_CREDENTIALS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s]*@")
_VALUES: Final = frozenset({"value", "attributeValue"})


def without_secrets(value: object) -> object:
    """Give a copy of an answer without values that must not leave."""
    if isinstance(value, Mapping):
        hidden = bool(_SECRET.search(_name(value)))
        return {
            key: without_secrets(each)
            for key, each in value.items()
            if not (key in _VALUES and hidden) and not _has_credentials(each)
        }
    if isinstance(value, list):
        return [without_secrets(each) for each in value if not _has_credentials(each)]
    return value


def _name(entry: Mapping[str, object]) -> str:
    """Give what an entry is about: a 1.6 key, or a variable with its component."""
    parts = [entry.get("key")]
    for kind in ("component", "variable"):
        about = entry.get(kind)
        if isinstance(about, Mapping):
            parts += [about.get("name"), about.get("instance")]
    return " ".join(part for part in parts if isinstance(part, str))


def _has_credentials(value: object) -> bool:
    return isinstance(value, str) and bool(_CREDENTIALS.search(value))
