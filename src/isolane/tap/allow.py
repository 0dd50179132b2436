"""This file is the only way from a payload into an event; it guards that only numbers and known words pass.

Pure. Each function takes one JSON value of any type and gives a value that may leave the tap, or says that it may not.

Vendor error codes are the one field where a maker may write what it likes, an idTag included ("tag 04A1... refused").
So what passes is closed: the ChargeX codes CX000 to CX999, their predecessors (A0 or F0 and two hex digits, also
several with commas), error-like short codes (E, F, W or ERR with at most four digits; 0x with at most four hex
digits), and what the operator lists by name in the settings. A decimal number alone does not pass: it may be a PIN or
a member number. The shortest RFID identifier has four bytes, eight hex digits, and fits none of these.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime

Object = Mapping[str, object]

INDEX_MAX = 999
"""Largest EVSE or connector number that can stand in a signal key."""
MODEL_CHARS_MAX = 50
TIME_CHARS_MAX = 40

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{0,18})?(?:[eE][+-]?[0-9]{1,3})?")
_NUMBER_CHARS_MAX = 44
_NAME = re.compile(rf"[A-Za-z0-9](?:[A-Za-z0-9 ._+()-]{{0,{MODEL_CHARS_MAX - 1}}})")
_VERSION = re.compile(rf"[A-Za-z0-9](?:[A-Za-z0-9._+-]{{0,{MODEL_CHARS_MAX - 1}}})")
_VENDOR_CODE = re.compile(
    r"CX[0-9]{3}|[AF]0[0-9A-F]{2}(?:,[AF]0[0-9A-F]{2}){0,7}|(?:E|F|W|ERR)[-_]?[0-9]{1,4}|0x[0-9A-Fa-f]{1,4}"
)
_VENDOR_CODE_CHARS_MAX = 50
_NUMBER_MAX = 1e15


def word(value: object, allowed: frozenset[str]) -> str:
    """Give a member of a closed set, "" for anything else."""
    return value if isinstance(value, str) and value in allowed else ""


def index(value: object) -> int | None:
    """Give an EVSE or connector number from 0 to 999, None for anything else."""
    return value if type(value) is int and 0 <= value <= INDEX_MAX else None


def number(value: object) -> float | None:
    """Give a finite number below 1e15, from a JSON number or from a text that is one; None for anything else."""
    if isinstance(value, str):
        if len(value) > _NUMBER_CHARS_MAX or not _NUMBER.fullmatch(value.strip()):
            return None
        value = float(value)
    elif type(value) is int and abs(value) <= _NUMBER_MAX:
        value = float(value)
    if type(value) is float and math.isfinite(value) and abs(value) <= _NUMBER_MAX:
        return value
    return None


def model_name(value: object) -> str:
    """Give a vendor's or a model's name of up to 50 letters, digits, spaces and . _ + ( ) -, "" for anything else."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else ""


def version(value: object) -> str:
    """Give a version of up to 50 letters, digits and . _ + -, "" for anything else."""
    return value if isinstance(value, str) and _VERSION.fullmatch(value) else ""


def vendor_code(value: object, more: frozenset[str]) -> str:
    """Give a vendor error code of the forms above or of the operator's list, "" for anything else."""
    if not isinstance(value, str) or len(value) > _VENDOR_CODE_CHARS_MAX:
        return ""
    return value if value in more or _VENDOR_CODE.fullmatch(value) else ""


def utc_ms(value: object) -> int | None:
    """Give an RFC 3339 timestamp as ms since 1970, None for anything else. Without an offset it is UTC."""
    if not isinstance(value, str) or len(value) > TIME_CHARS_MAX:
        return None
    try:
        moment = datetime.fromisoformat(value)
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def record(value: object) -> Object:
    """Give a JSON object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def records(value: object) -> list[Object]:
    """Give the objects of a JSON array, none for anything else."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
