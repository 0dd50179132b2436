"""This file decides whether a command is done; it guards the order of the questions and that each is asked.

Who it is comes before what it is, and both before whether it can be: so a stranger learns nothing, and what costs most
comes last. The order is that of `refusal.Reason`; docs/reference/commands.md says it in words. The gate changes nothing
but the buckets of `rate`; whoever asks it writes down what it let through.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from isolane.core.clock import NS_PER_S, Clock
from isolane.health.commands.challenge import Challenge, Challenges
from isolane.health.commands.keyring import Keyring
from isolane.health.commands.rate import Pace
from isolane.health.commands.refusal import Reason, RefusedError
from isolane.health.commands.seen import Seen, StoreError
from isolane.health.commands.verb import Verb
from isolane.security.envelope import BYTES_MAX, COMMAND, EnvelopeError, parse, verify
from isolane.security.key_manifest import RIGHTS, Key
from isolane.wire.command import LIFE_S_MAX, Command, read
from isolane.wire.verbs.catalogue import VERBS
from isolane.wire.verbs.declaration import Arguments, Declaration

SKEW_S: Final = 5
"""By so much a signer's clock may be ahead of ours."""
Interlocks = Callable[[str], bool | None]
"""Tells from fresh facts whether an interlock holds; None where nobody knows."""


@dataclass(frozen=True)
class Admitted:
    """A command that may be done.

    Attributes:
        command: The command.
        digest: SHA-256 of its payload in hex.
        verb: What does it.
        arguments: As checked.
        people: Who signed.
        deadline_mono_ns: It has to be begun before.
    """

    command: Command
    digest: str
    verb: Verb[Any]
    arguments: Arguments
    people: Sequence[str]
    deadline_mono_ns: int


class Gate:
    """The gate.

    Args:
        gateway: The gateway's name.
        verbs: What it can do, each name once.
        keyring: Who may command.
        challenges: Of this boot.
        seen: What was taken before.
        interlocks: See `Interlocks`.
        clock: The clock.

    Raises:
        ValueError: A verb's declaration is another than the catalogue's.
    """

    def __init__(
        self,
        *,
        gateway: str,
        verbs: Iterable[Verb[Any]],
        keyring: Keyring,
        challenges: Challenges,
        seen: Seen,
        interlocks: Interlocks,
        clock: Clock,
    ) -> None:
        self._verbs = {verb.declared.name: verb for verb in verbs}
        for name, verb in self._verbs.items():
            if VERBS.get(name, verb.declared) != verb.declared:
                raise ValueError(f"{name} is declared otherwise in the catalogue")
        self._gateway, self._keyring, self._challenges = gateway, keyring, challenges
        self._seen, self._interlocks, self._clock = seen, interlocks, clock
        self._pace = Pace(clock)

    def check(self, data: bytes) -> Admitted:
        """Ask all questions.

        Args:
            data: Bytes of anybody's choosing.

        Raises:
            RefusedError: It is not done.
        """
        if not self._pace.looks.take():
            raise RefusedError(Reason.FLOOD, "too many commands at once")
        payload, holders = self._signed(data)
        digest = hashlib.sha256(payload).hexdigest()
        try:
            command = read(payload, Command)
        except ValueError as error:
            raise RefusedError(Reason.MALFORMED, f"payload: {error}"[:200]) from error
        if command.aud != self._gateway:
            raise RefusedError(Reason.AUDIENCE, "for another gateway")
        try:
            verb = self._entitled(command, holders)
            self._fresh(command)
            deadline_ns = self._timely(command)
            arguments = self._possible(command, verb.declared)
        except StoreError as error:
            raise RefusedError(Reason.AUDIT, "the disk does not answer", command, digest) from error
        except RefusedError as refused:
            raise RefusedError(refused.reason, refused.detail, command, digest) from refused
        people = sorted({each.person for each in holders})
        return Admitted(command, digest, verb, arguments, people, deadline_ns)

    def hold(self, verb: Declaration, arguments: Arguments) -> None:
        """Ask the interlocks, as is done once more right before a verb runs.

        Raises:
            RefusedError: One does not hold, or nobody knows.
        """
        for name in verb.interlocks(arguments):
            if self._interlocks(name) is not True:
                raise RefusedError(Reason.INTERLOCK, f"{name} does not hold, or is not known"[:200])

    def _signed(self, data: bytes) -> tuple[bytes, list[Key]]:
        """Check the envelope; give the payload and whose keys signed it."""
        if len(data) > BYTES_MAX:
            raise RefusedError(Reason.SIZE, f"{len(data)} bytes")
        trusted = self._keyring.current
        try:
            envelope = parse(data, COMMAND)
            verify(envelope, trusted.keys)
        except EnvelopeError as error:
            raise RefusedError(Reason(error.reason), str(error)[:200]) from error
        return envelope.payload, [trusted.holders[each.kid] for each in envelope.signatures]

    def _entitled(self, command: Command, holders: Sequence[Key]) -> Verb[Any]:
        """Ask what it is and whether those who signed may have it."""
        found = self._verbs.get(command.verb)
        if found is None:
            raise RefusedError(Reason.VERB, "no such verb")
        verb = found.declared
        if (command.appr.kind, command.appr.need) != (verb.kind, verb.need):
            raise RefusedError(Reason.CLASS, f"{verb.name} is of class {verb.kind} and needs {verb.need}")
        for each in holders:
            if verb.kind not in RIGHTS[each.role]:
                raise RefusedError(Reason.RIGHTS, f"{each.person} has no right to class {verb.kind}")
        if not any(each.person == command.req.sub and each.role == command.req.role for each in holders):
            raise RefusedError(Reason.REQUESTER, "who asks has not signed, or not in that role")
        people = {each.person for each in holders}
        if len(people) < verb.need:
            raise RefusedError(Reason.THRESHOLD, f"{len(people)} of {verb.need} people signed")
        if verb.need > 1 and verb.kind != "R3" and not any(each.role == "approver" for each in holders):
            raise RefusedError(Reason.THRESHOLD, "no approver signed")
        return found

    def _timely(self, command: Command) -> int:
        """Ask whether it is for now; give the monotonic time until which it is."""
        newest = self._challenges.newest
        if not command.chal or not command.boot:
            reason = Reason.CHALLENGE if newest.is_synced else Reason.CLOCK_UNTRUSTED
            raise RefusedError(reason, "it quotes no challenge")
        if command.boot != self._challenges.boot:
            raise RefusedError(Reason.BOOT, "signed for another boot")
        challenge = self._challenges.find(command.chal)
        if challenge is None:
            raise RefusedError(Reason.CHALLENGE, "it quotes none of the last two challenges")
        mono_ns = self._clock.mono_ns()
        left_s = self._left_s(command, challenge, mono_ns)
        trusted = self._keyring.current
        now_s = max(command.iat, challenge.now_s(mono_ns) if challenge.is_synced else 0)
        if trusted.is_expired(now_s):
            raise RefusedError(Reason.KEYS_EXPIRED, "the key manifest is in force no longer")
        if command.keys_ver != trusted.manifest.version:
            raise RefusedError(Reason.KEYS_VERSION, f"version {trusted.manifest.version} is in force")
        return mono_ns + int(left_s * NS_PER_S)

    @staticmethod
    def _left_s(command: Command, challenge: Challenge, mono_ns: int) -> float:
        """Give how long it has left, s; at most its whole life where our own clock is worth nothing."""
        if not (command.iat <= command.nbf < command.exp <= command.iat + LIFE_S_MAX):
            raise RefusedError(Reason.TIME, f"its times do not fit, or it lives longer than {LIFE_S_MAX} s")
        if not challenge.is_synced:
            return float(command.exp - command.nbf)
        now_s = challenge.now_s(mono_ns)
        if command.exp <= now_s:
            raise RefusedError(Reason.TIME, "it has expired")
        if command.nbf > now_s + SKEW_S:
            raise RefusedError(Reason.TIME, "it is from the future")
        return min(command.exp - now_s, LIFE_S_MAX)

    def _fresh(self, command: Command) -> None:
        if self._seen.knows(command.jti):
            raise RefusedError(Reason.REPLAY, "it was taken before")
        if not self._seen.is_next(command.iss, command.seq):
            raise RefusedError(Reason.SEQUENCE, "its number was taken before, or is far behind")

    def _possible(self, command: Command, verb: Declaration) -> Arguments:
        """Ask whether it can be done."""
        try:
            arguments = verb.read(command.args)
        except ValueError as error:
            raise RefusedError(Reason.ARGUMENTS, str(error)[:200]) from error
        if verb.kind not in {"R0", "R4"} and self._seen.frozen_by() is not None:
            raise RefusedError(Reason.FROZEN, "the gateway is frozen")
        if tuple(command.pre) != tuple(verb.interlocks(arguments)):
            raise RefusedError(Reason.INTERLOCK, "it relies on other interlocks than this verb has")
        self.hold(verb, arguments)
        if not self._pace.take(verb.name, is_urgent=verb.kind == "R4"):
            raise RefusedError(Reason.RATE, f"too many of {verb.name}, or of all")
        return arguments
