"""This file says how several workers split one broker's stream; it guards that none lacks what another was sent.

The broker gives each block, gap and statement to one of them, by an MQTT 5 shared subscription, and every schema and
anchor to all. A gateway sends those before the blocks that need them, and the broker keeps that order for each worker;
so none has to ask another, and one that came late asks the gateway, whose answer reaches all. Nothing else depends on
an order: what is committed twice counts once, and of two statements of the books the newer one stays.
"""

from isolane.wire.uplink import Up, up_filter


def shared_filters(share: str) -> list[str]:
    """Give what one of several workers subscribes to: schemas for itself, everything else shared."""
    return [up_filter(kind) if kind is Up.SCHEMA else f"$share/{share}/{up_filter(kind)}" for kind in Up]
