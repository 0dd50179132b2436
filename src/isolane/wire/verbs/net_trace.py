"""This file declares the verb `net.trace`; it guards that only targets of the site's settings are asked."""

from typing import Annotated, Final

import msgspec

from isolane.wire.verbs.declaration import Arguments, Declaration, Part


class NetTraceArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which target, and how far."""

    target: Annotated[Part, msgspec.Meta(description="Name of a target of the gateway's settings, not an address")]
    hops: Annotated[int, msgspec.Meta(ge=1, le=30, description="How many hops at most, 1 to 30")] = 20


def _told(arguments: NetTraceArguments) -> str:
    return f"target {arguments.target}, up to {arguments.hops} hops"


NET_TRACE: Final = Declaration(
    name="net.trace",
    kind="R0",
    need=1,
    arguments=NetTraceArguments,
    timeout_s=90.0,
    words="see by which way a target that the site's settings name is reached. It changes nothing.",
    told=_told,
    result="`address`; `hops`, each with `ttl`, `by` (an address, null where nobody answered), `ms`; `reached`",
)
