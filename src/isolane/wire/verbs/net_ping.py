"""This file declares the verb `net.ping`; it guards that only targets of the site's settings are asked."""

from typing import Annotated, Final

import msgspec

from isolane.wire.verbs.declaration import Arguments, Declaration, Part


class NetPingArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which target, and how often."""

    target: Annotated[Part, msgspec.Meta(description="Name of a target of the gateway's settings, not an address")]
    count: Annotated[int, msgspec.Meta(ge=1, le=10, description="How often, 1 to 10")] = 3


def _told(arguments: NetPingArguments) -> str:
    return f"target {arguments.target}, {arguments.count} times"


NET_PING: Final = Declaration(
    name="net.ping",
    kind="R0",
    need=1,
    arguments=NetPingArguments,
    timeout_s=60.0,
    words="see whether a target that the site's settings name can be reached, and how fast. It changes nothing.",
    told=_told,
    result="`address`; `echo`, ms of each ICMP echo, null where none came, or absent where the system allows none; "
    "`connect`, ms of each TCP connection where the target has a port, or why there was none",
)
