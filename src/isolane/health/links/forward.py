"""This file is the loop of every link to a target; it guards that each message is answered for, whatever comes back.

Operation: one message after the other. Schemas are learnt, blocks opened and handed to the protocol in pieces, gap
records and statements of the books as facts. A block counts as acknowledged when the target has taken all its pieces;
until then it is sent again as a whole. A schema that is not known is asked for, and its block keeps its place. What the
target will never take is set aside; when it takes nothing, the link pauses, longer each time, or as long as the target
asks. A message at which the target breaks five times in a row, while it does answer, is set aside as well, so that it
holds nobody up for ever.
"""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from isolane.core.clock import NS_PER_MS, Clock
from isolane.health.links.backoff import Backoff
from isolane.health.links.counts import LinkCounts
from isolane.health.links.facts import Changes, Fact, of_gap, of_statement
from isolane.health.links.outcome import TAKEN, Outcome, Verdict
from isolane.health.links.port import AnyMessage, Courier, Message
from isolane.health.links.rows import Rows, Schemas, UnknownSchemaError, acknowledged, wanted
from isolane.health.links.target import TargetSettings
from isolane.wire.paper import read_key
from isolane.wire.uplink import VERSION, Ack, Downlink, Up, decode_gap, decode_ledger

_LOG = logging.getLogger(__name__)
_BREAKS_MAX = 5
_FACTS_MAX = 1000
"""In one request; a line has at most some hundred bytes, and receivers take some megabytes."""
_MS_PER_S = 1000


class Carrier(Protocol):
    """One protocol: turns rows and facts into the target's words and brings them there."""

    counts: LinkCounts
    """Of the link."""

    takes_rows: bool
    """Whether samples are sent."""

    takes_facts: bool
    """Whether facts are sent."""

    def open(self) -> AbstractAsyncContextManager[object]:
        """Hold what the protocol needs while the link runs; connects to nothing yet."""
        ...

    async def bring_rows(self, rows: Rows) -> Outcome:
        """Deliver samples; raises for nothing the outside world does."""
        ...

    async def bring_facts(self, facts: list[Fact]) -> Outcome:
        """Deliver at least one fact; raises for nothing the outside world does."""
        ...


class ForwardLink:
    """A link to somebody else's system.

    Args:
        name: Of the link.
        settings: What all targets' tables have.
        carrier: The protocol.
        clock: For the age limit.
    """

    def __init__(self, name: str, settings: TargetSettings, carrier: Carrier, clock: Clock) -> None:
        self.name = name
        self.counts = carrier.counts
        self._settings = settings
        self._carrier = carrier
        self._clock = clock
        self._backoff = Backoff(settings.reconnect_s_max)
        self._schemas = Schemas()
        self._changes = Changes()
        self._breaks = 0
        self._asked: set[str] = set()
        """Schemas asked for since one was told."""

    async def run(self, courier: Courier[AnyMessage]) -> None:
        """See `port.Link.run`."""
        async with self._carrier.open():
            await courier.begin()
            while True:
                message = await courier.next()
                try:
                    outcome, answer = await self._bring(message)
                except asyncio.CancelledError:
                    courier.back(message)
                    raise
                await self._settle(courier, message, outcome, answer)

    async def _bring(self, message: Message) -> tuple[Outcome, Downlink | None]:
        """Bring one message away; give what became of it, and what to say in the target's name."""
        try:
            if message.kind in (Up.SCHEMA, Up.PAPER):
                return TAKEN, self._kept(message)
            if message.kind is Up.BLOCK:
                rows = self._schemas.rows(message.data)
                return await self._bring_block(rows), acknowledged(rows.key)
            if message.kind is Up.GAP:
                gap = decode_gap(message.data)
                answer = Downlink(VERSION, (Ack(gap.epoch, gap.stream, (), (gap.first,)),))
                return await self._bring_facts([of_gap(gap)], message.kind), answer
            return await self._bring_facts(of_statement(decode_ledger(message.data)), message.kind), None
        except UnknownSchemaError as error:
            return Outcome(Verdict.REFUSED, str(error)), wanted(error.identity)
        except ValueError as error:
            return Outcome(Verdict.REFUSED, f"not readable: {error}"), None

    def _kept(self, message: Message) -> Downlink | None:
        """Keep a schema; of a paper, which is the center's alone, say that it is done with."""
        if message.kind is Up.PAPER:
            return acknowledged(read_key(message.data))
        self._schemas.learn(message.data)
        self._asked.clear()
        return None

    async def _bring_block(self, rows: Rows) -> Outcome:
        if self._is_too_old(rows):
            self.counts.passed_over += 1
            return TAKEN
        outcome = TAKEN
        if self._carrier.takes_rows:
            held = self._settings.held
            for part in rows.parts(self._settings.samples_max):
                outcome = self._counted(Up.BLOCK, await self._carrier.bring_rows(part))
                if outcome.verdict is not Verdict.TAKEN:
                    return outcome
                self.counts.samples += int(part.present(held=held).sum())
        if self._carrier.takes_facts:
            told = await self._bring_facts(self._changes.find(rows), Up.BLOCK)
            if told.verdict is Verdict.TAKEN:
                self._changes.keep()
            return told if told.verdict is not Verdict.TAKEN or told.size else outcome
        return outcome

    async def _bring_facts(self, facts: list[Fact], kind: Up) -> Outcome:
        if not facts or not self._carrier.takes_facts:
            return TAKEN
        outcome = TAKEN
        for at in range(0, len(facts), _FACTS_MAX):
            some = facts[at : at + _FACTS_MAX]
            outcome = self._counted(kind, await self._carrier.bring_facts(some))
            if outcome.verdict is not Verdict.TAKEN:
                break
            self.counts.facts += len(some)
        return outcome

    def _counted(self, kind: Up, outcome: Outcome) -> Outcome:
        if outcome.size:
            self.counts.count(kind, outcome.size)
        self.counts.garbage += outcome.is_garbage
        self.counts.throttled += bool(outcome.retry_after_s)
        return outcome

    def _is_too_old(self, rows: Rows) -> bool:
        limit_s = self._settings.age_max_s
        return limit_s is not None and int(rows.t_ms[0]) < self._clock.utc_ns() // NS_PER_MS - limit_s * _MS_PER_S

    async def _settle(
        self, courier: Courier[AnyMessage], message: AnyMessage, outcome: Outcome, answer: Downlink | None
    ) -> None:
        if outcome.verdict is Verdict.TAKEN:
            self._note_taken(outcome)
            courier.sent(message)
            if answer is not None:
                await courier.answer(answer)
            return
        if answer is not None and not self._asked.issuperset(answer.want):
            # Told next, it opens the same block, and nothing overtakes. Only once: who has lost it cannot tell it.
            self._asked.update(answer.want)
            courier.back(message)
            await courier.answer(answer)
            return
        self._breaks = self._breaks + 1 if outcome.is_about_this else 0
        is_refused = outcome.verdict is Verdict.REFUSED or self._breaks >= _BREAKS_MAX
        word = "refused" if is_refused else "failed"
        _LOG.warning("target-%s link=%s kind=%s why=%s", word, self.name, message.kind, outcome.why)
        if is_refused:
            self._breaks = 0
            self.counts.refused += 1
            courier.refuse(message)
            if answer is not None and not answer.acks:
                await courier.answer(answer)
            return
        self.counts.failures += 1
        self.counts.connected = False
        courier.back(message)
        await asyncio.sleep(max(self._backoff.pause_s(), outcome.retry_after_s))

    def _note_taken(self, outcome: Outcome) -> None:
        self._breaks = 0
        if not outcome.size:
            return
        self._backoff.reset()
        if not self.counts.connected:
            self.counts.connected = True
            self.counts.sessions += 1
            _LOG.info("link-up link=%s", self.name)
