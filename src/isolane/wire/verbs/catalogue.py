"""This file gathers the verbs; it guards that there is one list of what a gateway can be told to do."""

from types import MappingProxyType
from typing import Final

from isolane.wire.verbs.charger_get_configuration import CHARGER_GET_CONFIGURATION
from isolane.wire.verbs.charger_get_log import CHARGER_GET_LOG
from isolane.wire.verbs.charger_get_variables import CHARGER_GET_VARIABLES
from isolane.wire.verbs.charger_reset import CHARGER_RESET
from isolane.wire.verbs.charger_trigger_message import CHARGER_TRIGGER_MESSAGE
from isolane.wire.verbs.declaration import Declaration
from isolane.wire.verbs.freeze_clear import FREEZE_CLEAR
from isolane.wire.verbs.freeze_set import FREEZE_SET
from isolane.wire.verbs.gateway_restart import GATEWAY_RESTART
from isolane.wire.verbs.ledger import LEDGER
from isolane.wire.verbs.log_tail import LOG_TAIL
from isolane.wire.verbs.net_ping import NET_PING
from isolane.wire.verbs.net_trace import NET_TRACE
from isolane.wire.verbs.registers_read import REGISTERS_READ
from isolane.wire.verbs.snapshot_fetch import SNAPSHOT_FETCH
from isolane.wire.verbs.snapshot_take import SNAPSHOT_TAKE
from isolane.wire.verbs.source_restart import SOURCE_RESTART
from isolane.wire.verbs.status import STATUS
from isolane.wire.verbs.telemetry_refine import TELEMETRY_REFINE
from isolane.wire.verbs.telemetry_set_rate import TELEMETRY_SET_RATE

_ALL: Final = (
    STATUS,
    LEDGER,
    LOG_TAIL,
    REGISTERS_READ,
    NET_PING,
    NET_TRACE,
    SNAPSHOT_TAKE,
    SNAPSHOT_FETCH,
    TELEMETRY_REFINE,
    CHARGER_TRIGGER_MESSAGE,
    CHARGER_GET_LOG,
    CHARGER_GET_CONFIGURATION,
    CHARGER_GET_VARIABLES,
    TELEMETRY_SET_RATE,
    SOURCE_RESTART,
    GATEWAY_RESTART,
    CHARGER_RESET,
    FREEZE_SET,
    FREEZE_CLEAR,
)
VERBS: Final = MappingProxyType({each.name: each for each in _ALL})
"""All there are, by name, the gentlest class first; nothing adds to them at run time."""


def declared(name: str) -> Declaration:
    """Give a verb.

    Raises:
        ValueError: There is no such verb.
    """
    verb = VERBS.get(name)
    if verb is None:
        raise ValueError(f"{name[:64]!r} is no verb")
    return verb
