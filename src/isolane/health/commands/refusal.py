"""This file names the reasons for which a command is refused; it guards that each refusal has exactly one."""

from enum import StrEnum

from isolane.wire.command import Command


class Reason(StrEnum):
    """Why; the order is that in which the gate asks. docs/reference/commands.md says each in words."""

    FLOOD = "flood"
    SIZE = "size"
    UNSIGNED = "unsigned"
    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown-key"
    SIGNATURE = "signature"
    AUDIENCE = "audience"
    VERB = "verb"
    CLASS = "class"
    RIGHTS = "rights"
    REQUESTER = "requester"
    THRESHOLD = "threshold"
    REPLAY = "replay"
    SEQUENCE = "sequence"
    CLOCK_UNTRUSTED = "clock-untrusted"
    BOOT = "boot"
    CHALLENGE = "challenge"
    TIME = "time"
    KEYS_EXPIRED = "keys-expired"
    KEYS_VERSION = "keys-version"
    ARGUMENTS = "arguments"
    FROZEN = "frozen"
    INTERLOCK = "interlock"
    RATE = "rate"
    BUSY = "busy"
    AUDIT = "audit"


class RefusedError(Exception):
    """A command that is not done.

    Args:
        reason: Why.
        detail: What exactly, for a person; nothing of the arguments.
        command: The command, None unless all its signatures hold and it is for this gateway.
        digest: SHA-256 of its payload in hex, "" without a command.
    """

    def __init__(self, reason: Reason, detail: str, command: Command | None = None, digest: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.command = command
        self.digest = digest
