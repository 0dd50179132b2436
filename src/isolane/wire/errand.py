"""This file defines what travels beside telemetry for commands; it guards that nothing of it is believed for its topic.

Downwards the center brings what others have signed: commands, key manifests, and the checkpoint of the gateway's audit
that the center has co-signed (a *note*). Each carries the signatures by which the gateway judges it. Upwards a gateway
brings its statement, which it has signed too; what stands around it are hints.

Over MQTT each is a message: downwards on ``isolane/SITE/GATEWAY/dn/KIND``, nothing of it retained, upwards on
``.../up/statement``. Over HTTPS a gateway asks by POST to ``/ingest/v1/SITE/GATEWAY/errands?wait_s=N``, with `Stated`
as the body or none, and the answer, which may take so long, is `Errands`.
"""

from enum import StrEnum
from typing import Annotated, Final, TypeVar

import msgspec

from isolane.core.ids import check_name
from isolane.wire.uplink import Number

VERSION: Final = 1
KIND: Final = "errands"
"""Last step of the path."""
STATED_BYTES_MAX: Final = 24 << 10
WAIT_S_MAX: Final = 120.0
COMMANDS_MAX: Final = 16
"""In one answer."""
_PATH_HASHES_MAX: Final = 128


class Down(StrEnum):
    """What the center brings."""

    COMMAND = "cmd"
    KEYS = "keys"
    NOTE = "note"


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway's statement, and what proves that its audit only grew.

    Attributes:
        version: 1.
        statement: The envelope.
        number: Counts what this boot has stated, so that of two that cross the older is passed over.
        old: Entries of the note that the center has brought last; 0 for none.
        path: Proof that the audit of the statement begins with those (RFC 9162, section 2.1.4), hashes in hex.
    """

    version: int
    statement: Annotated[str, msgspec.Meta(max_length=16 << 10)]
    number: Number = 0
    old: Number = 0
    path: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")], ...],
        msgspec.Meta(max_length=_PATH_HASHES_MAX),
    ] = ()


class Errands(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the center brings over HTTPS.

    Attributes:
        version: 1.
        commands: Envelopes.
        keys: Key manifest, "" for none.
        note: Checkpoint, "" for none.
    """

    version: int
    commands: tuple[str, ...] = ()
    keys: str = ""
    note: str = ""


_Message = TypeVar("_Message", Stated, Errands)


def encode(message: Stated | Errands) -> bytes:
    """Give the message's JSON."""
    return msgspec.json.encode(message)


def decode_stated(data: bytes) -> Stated:
    """Read what a gateway has stated.

    Raises:
        ValueError: It is nothing of the kind.
    """
    if len(data) > STATED_BYTES_MAX:
        raise ValueError(f"a statement of {len(data)} bytes")
    return _read(data, Stated)


def decode_errands(data: bytes) -> Errands:
    """Read what the center brings.

    Raises:
        ValueError: It is nothing of the kind.
    """
    return _read(data, Errands)


def down_errand_topic(site: str, gateway: str, kind: Down) -> str:
    """Give the MQTT topic of something that the center brings.

    Raises:
        IsolaneError: See `wire.uplink.up_topic`.
    """
    return f"isolane/{check_name('site', site)}/{check_name('gateway', gateway)}/dn/{Down(kind)}"


def errands_path(site: str, gateway: str) -> str:
    """Give the path a gateway asks at.

    Raises:
        IsolaneError: See `wire.uplink.up_topic`.
    """
    return f"/ingest/v1/{check_name('site', site)}/{check_name('gateway', gateway)}/{KIND}"


def _read(data: bytes, kind: type[_Message]) -> _Message:
    try:
        message = msgspec.json.decode(data, type=kind)
    except RecursionError as error:  # of a field that is passed over
        raise ValueError("JSON nested too deep") from error
    if message.version != VERSION:
        raise ValueError(f"{kind.__name__} version {message.version}; gateway and center are of different releases")
    return message
