"""This file declares the verb `freeze.set`; it guards that one person can stop everything but reading."""

from typing import Final

from isolane.wire.verbs.declaration import Declaration

FREEZE_SET: Final = Declaration(
    name="freeze.set",
    kind="R4",
    need=1,
    timeout_s=10.0,
    words="freeze the gateway: it refuses every command but reading until two people clear it. Charging goes on.",
    result="`frozen`: everything but reading and clearing is refused, across restarts",
)
