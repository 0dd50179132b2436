"""This file reads the beginning of OCPP-J messages; it guards that a reply is known by its id however it is written.

Pure. `read_head` is given what has come of a message and says what it is as soon as that is certain: type and id,
and the action of a CALL. White space, escapes in the id, a type like ``3.0`` and a beginning cut anywhere are read as
a JSON parser reads them; what no OCPP-J message begins with is FOREIGN.

Source: OCPP-J 1.6 §4.2, OCPP 2.1 part 4 §4.2.
"""

import json
import re
from typing import Final, NamedTuple

HEAD_BYTES_MAX: Final = 1024
"""Real heads have some 70. A message that is not understood by then is FOREIGN."""

CALL: Final = 2
CALLRESULT: Final = 3
CALLERROR: Final = 4
CALLRESULTERROR: Final = 5
REPLIES: Final = (CALLRESULT, CALLERROR, CALLRESULTERROR)

_TYPE: Final = re.compile(rb"[ \t\r\n]*\[[ \t\r\n]*([0-9][0-9.eE+-]{0,7})[ \t\r\n]*,[ \t\r\n]*")
_TYPE_BEGUN: Final = re.compile(rb"[ \t\r\n]*(?:\[[ \t\r\n]*(?:[0-9][0-9.eE+-]{0,7}[ \t\r\n]*)?)?")
_STRING: Final = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*"')
_STRING_BEGUN: Final = re.compile(rb'(?:"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*\\?)?')
_COMMA: Final = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*")
_ACTION_BEGUN: Final = re.compile(rb'[ \t\r\n]*(?:,[ \t\r\n]*(?:"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*\\?)?)?')


class Head(NamedTuple):
    """What is known of a message.

    Attributes:
        type: See above; 0 while it is not known, and of a FOREIGN message.
        id: "" while it is not known, and where it has none that can be read.
        action: Of a CALL, as `id`.
        whole: Whether more bytes would tell no more.
    """

    type: int = 0
    id: str = ""
    action: str = ""
    whole: bool = False


NOTHING: Final = Head()
FOREIGN: Final = Head(whole=True)


def read_head(text: bytes) -> Head:
    """Read the beginning of a message; see the top of this file."""
    begun = len(text) < HEAD_BYTES_MAX
    opened = _TYPE.match(text)
    if opened is None:
        return NOTHING if begun and _TYPE_BEGUN.fullmatch(text) else FOREIGN
    kind = _integer(opened[1])
    if kind is None:
        return FOREIGN
    identity, at = _string(text, opened.end())
    if not at:
        return Head(kind, whole=not (begun and _STRING_BEGUN.fullmatch(text, opened.end())))
    if kind != CALL:
        return Head(kind, identity, whole=True)
    comma = _COMMA.match(text, at)
    action, end = _string(text, comma.end()) if comma else ("", 0)
    whole = bool(end) or not (begun and _ACTION_BEGUN.fullmatch(text, at))
    return Head(kind, identity, action, whole)


def _string(text: bytes, at: int) -> tuple[str, int]:
    """Give the string at a place, "" for one that cannot be read, and where it ends; 0 for none."""
    string = _STRING.match(text, at)
    if string is None:
        return "", 0
    try:
        value = json.loads(string[0])
    except ValueError:
        value = ""
    return str(value), string.end()


def _integer(number: bytes) -> int | None:
    try:
        value = float(number)
    except ValueError:
        return None
    return int(value) if value.is_integer() else None
