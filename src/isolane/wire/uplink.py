"""This file defines what a gateway and the center say to each other beside blocks; it guards one form for every link.

Over MQTT a message's kind is the last level of its topic; over HTTPS the last step of its path. The center answers
with one `Downlink`: over MQTT on the topic ``dn``, over HTTPS as the response. A block leaves the outbox only when
its acknowledgement has arrived, and the center acknowledges only after its commit. Identity comes from the
certificate and the topic or path, so none of these messages names its gateway.

Gateways and centers of different releases talk to each other: a field that is not known here is passed over, so a later
release may add one that may be ignored. What changes the meaning of a message has another version, and is refused.
"""

from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec

from isolane.core.ids import check_name

VERSION = 1
MESSAGE_BYTES_MAX = 1 << 20

Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""Of samples, blocks, milliseconds: what a database column holds."""


class Up(StrEnum):
    """What a gateway sends: `STATEMENT` as in `wire.errand`, `BLOCK`, `SCHEMA`, `PAPER` as in files of those names."""

    BLOCK = "block"
    SCHEMA = "schema"
    GAP = "gap"
    LEDGER = "ledger"
    PAPER = "paper"
    STATEMENT = "statement"
    """Over MQTT alone; over HTTPS it goes with the question for errands."""


class Gap(msgspec.Struct, frozen=True):
    """These blocks will never come: what was lost, where, why. It stands in for its sequence numbers.

    Attributes:
        version: 1.
        epoch: As in the blocks.
        stream: As in the blocks.
        first: First sequence number lost.
        last: Last sequence number lost.
        samples: How many samples they held.
        reason: "outbox-full", "lane-full", "expired", "corrupt", "disk-full".
        from_ms: UTC of the first row lost, ms.
        to_ms: UTC after the last row lost, ms.
    """

    version: int
    epoch: Number
    stream: Number
    first: Number
    last: Number
    samples: Number
    reason: str
    from_ms: Number
    to_ms: Number


class LedgerEntry(msgspec.Struct, frozen=True):
    """The books of one (epoch, stream), in samples: produced = acknowledged + queued + thinned + sum(dropped).

    Attributes:
        epoch: As in the blocks.
        stream: As in the blocks.
        last_sequence: Number of the newest block.
        produced: Samples put into blocks.
        acknowledged: Samples the center has committed.
        queued: Samples waiting in the outbox.
        thinned: Samples replaced by a bounded summary.
        dropped: Samples given up, by reason.
    """

    epoch: Number
    stream: Number
    last_sequence: Number
    produced: Number
    acknowledged: Number
    queued: Number
    thinned: Number
    dropped: dict[str, Number]

    @property
    def balanced(self) -> bool:
        """Whether the books balance, to the sample."""
        return self.produced == self.acknowledged + self.queued + self.thinned + sum(self.dropped.values())


class LedgerStatement(msgspec.Struct, frozen=True):
    """The gateway's books at one moment; every (epoch, stream) that is not settled, and the newest."""

    version: int
    at_ms: Number
    entries: tuple[LedgerEntry, ...]


class Ack(msgspec.Struct, frozen=True):
    """Committed at the center: blocks and papers by sequence number, gaps by their first one."""

    epoch: Number
    stream: Number
    blocks: tuple[Number, ...] = ()
    gaps: tuple[Number, ...] = ()


class Downlink(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the center answers.

    Attributes:
        version: 1.
        acks: What is committed.
        want: Ids (hex) of schemas the center does not know.
        poison: Sequence keys ("epoch/stream/sequence") the center could not read and has set aside, with why; they
            count as
            acknowledged, since sending them again would not help.
        bundle: In the answer to a statement of the books over HTTPS: how many messages the center takes in one
            `wire.bundle`; 0 none.
        refused: In the answer to a bundle: places, from 0, of messages that will never be readable and that no key
            names.
    """

    version: int
    acks: tuple[Ack, ...] = ()
    want: tuple[str, ...] = ()
    poison: dict[str, str] = {}
    bundle: Number = 0
    refused: tuple[Number, ...] = ()


def up_topic(site: str, gateway: str, kind: Up) -> str:
    """Give the MQTT topic of an uplink message.

    Raises:
        IsolaneError: A name has characters that mean something in a topic, or any beside those of `core.ids`.
    """
    return f"isolane/{check_name('site', site)}/{check_name('gateway', gateway)}/up/{Up(kind)}"


def down_topic(site: str, gateway: str) -> str:
    """Give the MQTT topic of the center's answers; nothing on it is ever retained.

    Raises:
        IsolaneError: See `up_topic`.
    """
    return f"isolane/{check_name('site', site)}/{check_name('gateway', gateway)}/dn"


UP_FILTER = "isolane/+/+/up/+"
"""What the center subscribes to."""


def up_filter(kind: Up) -> str:
    """Give the MQTT topic filter of one kind of uplink message of all gateways."""
    return f"isolane/+/+/up/{Up(kind)}"


_TOPIC_LEVELS = 5

Message = TypeVar("Message", Gap, LedgerStatement, Downlink)


def read_up_topic(topic: str) -> tuple[str, str, Up]:
    """Read site, gateway and kind from a topic.

    Raises:
        ValueError: It is not an uplink topic.
    """
    levels = topic.split("/")
    if len(levels) != _TOPIC_LEVELS or levels[0] != "isolane" or levels[3] != "up":
        raise ValueError(f"{topic!r} is not isolane/<site>/<gateway>/up/<kind>")
    return levels[1], levels[2], Up(levels[4])


def ingest_path(site: str, gateway: str, kind: Up) -> str:
    """Give the path an uplink message is POSTed to.

    Raises:
        IsolaneError: See `up_topic`.
    """
    return f"/ingest/v1/{check_name('site', site)}/{check_name('gateway', gateway)}/{Up(kind)}"


def encode(message: Gap | LedgerStatement | Downlink) -> bytes:
    """Give the message's JSON."""
    return msgspec.json.encode(message)


def decode_gap(data: bytes) -> Gap:
    """Read a gap record.

    Raises:
        ValueError: It is not one, or its numbers contradict each other.
    """
    gap = _versioned(_read(data, Gap))
    if not 0 < gap.first <= gap.last or gap.samples < 0 or gap.from_ms > gap.to_ms:
        raise ValueError("a gap record whose numbers contradict each other")
    return gap


def decode_ledger(data: bytes) -> LedgerStatement:
    """Read a ledger statement.

    Raises:
        ValueError: It is not one.
    """
    return _versioned(_read(data, LedgerStatement))


def decode_downlink(data: bytes) -> Downlink:
    """Read the center's answer.

    Raises:
        ValueError: It is not one.
    """
    return _versioned(_read(data, Downlink))


def _read(data: bytes, kind: type[Message]) -> Message:
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError as error:  # of a field that is passed over
        raise ValueError("JSON nested too deep") from error


def _versioned(message: Message) -> Message:
    if message.version != VERSION:
        raise ValueError(
            f"{type(message).__name__} version {message.version}; gateway and center are of different releases"
        )
    return message
