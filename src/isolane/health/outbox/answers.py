"""This file reads what the center says into keys; it guards that none, however odd, can raise or reach the file."""

import re

from isolane.health.outbox.records import Key
from isolane.wire.schema import ID_BYTES
from isolane.wire.uplink import Downlink

_NUMBER_MAX = 2**63 - 1
"""The greatest number the file can hold."""
_KEY = re.compile(r"([0-9]{1,19})/([0-9]{1,19})/([0-9]{1,19})")


def block_keys(downlink: Downlink) -> list[Key]:
    """Give each block that the center has committed or set aside as poison, once."""
    keys = [(ack.epoch, ack.stream, number) for ack in downlink.acks for number in ack.blocks]
    return _sane(keys + list(poison(downlink)))


def gap_keys(downlink: Downlink) -> list[Key]:
    """Give each gap record that the center has committed, once."""
    return _sane([(ack.epoch, ack.stream, number) for ack in downlink.acks for number in ack.gaps])


def poison(downlink: Downlink) -> dict[Key, str]:
    """Give the blocks that the center could not read, each with why."""
    told = ((_KEY.fullmatch(text), why) for text, why in downlink.poison.items())
    return {(int(key[1]), int(key[2]), int(key[3])): why for key, why in told if key is not None}


def schema_ids(downlink: Downlink) -> list[bytes]:
    """Give the ids of the schemas that the center wants."""
    ids = []
    for text in downlink.want:
        if len(text) == 2 * ID_BYTES:
            try:
                ids.append(bytes.fromhex(text))
            except ValueError:
                continue
    return [identity for identity in dict.fromkeys(ids) if len(identity) == ID_BYTES]


def _sane(keys: list[Key]) -> list[Key]:
    return [key for key in dict.fromkeys(keys) if all(0 <= number <= _NUMBER_MAX for number in key)]
