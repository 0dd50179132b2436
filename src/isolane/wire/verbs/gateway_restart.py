"""This file declares the verb `gateway.restart`; it guards that it is the health process alone that ends."""

from typing import Final

from isolane.wire.verbs.declaration import Arguments, Declaration
from isolane.wire.verbs.interlock import Interlock


def _interlocks(arguments: Arguments) -> tuple[str, ...]:
    del arguments
    return Interlock.WINDOW.value, Interlock.PACE.value


GATEWAY_RESTART: Final = Declaration(
    name="gateway.restart",
    kind="R2",
    need=2,
    timeout_s=10.0,
    words="end the gateway's health process in order, to be started anew by its unit. Charging goes on: relay and tap"
    " are other processes.",
    interlocks=_interlocks,
    result="`ending`: it ends as soon as this receipt is stored",
)
