"""This file takes commands from the first byte to the receipt; it guards that nothing is done before it is on the disk.

The order for one command: the gate; its name in `seen`; its line in the journal; the receipt "accepted"; the interlocks
again; "running" in `seen`; the verb; its line; from class R2 on a checkpoint; the final state in `seen`; the receipt.
What cannot be written down is not done. Commands are let in one by one and run side by side, one of a verb at a time.
Disk work is done in a thread, since it may take longer than a second of samples. Forged commands cost a count and, once
a minute, one line of the journal; only those whose signatures hold get a receipt. A receipt is held in `seen` from the
moment at which its command has ended until `Out` has stored it, so that no end of the process loses one.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from isolane.core.clock import NS_PER_MS, NS_PER_S, Clock
from isolane.core.strict_json import INTEGER_MAX, read, write
from isolane.health.commands.challenge import Challenges
from isolane.health.commands.gate import Admitted, Gate
from isolane.health.commands.journal import UNPROVED, Journal, JournalError, Proof
from isolane.health.commands.keyring import Keyring
from isolane.health.commands.outcome import About, Outcome, seal
from isolane.health.commands.rate import REFUSALS_BURST, REFUSALS_PER_S, Bucket
from isolane.health.commands.refusal import Reason, RefusedError
from isolane.health.commands.seen import Seen, StoreError
from isolane.health.commands.states import State
from isolane.health.commands.verb import Lasting, VerbError
from isolane.security.checkpoint import Cosigns
from isolane.security.event_lines import EventLines, Kind
from isolane.security.key_manifest import ManifestError
from isolane.wire.receipt import RESULT_BYTES_MAX

_Kept = TypeVar("_Kept")
_LOG = logging.getLogger(__name__)
_FORGED_EVERY_S: Final = 60
_WITNESSED: Final = frozenset({"R2", "R3", "R4"})
"""Classes whose result goes out with a checkpoint."""
_HOSTILE: Final = frozenset(
    {Reason.UNSIGNED, Reason.MALFORMED, Reason.UNKNOWN_KEY, Reason.SIGNATURE, Reason.RIGHTS, Reason.THRESHOLD}
)


class Out(Protocol):
    """Where what the gateway says goes; both wait until it is stored or given up, and never raise."""

    async def receipt(self, body: bytes) -> None:
        """Store a receipt: a paper of kind `wire.receipt.KIND` on the lane of receipts."""
        ...

    async def statement(self, body: bytes) -> None:
        """Publish a statement; it replaces the one before."""
        ...


@dataclass(frozen=True)
class Ground:
    """What a desk stands on.

    Attributes:
        gateway: The gateway's name.
        signer: Its key.
        keyring: Who may command.
        challenges: Of this boot.
        seen: What was taken before.
        journal: The audit.
        clock: The clock.
        events: Where security events go.
    """

    gateway: str
    signer: Cosigns
    keyring: Keyring
    challenges: Challenges
    seen: Seen
    journal: Journal
    clock: Clock
    events: EventLines = field(default_factory=EventLines)


class Desk:
    """The way of a command.

    Args:
        ground: What it stands on.
        gate: Decides.
        out: Where receipts and statements go.

    Attributes:
        counts: Commands by final state, refused ones by reason ("refused signature").
    """

    def __init__(self, ground: Ground, gate: Gate, out: Out) -> None:
        self._on, self._gate, self._out = ground, gate, out
        self._admission = asyncio.Lock()
        self._busy: set[str] = set()
        self._refusals = Bucket(REFUSALS_PER_S, REFUSALS_BURST, ground.clock)
        self._forged: Counter[str] = Counter()
        self._forged_mono_ns = ground.clock.mono_ns()
        self.counts: Counter[str] = Counter()

    async def start(self) -> None:
        """Tell what became of commands that the last process left, and who is there now."""
        await self._disk(self._note, "boot", {"boot": self._on.challenges.boot, "keys_ver": self._version})
        for number, body in await self._disk(self._on.seen.untold) or []:
            await self._bring(body, number)
        for each in await asyncio.to_thread(self._on.seen.unfinished):
            facts = {"jti": each.jti, "digest": each.digest, "verb": each.verb, "state": State.UNKNOWN}
            entry = await self._disk(self._note, "state", facts)
            told = "the gateway restarted meanwhile"
            outcome = Outcome("unknown-after-restart", detail=told, entry=-1 if entry is None else entry)
            body = self._seal(About(each.jti, each.digest, each.verb), outcome)
            await self._bring(body, await self._disk(self._on.seen.end, each.jti, State.UNKNOWN, body))
        await self._state()

    async def receive(self, data: bytes) -> None:
        """Take a command, do it, and tell; see the top of this file.

        Args:
            data: Bytes of anybody's choosing.
        """
        try:
            async with self._admission:
                admitted, entry = await asyncio.to_thread(self._admit, data)
                self._busy.add(admitted.command.verb)
        except RefusedError as refused:
            await self._refuse(refused)
            return
        try:
            command = admitted.command
            about = About(command.jti, admitted.digest, command.verb)
            await self._tell(about, Outcome("accepted", entry=entry))
            outcome = await self._run(admitted)
            body = self._seal(about, outcome)
            number = await self._disk(self._on.seen.end, command.jti, State(outcome.state), body)
        finally:
            self._busy.discard(admitted.command.verb)
        self.counts[outcome.state] += 1
        await self._bring(body, number)
        if outcome.state == "done" and isinstance(admitted.verb, Lasting):
            admitted.verb.afterwards()
        if admitted.verb.declared.kind in _WITNESSED:
            await self._state()  # at once, so that the center co-signs the very tree that proves the receipt

    async def renew(self, data: bytes) -> None:
        """Take a key manifest, if it may follow the one in force.

        Args:
            data: Bytes of anybody's choosing.
        """
        newest = self._on.challenges.newest
        # Without a clock that is worth something the manifest's own word has to do; that it is newer is known anyway.
        now_s = newest.now_s(self._on.clock.mono_ns()) if newest.is_synced else 0
        async with self._admission:
            try:
                is_new = await asyncio.to_thread(self._on.keyring.renew, data, now_s)
            except ManifestError as error:
                self._on.events.report(Kind.COMMAND, detail=f"key-manifest: {error.reason} {error}")
                self._forged[f"manifest {error.reason}"] += 1
                return
            except OSError as error:
                _LOG.warning("keys-not-kept why=%s", error.strerror)
                return
        if is_new:
            await self._disk(self._note, "keys", {"keys_ver": self._version})
            await self._state()

    def overrun(self) -> None:
        """Count a command that was not even looked at, since too many came at once."""
        self.counts[f"refused {Reason.FLOOD}"] += 1
        self._forged[Reason.FLOOD] += 1

    def forged(self, what: str) -> None:
        """Count something else that nobody of ours can have brought now; the audit's next line about such tells it."""
        self._forged[what] += 1

    async def restate(self) -> None:
        """Send the newest statement again: what is said around it has changed."""
        await self._state()

    async def tend(self) -> None:
        """Do what is due: a new challenge with its statement, a checkpoint, a line about what was forged."""
        now_ns = self._on.clock.mono_ns()
        if self._forged and now_ns - self._forged_mono_ns >= _FORGED_EVERY_S * NS_PER_S:
            forged, self._forged, self._forged_mono_ns = dict(self._forged), Counter(), now_ns
            await self._disk(self._note, "forged", {"counts": forged})
        if self._on.journal.is_due():
            await self._disk(self._on.journal.checkpoint)
        if self._on.challenges.is_due():
            self._on.challenges.renew()
            await self._state()

    @property
    def _version(self) -> int:
        return self._on.keyring.current.manifest.version

    async def _state(self) -> None:
        """Send a statement, with a checkpoint of all there is."""
        note = await self._disk(self._on.journal.checkpoint)
        try:
            frozen = await asyncio.to_thread(self._on.seen.frozen_by) is not None
        except StoreError:
            frozen = True  # it does nothing without its file, so that is what it is
        body = self._on.challenges.statement(
            self._on.gateway, self._version, note or self._on.journal.note, self._on.signer, frozen=frozen
        )
        await self._out.statement(body)

    def _admit(self, data: bytes) -> tuple[Admitted, int]:
        """Ask the gate and write down what it lets through; runs in a thread."""
        admitted = self._gate.check(data)
        command, digest = admitted.command, admitted.digest
        if command.verb in self._busy:
            raise RefusedError(Reason.BUSY, f"{command.verb} is under way", command, digest)
        try:
            self._on.seen.take(command, digest)
        except StoreError as error:
            raise RefusedError(Reason.AUDIT, "the disk does not take it", command, digest) from error
        facts = {
            "jti": command.jti,
            "digest": digest,
            "verb": command.verb,
            "class": command.appr.kind,
            "people": list(admitted.people),
            "ticket": command.req.ticket,
            "state": State.ACCEPTED,
        }
        try:
            return admitted, self._note("state", facts)
        except JournalError as error:
            try:
                self._on.seen.move(command.jti, State.REFUSED)
            except StoreError:
                _LOG.warning("command-state-not-kept jti=%s", command.jti)
            raise RefusedError(Reason.AUDIT, "the audit cannot be written", command, digest) from error

    async def _run(self, admitted: Admitted) -> Outcome:
        """Run the verb, unless it is too late or an interlock has opened, and write down how it ended."""
        command, kind = admitted.command, admitted.verb.declared.kind
        outcome = self._too_late(admitted)
        if outcome is None:
            try:
                await asyncio.to_thread(self._on.seen.move, command.jti, State.RUNNING)
            except StoreError:
                outcome = Outcome("refused", Reason.AUDIT, "the disk does not take it")
        if outcome is None:
            outcome = await self._do(admitted)
        facts = {"jti": command.jti, "state": outcome.state, "reason": outcome.reason}
        entry = await self._disk(self._note, "state", facts)
        proof: Proof | None = UNPROVED
        if kind in _WITNESSED:
            proof = await self._disk(self._on.journal.prove, -1 if entry is None else entry)
        reason = outcome.reason or (Reason.AUDIT if entry is None or proof is None else "")
        found = entry if entry is not None else -1
        return Outcome(outcome.state, reason, outcome.detail, outcome.result, found, proof or UNPROVED)

    def _too_late(self, admitted: Admitted) -> Outcome | None:
        if self._on.clock.mono_ns() >= admitted.deadline_mono_ns:
            return Outcome("expired", Reason.TIME, "it waited too long")
        try:
            self._gate.hold(admitted.verb.declared, admitted.arguments)
        except RefusedError as refused:
            return Outcome("refused", refused.reason, refused.detail)
        return None

    async def _do(self, admitted: Admitted) -> Outcome:
        verb = admitted.verb
        try:
            async with asyncio.timeout(verb.declared.timeout_s):
                result = dict(await verb.run(admitted.arguments, admitted.command.req.sub))
            if len(write(result)) > RESULT_BYTES_MAX:
                return Outcome("failed", "result", "the result is too large")
            read(write(result), INTEGER_MAX)
        except VerbError as error:
            return Outcome("failed", "verb", str(error)[:500])
        except TimeoutError:
            return Outcome("failed", "timeout", f"not done within {verb.declared.timeout_s:g} s")
        except ValueError as error:
            return Outcome("failed", "result", f"the result is no JSON: {error}"[:500])
        return Outcome("done", result=result)

    async def _refuse(self, refused: RefusedError) -> None:
        """Count, and tell those who have proved who they are."""
        self.counts[f"refused {refused.reason}"] += 1
        if refused.reason in _HOSTILE:
            self._on.events.report(Kind.COMMAND, detail=f"refused: {refused.reason} {refused.detail}")
        command = refused.command
        if command is None or refused.reason is Reason.REPLAY or not self._refusals.take():
            # A stranger's, a copy of one that has its receipt, or too many: no line each, or they fill the disk.
            self._forged[refused.reason] += 1
            return
        facts = {
            "jti": command.jti,
            "digest": refused.digest,
            "verb": command.verb,
            "state": State.REFUSED,
            "reason": refused.reason,
        }
        entry = await self._disk(self._note, "state", facts)
        outcome = Outcome("refused", refused.reason, refused.detail, entry=entry if entry is not None else -1)
        await self._tell(About(command.jti, refused.digest, command.verb), outcome)

    async def _tell(self, about: About, outcome: Outcome) -> None:
        body = self._seal(about, outcome)
        await self._bring(body, await self._disk(self._on.seen.hold, body))

    async def _bring(self, body: bytes, number: int | None) -> None:
        """Hand a receipt out, and let go of it when it is stored."""
        await self._out.receipt(body)
        if number is not None:
            await self._disk(self._on.seen.told, number)

    def _seal(self, about: About, outcome: Outcome) -> bytes:
        on = self._on
        at_ms = on.clock.utc_ns() // NS_PER_MS
        return seal(about, outcome, gateway=on.gateway, boot=on.challenges.boot, at_ms=at_ms, signer=on.signer)

    def _note(self, kind: str, facts: Mapping[str, object]) -> int:
        return self._on.journal.append(kind, facts)

    async def _disk(self, work: Callable[..., _Kept], *arguments: object) -> _Kept | None:
        """Do disk work in a thread; None where the disk refuses, which is logged."""
        try:
            return await asyncio.to_thread(work, *arguments)
        except (JournalError, StoreError) as error:
            _LOG.warning("command-not-kept why=%s", error)
            return None
