"""This file words the center's answers; it guards that only what is committed is acknowledged.

It is pure: what was stored goes in, `Downlink` comes out.
"""

from collections.abc import Collection, Iterable

from isolane.center.ingest.read import AnchorArrival, Arrival
from isolane.center.store.port import BlockArrival, GapArrival, PaperArrival, PoisonArrival
from isolane.wire.uplink import VERSION, Ack, Downlink


def answer(arrival: Arrival, unknown_schemas: Collection[bytes]) -> Downlink:
    """Answer one message that is committed now.

    Args:
        arrival: What was committed.
        unknown_schemas: Ids that the center cannot read yet.
    """
    if isinstance(arrival, BlockArrival):
        key, schema = arrival.block.key, arrival.block.schema
        want = (schema.hex(),) if schema in unknown_schemas else ()
        return Downlink(VERSION, (Ack(key.epoch, key.stream, blocks=(key.sequence,)),), want)
    if isinstance(arrival, PaperArrival):
        key = arrival.paper.key
        return Downlink(VERSION, (Ack(key.epoch, key.stream, blocks=(key.sequence,)),))
    if isinstance(arrival, GapArrival):
        gap = arrival.gap
        return Downlink(VERSION, (Ack(gap.epoch, gap.stream, gaps=(gap.first,)),))
    if isinstance(arrival, AnchorArrival) and arrival.wanted:
        return Downlink(VERSION, want=(arrival.wanted,))
    if isinstance(arrival, PoisonArrival) and arrival.key:
        return Downlink(VERSION, poison={arrival.key: arrival.reason})
    return Downlink(VERSION)


def merge(answers: Iterable[Downlink]) -> Downlink:
    """Put several answers to one gateway into one."""
    blocks: dict[tuple[int, int], list[int]] = {}
    gaps: dict[tuple[int, int], list[int]] = {}
    want: dict[str, None] = {}
    poison: dict[str, str] = {}
    for one in answers:
        for ack in one.acks:
            blocks.setdefault((ack.epoch, ack.stream), []).extend(ack.blocks)
            gaps.setdefault((ack.epoch, ack.stream), []).extend(ack.gaps)
        want.update(dict.fromkeys(one.want))
        poison.update(one.poison)
    acks = tuple(
        Ack(epoch, stream, tuple(blocks[epoch, stream]), tuple(gaps[epoch, stream])) for epoch, stream in blocks
    )
    return Downlink(VERSION, acks, tuple(want), poison)
