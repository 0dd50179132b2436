"""This file writes a case's variables out; it guards that a variable nobody knows is an error, not an empty string."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

_EXPRESSION = re.compile(r"\$\{([^{}]*)\}")
_ESCAPES = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[rnt0\\])")
_PLAIN = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}


class UnknownError(Exception):
    """The harness does not know something that a case asks for."""


def unescape(text: str) -> str:
    """Read backslash escapes, which YAML leaves alone outside double quotes."""

    def one(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if code[0] in "xu" and len(code) > 1 else _PLAIN[code]

    return _ESCAPES.sub(one, text)


def raw(text: str) -> bytes:
    """Give the bytes of a text: one a character where all fit, else UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def fill(value: Any, names: Mapping[str, Any], *, lenient: bool = False) -> Any:  # noqa: ANN401 - YAML
    """Write the variables of a value out, all through lists and mappings.

    Args:
        value: From the YAML.
        names: Variables; a dotted name looks into mappings and lists.
        lenient: Leave unknown expressions as they are; for values that attack by looking like one.

    Raises:
        UnknownError: A variable is not known.
    """
    if isinstance(value, Mapping):
        return {key: fill(item, names, lenient=lenient) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, names, lenient=lenient) for item in value]
    if not isinstance(value, str):
        return value
    whole = _EXPRESSION.fullmatch(value)
    if whole and not whole[1].startswith(("rep:", "pct:")):
        found = _look(whole[1], names)
        if found is not None or whole[1] in names:
            return found
    return _EXPRESSION.sub(lambda match: _write(match, names, lenient=lenient), value)


def each(item: Mapping[str, Any], names: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the variables of every turn of a `for_each`; one empty turn where there is none."""
    loop = item.get("for_each")
    if loop is None:
        yield {}
        return
    if not isinstance(loop, Mapping) or len(loop) != 1:
        raise UnknownError(f"for_each over {loop!r}")
    ((name, values),) = loop.items()
    if not isinstance(values, list):
        raise UnknownError(f"for_each over {values!r}")
    for value in values:
        yield {str(name): fill(value, names, lenient=True)}


def _look(path: str, names: Mapping[str, Any]) -> Any:  # noqa: ANN401 - YAML
    value: Any = names
    for part in path.split("."):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    if isinstance(value, str) and value != path and "." in path and value in names:
        return names[value]
    return value


def _write(match: re.Match[str], names: Mapping[str, Any], *, lenient: bool) -> str:
    inside = match[1]
    if inside.startswith("rep:"):
        text, _, times = inside[4:].rpartition(":")
        number = names.get(times, times)
        if not str(number).isdigit():
            raise UnknownError(f"${{{inside}}}")
        return text * int(number)
    if inside.startswith("pct:"):
        return quote(raw(unescape(str(_known(inside[4:], names)))).decode("latin-1").encode("latin-1"), safe="")
    if lenient and _look(inside, names) is None:
        return match[0]
    return str(_known(inside, names))


def _known(path: str, names: Mapping[str, Any]) -> Any:  # noqa: ANN401 - YAML
    found = _look(path, names)
    if found is None:
        raise UnknownError(f"${{{path}}}")
    return found
