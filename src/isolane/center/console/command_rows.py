"""This file says a command and its receipts in words for the console; it guards that what was proved is said to be so.

What a command does is explained from the very bytes that are signed. Of a receipt the signature was checked when it was
filed; whether its line is in the gateway's audit, and whether the center has co-signed that tree, is checked here.
"""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from isolane.center.store.command_views import (
    CheckpointLine,
    CommandHistory,
    CommandState,
    ProposedCommand,
    ReceiptLine,
)
from isolane.security.envelope import RECEIPT, parse
from isolane.security.merkle import is_included, leaf_hash
from isolane.wire.command import read
from isolane.wire.receipt import BYTES_MAX, Receipt
from isolane.wire.verbs.explanation import explain

RESULT_CHARS_MAX: Final = 4000
_SIGNER = re.compile(r"^— (\S+) ", re.MULTILINE)

STATES: Final[dict[CommandState, tuple[str, str, str, str]]] = {
    CommandState.PROPOSED: ("Waits for signatures", "busy", "pending", "Nothing happens before enough people sign it."),
    CommandState.READY: ("Signed", "busy", "pending", "All have signed; it goes out as soon as its gateway is there."),
    CommandState.SENT: ("Sent", "busy", "pending", "It is on its way; the gateway has not answered yet."),
    CommandState.WITHDRAWN: ("Withdrawn", "away", "unavailable", "It was taken back before it went out."),
    CommandState.EXPIRED: ("Expired", "warn", "stale", "It was not begun in time; the gateway does it no more."),
    CommandState.ACCEPTED: ("Under way", "busy", "live", "The gateway has let it in and does it."),
    CommandState.REFUSED: ("Refused", "fault", "faulted", "The gateway does not do it, and says why."),
    CommandState.DONE: ("Done", "good", "good", "The gateway has done it."),
    CommandState.FAILED: ("Failed", "fault", "faulted", "The gateway has tried, and says why it came to nothing."),
    CommandState.UNKNOWN: (
        "Unknown after a restart",
        "warn",
        "unknown",
        "The gateway restarted meanwhile. It is never done a second time by itself: look at what came of it.",
    ),
}
"""Of each state the word, the tone, the icon and a sentence."""


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command as a row; `missing` is how many people have yet to sign."""

    command: ProposedCommand
    word: str
    tone: str
    icon: str
    sentence: str
    missing: int


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """A receipt that can be read.

    Attributes:
        state: As a word.
        tone: Of its badge.
        icon: See there.
        receipt: What it says; None for bytes that cannot be read.
        received_ms: When it came.
        result: As text, cut; "" for none.
        is_proved: Whether its line is in the tree that it names.
        lines: Of that tree; 0 for none.
        is_witnessed: Whether the center has co-signed that tree.
    """

    state: str
    tone: str
    icon: str
    receipt: Receipt | None
    received_ms: int
    result: str
    is_proved: bool
    lines: int
    is_witnessed: bool


@dataclass(frozen=True, slots=True)
class PointRow:
    """A checkpoint with the names under which it is signed."""

    point: CheckpointLine
    signers: tuple[str, ...]


def command_row(command: ProposedCommand) -> CommandRow:
    """Make a row."""
    word, tone, icon, sentence = STATES[command.state]
    missing = max(0, command.need - len(command.people)) if command.state is CommandState.PROPOSED else 0
    return CommandRow(command, word, tone, icon, sentence, missing)


def words_of(command: ProposedCommand) -> list[tuple[str, str]]:
    """Say what a command does, from the bytes that are signed."""
    try:
        found = explain(command.payload)
    except ValueError:
        return [("what", "no command that this release knows")]
    return [*found.rows, *(("do not sign", doubt) for doubt in found.doubts)]


def receipt_rows(history: CommandHistory, points: Sequence[CheckpointLine]) -> list[ReceiptRow]:
    """Say what a gateway has signed of a command, the newest first."""
    witnessed = {(each.size, each.root) for each in points}
    return [_receipt(each, witnessed) for each in reversed(history.receipts)]


def point_rows(points: Sequence[CheckpointLine]) -> list[PointRow]:
    """Say who signed which checkpoint."""
    return [PointRow(each, tuple(_SIGNER.findall(each.note))) for each in points]


def _receipt(line: ReceiptLine, witnessed: set[tuple[int, str]]) -> ReceiptRow:
    word, tone, icon, _ = STATES.get(CommandState(line.state), STATES[CommandState.UNKNOWN])
    try:
        receipt = read(parse(line.data, RECEIPT, BYTES_MAX).payload, Receipt)
    except ValueError:
        return ReceiptRow(word, tone, icon, None, line.received_ms, "", is_proved=False, lines=0, is_witnessed=False)
    result = json.dumps(receipt.result, indent=2, ensure_ascii=True)[:RESULT_CHARS_MAX] if receipt.result else ""
    size, root = _tree(receipt.checkpoint)
    path = [bytes.fromhex(each) for each in receipt.path]
    is_proved = bool(receipt.line) and is_included(leaf_hash(receipt.line.encode()), receipt.entry, size, path, root)
    is_witnessed = is_proved and (size, root.hex()) in witnessed
    return ReceiptRow(
        word, tone, icon, receipt, line.received_ms, result, is_proved=is_proved, lines=size, is_witnessed=is_witnessed
    )


def _tree(note: str) -> tuple[int, bytes]:
    """Give entries and root that a checkpoint names; 0 for one that names none."""
    rows = note.split("\n")
    try:
        return int(rows[1]), base64.b64decode(rows[2], validate=True)
    except (IndexError, ValueError, binascii.Error):
        return 0, b""
