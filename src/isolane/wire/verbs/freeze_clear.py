"""This file declares the verb `freeze.clear`; it guards that it takes two people to begin again."""

from typing import Final

from isolane.wire.verbs.declaration import Declaration

FREEZE_CLEAR: Final = Declaration(
    name="freeze.clear",
    kind="R4",
    need=2,
    timeout_s=10.0,
    words="end the freeze: the gateway takes commands again.",
    result="`frozen`",
)
