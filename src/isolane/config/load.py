"""This file reads one table of a TOML file into a settings type.

It guards that nothing written there is silently ignored.
"""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from isolane.config.values import Address, Secret
from isolane.core.failures import IsolaneError

Settings = TypeVar("Settings")

TABLES = ("site", "value", "tap", "health", "center", "renewal")
"""Every table a settings file may have, in the order `isolane init` writes them."""

_AT = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>.*)`$")


def load(file: Path, table: str, into: type[Settings]) -> Settings:
    """Read one table of a settings file.

    Args:
        file: The TOML file. Relative paths in it are relative to its folder.
        table: One of TABLES; an absent table is read as an empty one.
        into: The room's settings type, a `msgspec.Struct` that forbids unknown fields.

    Raises:
        IsolaneError: The file cannot be read, is not TOML, or a key or value is wrong; the error says which and where.
    """
    document = read(file)
    try:
        return msgspec.convert(document.get(table, {}), into, dec_hook=_hook(file.absolute().parent))
    except msgspec.ValidationError as error:
        raise _explained(error, file, table, into) from error


def read(file: Path) -> dict[str, Any]:
    """Read a settings file without interpreting its tables.

    Raises:
        IsolaneError: See `load`.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise IsolaneError(f"cannot read {file}: {error.strerror}", "make one with `isolane init`") from error
    except UnicodeDecodeError as error:
        raise IsolaneError(f"{file} is not UTF-8 (byte {error.start})", "save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise IsolaneError(f"{file} is not valid TOML: {error}", "correct the line it names") from error
    for table in document:
        if table not in TABLES:
            raise IsolaneError(f"{file}: unknown table [{table}]", _nearest(table, TABLES))
    return document


def _hook(base: Path) -> Any:  # noqa: ANN401 - msgspec's hook signature
    def convert(kind: type, value: Any) -> Any:  # noqa: ANN401
        if not isinstance(value, str):
            raise TypeError(f"Expected `str`, got `{type(value).__name__}`")
        if issubclass(kind, Path):
            return base / value
        if kind is Address:
            return Address.parse(value)
        if kind is Secret:
            return Secret.parse(value, base)
        raise NotImplementedError(kind)

    return convert


def _explained(error: msgspec.ValidationError, file: Path, table: str, into: type) -> IsolaneError:
    message = str(error)
    where = _AT.search(message)
    path = where["path"] if where else ""
    message = _AT.sub("", message)
    place = f"{file}: [{table}]{' ' + path.lstrip('.') if path else ''}"
    unknown = _UNKNOWN.match(message)
    if unknown:
        keys = _keys_at(msgspec.inspect.type_info(into), re.findall(r"[^.\[\]]+", path))
        return IsolaneError(f"{place}: unknown key {unknown['key']!r}", _nearest(unknown["key"], keys))
    return IsolaneError(f"{place}: {message}", "see docs/reference/settings.md for what this setting may be")


def _nearest(word: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}" if close else f"valid here: {', '.join(known)}"


def _keys_at(info: Any, path: list[str]) -> tuple[str, ...]:  # noqa: ANN401 - msgspec's type-info classes share no base
    """Names that may stand at a path of the settings type."""
    keys: list[str] = []
    for struct in _structs(info):
        if not path:
            keys += [field.encode_name for field in struct.fields]
        for field in struct.fields:
            if path and field.encode_name == path[0]:
                keys += _keys_at(field.type, [step for step in path[1:] if not step.isdigit() and step != "..."])
    return tuple(dict.fromkeys(keys))


def _structs(info: Any) -> list[msgspec.inspect.StructType]:  # noqa: ANN401
    if isinstance(info, msgspec.inspect.StructType):
        return [info]
    inner = [getattr(info, name) for name in ("item_type", "value_type", "type") if hasattr(info, name)]
    inner += [*getattr(info, "types", ()), *getattr(info, "item_types", ())]
    return [struct for each in inner if each is not None for struct in _structs(each)]
