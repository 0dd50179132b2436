"""This file packs own calls, which a caller beside the relay asks it to make.

It guards that both sides mean the same: whether anything was sent, and how it ended.

Constraints: one Unix stream socket; a caller sends a request, gets its answer, and may then send the next. Both are
    JSON of at most MESSAGE_BYTES_MAX bytes. A payload is a JSON object within that JSON.

Layout: 4 bytes, the length of what follows, big-endian; then the JSON.

Operation: `Refused` means that the charger was sent nothing. After `Failed` it may have done what it was asked; only
`Result` and `Error` are its own words. A caller that leaves before its answer changes nothing: the call goes on, its
answer is thrown away. Several relay workers listen at several paths; a caller asks each until one does not say
NOT_CONNECTED.
"""

from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from isolane.core.ids import CHARGER_ID_CHARS_MAX

VERSION: Final = 1
LENGTH_BYTES: Final = 4
MESSAGE_BYTES_MAX: Final = 1 << 20
PAYLOAD_BYTES_MAX: Final = 16_384
"""Of a request; the longest sensible one asks for some hundred variables."""
DEADLINE_MS_MAX: Final = 300_000


class Refusal(StrEnum):
    """Why nothing was sent."""

    NOT_ENABLED = "not-enabled"
    NOT_CONNECTED = "not-connected"
    NOT_BOOTED = "not-booted"
    VERSION_UNKNOWN = "version-unknown"
    CSMS_CALL_OUTSTANDING = "csms-call-outstanding"
    OWN_CALL_OUTSTANDING = "own-call-outstanding"
    BUSY = "busy"
    ACTION_NOT_ALLOWED = "action-not-allowed"
    PAYLOAD_NOT_ALLOWED = "payload-not-allowed"
    TOO_OFTEN = "too-often"
    MALFORMED = "malformed"
    AUDIT = "audit"


class Failure(StrEnum):
    """Why there is no usable answer to what was sent."""

    TIMEOUT = "timeout"
    CONNECTION_LOST = "connection-lost"
    MALFORMED_ANSWER = "malformed-answer"
    ANSWER_TOO_LONG = "answer-too-long"


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One call to make.

    Attributes:
        version: VERSION.
        charger: Identity.
        action: OCPP action.
        payload: A JSON object.
        deadline_ms: What the charger gets to answer; the relay's own bound may be shorter.
        reference: What the caller calls it, for the audit; "" for nothing.
    """

    version: int
    charger: Annotated[str, Meta(min_length=1, max_length=CHARGER_ID_CHARS_MAX)]
    action: Annotated[str, Meta(pattern="^[A-Za-z]{1,64}$")]
    payload: msgspec.Raw
    deadline_ms: Annotated[int, Meta(ge=1, le=DEADLINE_MS_MAX)]
    reference: Annotated[str, Meta(pattern="^[!-~]{0,64}$")] = ""


class Result(msgspec.Struct, frozen=True, tag="result", tag_field="type", forbid_unknown_fields=True):
    """The charger's CALLRESULT, without secrets that it may have told."""

    version: int
    payload: msgspec.Raw


class Error(msgspec.Struct, frozen=True, tag="error", tag_field="type", forbid_unknown_fields=True):
    """The charger's CALLERROR: its code, "" where it is none, and the first 255 characters of its description."""

    version: int
    code: str
    description: str


class Refused(msgspec.Struct, frozen=True, tag="refused", tag_field="type", forbid_unknown_fields=True):
    """Nothing was sent."""

    version: int
    reason: Refusal


class Failed(msgspec.Struct, frozen=True, tag="failed", tag_field="type", forbid_unknown_fields=True):
    """It was sent, and nobody knows whether it was done."""

    version: int
    reason: Failure


Answer = Result | Error | Refused | Failed

_requests = msgspec.json.Decoder(Request)
_answers = msgspec.json.Decoder(Answer)
_encoder = msgspec.json.Encoder()


def pack(message: Request | Answer) -> bytes:
    """Give the length and the JSON.

    Raises:
        ValueError: It is longer than MESSAGE_BYTES_MAX.
    """
    text = _encoder.encode(message)
    if len(text) > MESSAGE_BYTES_MAX:
        raise ValueError(f"own-call message of {len(text)} bytes")
    return len(text).to_bytes(LENGTH_BYTES, "big") + text


def length(head: bytes) -> int:
    """Read the length before a message.

    Raises:
        ValueError: It is 0 or above MESSAGE_BYTES_MAX.
    """
    size = int.from_bytes(head, "big")
    if not 0 < size <= MESSAGE_BYTES_MAX:
        raise ValueError(f"own-call message of {size} bytes")
    return size


def unpack_request(text: bytes) -> Request:
    """Read a request.

    Raises:
        ValueError: It is none of this version (`msgspec.ValidationError` is a ValueError).
    """
    request = _requests.decode(text)
    _check(request.version)
    return request


def unpack_answer(text: bytes) -> Answer:
    """Read an answer.

    Raises:
        ValueError: See `unpack_request`.
    """
    answer: Answer = _answers.decode(text)
    _check(answer.version)
    return answer


def _check(version: int) -> None:
    if version != VERSION:
        raise ValueError(f"own-call message version {version}; relay and caller are of different releases")
