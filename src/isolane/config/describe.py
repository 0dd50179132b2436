"""This file lists what a settings type may hold; it guards that reference pages and `check` tell what the code does.

Rows come in the order of the fields. A list of tables is written ``legs[]``, a choice of tables by its tag
``links[mqtt]``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import inspect

_NO_DEFAULT = "required"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        path: Where it stands in its table, steps parted by dots.
        kind: Type and range in words.
        default: As it would stand in TOML, "required", or "-" for none.
        description: What it is, with unit.
    """

    path: str
    kind: str
    default: str
    description: str


def describe(settings: type) -> tuple[Setting, ...]:
    """List every setting of a settings type, nested tables included."""
    return tuple(_rows(inspect.type_info(settings), ""))


def effective(settings: msgspec.Struct, written: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """List what is in force: (path, value, origin), origin "file" or "default"; a secret shows its reference only."""
    for field in msgspec.structs.fields(settings):
        value = getattr(settings, field.name)
        path = f"{prefix}{field.encode_name}"
        origin = written.get(field.encode_name)
        if isinstance(value, msgspec.Struct):
            yield from effective(value, origin if isinstance(origin, dict) else {}, f"{path}.")
        elif isinstance(value, list | tuple) and value and isinstance(value[0], msgspec.Struct):
            for index, item in enumerate(value):
                there = origin[index] if isinstance(origin, list) and index < len(origin) else {}
                yield from effective(item, there, f"{path}[{index}].")
        else:
            yield path, str(value), "default" if origin is None else "file"


def _rows(info: Any, prefix: str) -> Iterator[Setting]:  # noqa: ANN401 - msgspec's type-info classes share no base
    for struct in _tables(info):
        tag = f"[{struct.tag}]" if struct.tag is not None else ""
        place = f"{prefix}{tag}." if prefix else ""
        for field in struct.fields:
            path = f"{place}{field.encode_name}"
            inner, description = _unwrapped(field.type)
            nested = _tables(inner)
            if nested:
                many = "[]" if isinstance(inner, inspect.ListType | inspect.VarTupleType) else ""
                choices = any(table.tag is not None for table in nested)
                yield from _rows(inner, path if choices else f"{path}{many}")
            else:
                yield Setting(path, _kind(inner), _default(field), description)


def _tables(info: Any) -> list[inspect.StructType]:  # noqa: ANN401
    if isinstance(info, inspect.StructType):
        return [info]
    if isinstance(info, inspect.Metadata):
        return _tables(info.type)
    inner = [info.item_type] if isinstance(info, inspect.ListType | inspect.VarTupleType) else []
    inner += list(info.types) if isinstance(info, inspect.UnionType) else []
    return [table for each in inner for table in _tables(each)]


def _unwrapped(info: Any) -> tuple[Any, str]:  # noqa: ANN401
    description = ""
    while isinstance(info, inspect.Metadata):
        description = (info.extra_json_schema or {}).get("description", description)
        info = info.type
    return info, description


_WORDS: dict[type, str] = {inspect.StrType: "text", inspect.BoolType: "true / false"}


def _kind(info: Any) -> str:  # noqa: ANN401
    info, _ = _unwrapped(info)
    match info:
        case inspect.UnionType():
            parts = [_kind(each) for each in info.types if not isinstance(each, inspect.NoneType)]
            kind = " or ".join(dict.fromkeys(parts))
        case inspect.ListType() | inspect.VarTupleType():
            kind = f"list of {_kind(info.item_type)}"
        case inspect.DictType():
            kind = f"table of {_kind(info.value_type)}"
        case inspect.IntType() | inspect.FloatType():
            kind = _number(info)
        case inspect.LiteralType():
            kind = " / ".join(f'"{value}"' for value in info.values)
        case inspect.EnumType():
            kind = " / ".join(f'"{member.value}"' for member in info.cls)
        case inspect.CustomType():
            kind = info.cls.__name__.lower()
        case _:
            kind = _WORDS.get(type(info), type(info).__name__.removesuffix("Type").lower())
    return kind


def _number(info: inspect.IntType | inspect.FloatType) -> str:
    word = "whole number" if isinstance(info, inspect.IntType) else "number"
    bounds = [
        f"{sign} {bound:g}"
        for sign, bound in ((">=", info.ge), (">", info.gt), ("<=", info.le), ("<", info.lt))
        if bound is not None
    ]
    return " ".join([word, ", ".join(bounds)]).strip()


def _default(field: inspect.Field) -> str:
    if field.required:
        return _NO_DEFAULT
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    if value is None or value in ([], (), {}):
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value:g}" if isinstance(value, float) else str(value)
