"""This file brings kept blocks back; it guards that they are a stream of their own, behind all else.

What was sent thinned stays as it is at the center, and is acknowledged in its own books. What is asked for afterwards
at full rate is produced once more, in stream REFINED: so no sample is in two accounts, and every block has one key.
"""

from typing import Final

from isolane.health.commands.verbs.telemetry_refine import Refined
from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.outbox import Outbox
from isolane.health.outbox.records import Draft
from isolane.health.thinning.kept import Kept
from isolane.health.thinning.segment import Wanted
from isolane.wire.block import U8, Block

REFINED: Final = 3
"""Number of the stream; those of `rhythm` are 0 to 2."""
_SAMPLES_MAX: Final = 20_000_000
"""At once: 50 signals of ten chargers for eleven hours at 1 Hz."""


class Refining:
    """The way back of what is kept at full rate.

    Args:
        kept: Where it is.
        outbox: Open.
    """

    def __init__(self, kept: Kept, outbox: Outbox) -> None:
        self._kept, self._outbox = kept, outbox

    async def refine(self, from_ms: int, to_ms: int) -> Refined:
        """Put what was sent thinned of a time, UTC ms, into the outbox at full rate.

        Raises:
            OSError: What is kept cannot be read.
        """
        blocks, samples, known = 0, 0, set[bytes]()
        async for schema, block in self._kept.between(Wanted(from_ms, to_ms)):
            if samples >= _SAMPLES_MAX:
                return Refined(blocks, samples, left=True)
            if schema.id not in known:
                await self._outbox.learn(schema, REFINED)
                known.add(schema.id)
            draft = _draft(block)
            await self._outbox.put(draft, Lane.BACKFILL)
            blocks, samples = blocks + 1, samples + draft.samples
        return Refined(blocks, samples, left=False)


def _draft(block: Block) -> Draft:
    codes: U8 = block.codes
    return Draft(block.schema, block.t0_ms, block.step_ms, block.values, codes, stream=REFINED, floats=block.floats)
