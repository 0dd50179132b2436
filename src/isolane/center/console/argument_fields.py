"""This file makes a form of a verb's arguments and reads it; it guards that the verb's own declaration says what fits.

Each field of the arguments becomes one of the form, with its description. What somebody wrote is turned into what the
field is, and then judged by the declaration; a sentence that says what is wrong stands beside its field.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import inspect

from isolane.center.console.fields import Fields, moment_text
from isolane.core import strict_json
from isolane.wire.verbs.declaration import Declaration

PREFIX: Final = "arg-"
_AT = re.compile(r" - at `\$\.(\w+)")
_MOMENTS: Final = "_ms"
"""End of the names of fields that are times."""


@dataclass(frozen=True, slots=True)
class ArgumentField:
    """A field of the form.

    Attributes:
        name: Of the argument.
        label: The same in words.
        hint: What it is, with its unit.
        kind: "text", "number", "moment", "choice", "list" or "json".
        is_required: Whether something must be written.
        choices: Of a choice.
        least: Of a number; None for no bound.
        most: See there.
        initial: What stands there at first.
    """

    name: str
    label: str
    hint: str
    kind: str
    is_required: bool
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    initial: str = ""


def fields_of(verb: Declaration) -> list[ArgumentField]:
    """Give the fields of a verb's form."""
    kind = inspect.type_info(verb.arguments)
    return [_field(each) for each in kind.fields] if isinstance(kind, inspect.StructType) else []


def written(verb: Declaration, args: Mapping[str, object]) -> dict[str, str]:
    """Write arguments as the form's fields hold them."""
    values = {}
    for each in fields_of(verb):
        value = args.get(each.name)
        if value is None:
            continue
        if each.kind == "moment" and isinstance(value, int):
            values[PREFIX + each.name] = moment_text(value)
        elif each.kind == "list" and isinstance(value, list | tuple):
            values[PREFIX + each.name] = ", ".join(map(str, value))
        elif each.kind == "json":
            values[PREFIX + each.name] = json.dumps(value)
        else:
            values[PREFIX + each.name] = str(value)
    return values


def read(verb: Declaration, form: Fields) -> dict[str, object]:
    """Read a verb's arguments from a form; what does not fit gets its sentence in `form.errors`."""
    args: dict[str, object] = {}
    for each in fields_of(verb):
        name = PREFIX + each.name
        text = form.values.get(name, "").strip()
        if not text:
            if each.is_required:
                form.errors[name] = "This is needed."
            continue
        args[each.name] = _value(each, text, form)
    if form.errors:
        return args
    try:
        verb.read(args)
    except ValueError as error:
        sentence = str(error)
        found = _AT.search(sentence)
        known = {each.name for each in fields_of(verb)}
        name = PREFIX + found[1] if found and found[1] in known else PREFIX
        form.errors[name] = f"This does not fit: {_AT.split(sentence)[0]}."
    return args


def _value(field: ArgumentField, text: str, form: Fields) -> object:
    name = PREFIX + field.name
    if field.kind == "number":
        return int(form.number(name, field.least or 0, field.most or strict_json.INTEGER_MAX))
    if field.kind == "moment":
        return form.moment_ms(name)
    if field.kind == "list":
        return [part.strip() for part in text.split(",") if part.strip()]
    if field.kind == "json":
        try:
            return strict_json.read(text.encode(errors="replace"), strict_json.INTEGER_MAX)
        except ValueError:
            form.errors[name] = "This is no JSON."
    return text


def _field(field: inspect.Field) -> ArgumentField:
    hint, kind = _plain(field.type)
    choices: tuple[str, ...] = ()
    least = most = None
    if isinstance(kind, inspect.LiteralType):
        word, choices = "choice", tuple(map(str, kind.values))
    elif isinstance(kind, inspect.IntType):
        word = "moment" if field.name.endswith(_MOMENTS) else "number"
        least, most = kind.ge, kind.le
    elif isinstance(kind, inspect.VarTupleType | inspect.ListType):
        _, item = _plain(kind.item_type)
        word = "list" if isinstance(item, inspect.StrType) else "json"
    else:
        word = "text"
    initial = "" if field.default in (msgspec.NODEFAULT, None, ()) else str(field.default)
    label = field.name.removesuffix(_MOMENTS).replace("_", " ").capitalize()
    if word == "moment":
        hint = hint.replace("UTC, ms since 1970", "UTC, as 2026-10-31 13:05")
    elif word == "list":
        hint += "; parted by commas"
    elif word == "json":
        hint += '; as JSON, for example [{"component": "EVSE", "variable": "AvailabilityState"}]'
    return ArgumentField(field.name, label, hint, word, field.required, choices, least, most, initial)


def _plain(kind: inspect.Type) -> tuple[str, inspect.Type]:
    """Give the description of a type, the outermost there is, and the type without it and without None."""
    hint = ""
    while True:
        if isinstance(kind, inspect.Metadata):
            hint = hint or str((kind.extra_json_schema or {}).get("description", ""))
            kind = kind.type
        elif isinstance(kind, inspect.UnionType):
            kind = next(each for each in kind.types if not isinstance(each, inspect.NoneType))
        else:
            return hint, kind
