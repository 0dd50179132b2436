"""This file reads JSON on which a decision hangs; it guards that no two readers can understand it differently.

Refused are an object with the same key twice, NaN and numbers without a finite value, lone surrogates, more depth
than DEPTH_MAX, bytes that are not UTF-8 and, where asked for, integers that a double cannot hold. What is written is
the plainest form of what was read.
"""

import json
from typing import Final

DEPTH_MAX: Final = 32
INTEGER_MAX: Final = (1 << 53) - 1
"""Beyond it, readers that know doubles alone see another number (RFC 8259, section 6)."""


def read(text: bytes, integer_max: int | None = None) -> object:
    """Read a JSON text.

    Args:
        text: Bytes of anybody's choosing.
        integer_max: Greatest magnitude of an integer; None for no bound but Python's own.

    Raises:
        ValueError: It is none, or an ambiguous one.
    """

    def integer(digits: str) -> int:
        number = int(digits)
        if integer_max is not None and abs(number) > integer_max:
            raise ValueError("an integer that is too large")
        return number

    try:
        value = json.loads(text.decode(), object_pairs_hook=_once, parse_constant=_refuse, parse_int=integer)
    except RecursionError:
        raise ValueError("too deep") from None
    if _depth(value) > DEPTH_MAX:
        raise ValueError("too deep")
    write(value)
    return value


def write(value: object) -> bytes:
    """Write a value.

    Raises:
        ValueError: It has a number without a finite value or a lone surrogate.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _refuse(_: str) -> object:
    raise ValueError("not a number")


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inner += each.values()
            elif isinstance(each, list):
                inner += each
        level = inner
    return depth
