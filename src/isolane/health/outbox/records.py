"""This file defines what passes into the outbox and out of it; it guards that neither side sees how it is stored."""

from dataclasses import dataclass, field

from isolane.health.outbox.lanes import Lane
from isolane.wire.block import I64, U8, Block, BlockKey, Mask, Thinned, thinned_away
from isolane.wire.paper import PAPERS, Paper
from isolane.wire.uplink import Up

Key = tuple[int, int, int]
"""(epoch, stream, sequence); of a gap the first sequence number lost."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A block that has no number yet.

    Attributes:
        schema: Id of the schema, 8 bytes.
        t0_ms: UTC of the first row, ms.
        step_ms: From row to row, ms.
        values: Scaled integers or, in columns of floats, bit patterns; shape (columns, rows).
        codes: Quality codes, same shape.
        thinned: Samples that were taken and are not among its own: they lie within the bound of what it says. They
            are produced with it, stay in the account "thinned", and are lost with it if it is lost.
        way: How it was thinned, if its codes mark samples that were thinned away.
        stream: Number of the stream it belongs to; the outbox knows it from `learn`.
        floats: The columns of floats, shape (columns,); None if there are none.
        whole: The block at full rate that it was made of, if it is thinned; of several made of one only the first.
    """

    schema: bytes
    t0_ms: int
    step_ms: int
    values: I64
    codes: U8
    thinned: int = 0
    way: Thinned | None = None
    stream: int = 0
    floats: Mask | None = None
    whole: "Draft | None" = None

    @property
    def samples(self) -> int:
        """How many samples it holds."""
        return int(self.values.size) - (0 if self.way is None else thinned_away(self.codes))

    def block(self, key: BlockKey) -> Block:
        """Give the block it becomes under a key."""
        return Block(key, self.schema, self.t0_ms, self.step_ms, self.values, self.codes, self.way, self.floats)

    @property
    def produced(self) -> int:
        """How many samples it accounts for, those it stands for included."""
        return self.samples + self.thinned

    @property
    def end_ms(self) -> int:
        """UTC after its last row, ms."""
        return self.t0_ms + self.step_ms * int(self.values.shape[1])


@dataclass(frozen=True, slots=True)
class Sheet:
    """A paper that has no number yet. It is stored as a block is, and so has a block's words; it counts as one sample.

    Attributes:
        kind: What the body is; see `wire.paper`.
        body: Its bytes.
        t0_ms: UTC at which it was written, ms.
    """

    kind: str
    body: bytes
    t0_ms: int
    stream: int = PAPERS
    schema: bytes = b""
    samples: int = 1
    thinned: int = 0
    produced: int = 1

    @property
    def end_ms(self) -> int:
        """UTC after it, ms."""
        return self.t0_ms

    def paper(self, key: BlockKey) -> Paper:
        """Give the paper it becomes under a key."""
        return Paper(key, self.t0_ms, self.kind, self.body)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as a link sends it.

    Attributes:
        kind: Decides topic or path.
        data: The bytes.
        key: Of a block, paper or gap; (0, 0, 0) for the others.
        schema: Id of the schema a block needs, or that a schema is.
    """

    kind: Up
    data: bytes
    key: Key = (0, 0, 0)
    schema: bytes = b""


@dataclass(slots=True)
class Tally:
    """The books of all epochs together, in samples, and what waits; `produced` is always the sum of the others."""

    produced: int = 0
    acknowledged: int = 0
    queued: int = 0
    thinned: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    blocks_queued: int = 0
    bytes_by_lane: dict[Lane, int] = field(default_factory=dict)
    gaps_queued: int = 0
    missed: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    """Blocks and samples that each link never got, by link and reason."""

    @property
    def bytes_queued(self) -> int:
        """How much of the outbox's bound is in use."""
        return sum(self.bytes_by_lane.values())

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not (self.blocks_queued or self.gaps_queued)


@dataclass(slots=True)
class Troubles:
    """What went wrong with the outbox since the process started, counted."""

    quarantined: int = 0
    """Damaged files that were set aside."""
    salvaged_blocks: int = 0
    """Blocks that were whole in those and are queued again."""
    write_failures: int = 0
    """Transactions the disk refused."""
    corrupt_blocks: int = 0
    """Blocks that no longer fitted their checksum."""
    poisoned_blocks: int = 0
    """Blocks the center set aside because it could not read them; they count as acknowledged."""
    unknown_acks: int = 0
    """Acknowledgements of what is not here: duplicates, late ones, or made up."""
