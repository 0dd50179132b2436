"""This file gathers the verbs; it guards that there is one list of what a gateway can be told to do."""

from types import MappingProxyType
from typing import Final

from isolane.wire.verbs.declaration import Declaration
from isolane.wire.verbs.freeze_clear import FREEZE_CLEAR
from isolane.wire.verbs.freeze_set import FREEZE_SET
from isolane.wire.verbs.ledger import LEDGER
from isolane.wire.verbs.status import STATUS

VERBS: Final = MappingProxyType({each.name: each for each in (STATUS, LEDGER, FREEZE_SET, FREEZE_CLEAR)})
"""All there are, by name; nothing adds to them at run time."""


def declared(name: str) -> Declaration:
    """Give a verb.

    Raises:
        ValueError: There is no such verb.
    """
    verb = VERBS.get(name)
    if verb is None:
        raise ValueError(f"{name[:64]!r} is no verb")
    return verb
