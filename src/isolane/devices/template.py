"""This file loads device templates; it guards that what a template says is complete and free of contradiction."""

import difflib
import re
import tomllib
from importlib import resources
from pathlib import Path

import msgspec

from isolane.core.failures import IsolaneError
from isolane.core.signals import is_signal_key
from isolane.devices.point import BIT_TABLES, UNITS, Identity, Mark, Page, Point, SunSpec, Template

_ADDRESSES = 65_536
_SUFFIX = ".toml"
_PLACE = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>.*)`$")
_INNER: dict[str, type[msgspec.Struct]] = {
    "source": Page,
    "sunspec": SunSpec,
    "identity": Identity,
    "marks": Mark,
    "points": Point,
}
_INTEGERS = ("u16", "i16", "u32", "i32", "u64", "i64")


def built_in() -> tuple[str, ...]:
    """Give the names of the templates that come with isolane, sorted."""
    here = resources.files("isolane.devices")
    return tuple(sorted(each.name.removesuffix(_SUFFIX) for each in here.iterdir() if each.name.endswith(_SUFFIX)))


def load_built_in(name: str) -> Template:
    """Load a template that comes with isolane.

    Args:
        name: <maker>_<model>, for example "eastron_sdm630".

    Raises:
        IsolaneError: There is none of that name.
    """
    names = built_in()
    if name not in names:
        raise IsolaneError(f"there is no device template {name!r}", _nearest(name, names))
    text = resources.files("isolane.devices").joinpath(name + _SUFFIX).read_text(encoding="utf-8")
    return parse(text, name)


def load_file(path: Path) -> Template:
    """Load a template of the operator's own.

    Raises:
        IsolaneError: The file cannot be read, is not TOML, or says something wrong; the error says what and where.
    """
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise IsolaneError(f"cannot read the device template {path}: {error.strerror}", "check the path") from error
    except UnicodeDecodeError as error:
        raise IsolaneError(f"the device template {path} is not UTF-8", "save it as UTF-8") from error


def parse(text: str, where: str) -> Template:
    """Read a template's TOML and check it.

    Args:
        text: The TOML.
        where: Its name for error sentences.

    Raises:
        IsolaneError: See `load_file`.
    """
    try:
        template = msgspec.convert(tomllib.loads(text), Template)
    except tomllib.TOMLDecodeError as error:
        raise IsolaneError(
            f"device template {where} is not valid TOML: {error}", "correct the line it names"
        ) from error
    except msgspec.ValidationError as error:
        raise _explained(error, where) from error
    _check(template, where)
    return template


def _check(template: Template, where: str) -> None:
    seen: set[tuple[str, str]] = set()
    for point in template.points:
        for wrong in _wrong_with(point, template):
            raise IsolaneError(f"device template {where}, point {point.key} at {point.address}: {wrong}", "correct it")
        if (point.scope, point.key) in seen:
            raise IsolaneError(f"device template {where}: {point.key} stands there twice", "give one an instance")
        seen.add((point.scope, point.key))
    for text in template.identity:
        for wrong in _place_wrong(text, text.words, template):
            raise IsolaneError(f"device template {where}, identity {text.name}: {wrong}", "correct it")
    for mark in template.marks:
        for wrong in _mark_wrong(mark, template):
            raise IsolaneError(f"device template {where}, mark at {mark.address}: {wrong}", "correct it")


def _wrong_with(point: Point, template: Template) -> list[str]:
    """Say what is wrong with a point; nothing if nothing is."""
    wrong = _place_wrong(point, point.words, template)
    if not is_signal_key(f"0.0/{point.key}"):
        wrong.append("the key is not <Component>/<Variable>")
    if point.unit not in UNITS:
        wrong.append(f"the unit {point.unit!r} is none of {', '.join(sorted(UNITS - {''}))}")
    if point.range is not None and not point.range[0] < point.range[1]:
        wrong.append("the range does not rise")
    if not 0 < abs(point.scale) < float("inf") or not point.resolution < float("inf"):
        wrong.append("scale and resolution must be finite and not 0")
    if (point.type == "bit") != ((point.table or template.table) in BIT_TABLES):
        wrong.append("the type bit belongs to coil and discrete, and nothing else does")
    if point.scale_factor is not None and (point.model is None or point.type not in _INTEGERS):
        wrong.append("a scale factor belongs to an integer point of a SunSpec model")
    if point.port is not None and point.model is None:
        wrong.append("a port belongs to a point of a SunSpec model")
    if point.mask is not None and (not point.type.startswith("u") or point.mask >= 1 << 16 * point.words):
        wrong.append("a mask belongs to an unsigned type and must fit it")
    if point.map and (point.type not in _INTEGERS or any(not _is_integer(name) for name in point.map)):
        wrong.append("a map belongs to an integer type and its names are integers")
    return wrong


def _mark_wrong(mark: Mark, template: Template) -> list[str]:
    as_number, as_text = (mark.type is not None, mark.range is not None), (mark.words > 0, bool(mark.text))
    if (all(as_number), any(as_text)) != (True, False) and (any(as_number), all(as_text)) != (False, True):
        return ["it needs either `type` and `range`, or `words` and `text`"]
    wrong = ["it is not in registers"] if (mark.table or template.table) in BIT_TABLES else []
    if mark.address + mark.size > _ADDRESSES:
        wrong.append("the address lies behind the last register")
    if mark.range is not None and mark.range[0] > mark.range[1]:
        wrong.append("the range falls")
    return wrong


def _place_wrong(place: Point | Identity, words: int, template: Template) -> list[str]:
    wrong = []
    if place.address + words > _ADDRESSES:
        wrong.append("the address lies behind the last register")
    if place.model is not None and (template.sunspec is None or place.model not in template.sunspec.models):
        wrong.append(f"the model {place.model} is not in the list sunspec.models")
    if words > template.registers_max:
        wrong.append("it takes more registers than registers_max")
    return wrong


def _is_integer(text: str) -> bool:
    return re.fullmatch(r"-?[0-9]+", text) is not None


def _explained(error: msgspec.ValidationError, where: str) -> IsolaneError:
    message = str(error)
    found = _PLACE.search(message)
    path = found["path"] if found else ""
    message = _PLACE.sub("", message)
    place = f"device template {where}{', ' + path if path else ''}"
    unknown = _UNKNOWN.match(message)
    if not unknown:
        return IsolaneError(f"{place}: {message}", "see docs/reference/devices.md for what it may be")
    kind = next((_INNER[name] for name in _INNER if path.startswith(name)), Template)
    known = tuple(field.encode_name for field in msgspec.structs.fields(kind))
    return IsolaneError(f"{place}: unknown key {unknown['key']!r}", _nearest(unknown["key"], known))


def _nearest(word: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}" if close else f"valid here: {', '.join(known)}"
