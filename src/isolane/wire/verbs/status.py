"""This file declares the verb `status`; it guards that it is one that only reads."""

from typing import Final

from isolane.wire.verbs.declaration import Declaration

STATUS: Final = Declaration(
    name="status",
    kind="R0",
    need=1,
    timeout_s=5.0,
    words="read how the gateway is: release, uptime, sources, links, outbox. It changes nothing.",
    result="how the gateway is",
)
