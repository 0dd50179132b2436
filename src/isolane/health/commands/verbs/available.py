"""This file says which verbs a gateway has; it guards that one whose means are not there is not there either."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from isolane.core.clock import Clock
from isolane.core.signals import Signal
from isolane.health.commands.limits import Limits
from isolane.health.commands.own_calls import OwnCalls
from isolane.health.commands.seen import Seen
from isolane.health.commands.uploads.doors import Doors
from isolane.health.commands.verb import Verb
from isolane.health.commands.verbs.charger_get_configuration import ChargerGetConfiguration
from isolane.health.commands.verbs.charger_get_log import ChargerGetLog, Keep
from isolane.health.commands.verbs.charger_get_variables import ChargerGetVariables
from isolane.health.commands.verbs.charger_reset import ChargerReset
from isolane.health.commands.verbs.charger_trigger_message import ChargerTriggerMessage
from isolane.health.commands.verbs.freeze import FreezeClear, FreezeSet
from isolane.health.commands.verbs.gateway_restart import GatewayRestart
from isolane.health.commands.verbs.ledger import Books, Ledger
from isolane.health.commands.verbs.log_tail import LogTail, Tail
from isolane.health.commands.verbs.net_ping import NetPing
from isolane.health.commands.verbs.net_trace import NetTrace
from isolane.health.commands.verbs.registers_read import ReadNow, RegistersRead
from isolane.health.commands.verbs.settings import NetTarget
from isolane.health.commands.verbs.snapshot_fetch import Fetch, SnapshotFetch
from isolane.health.commands.verbs.snapshot_take import SnapshotTake, Take
from isolane.health.commands.verbs.source_restart import Restart, SourceRestart
from isolane.health.commands.verbs.status import Facts, Status
from isolane.health.commands.verbs.telemetry_refine import Refine, TelemetryRefine
from isolane.health.commands.verbs.telemetry_set_rate import Rates, TelemetrySetRate


@dataclass(frozen=True, kw_only=True)
class Means:
    """What verbs reach; what is None or empty takes its verbs away.

    Attributes:
        clock: Both clocks.
        seen: Where the freeze is.
        limits: The site's, on disruption.
        facts: See `status`.
        books: See `ledger`.
        tail: See `log.tail`.
        rates: See `telemetry.set_rate`.
        refine: See `telemetry.refine`.
        restarts: By source; see `source.restart`.
        end: Has the process end in order.
        registers: By source, what it has and how to ask; see `registers.read`.
        targets: Of `net.ping` and `net.trace`.
        take: See `snapshot.take`.
        fetch: See `snapshot.fetch`.
        calls: To chargers.
        logs: Where chargers upload, and what becomes of it.
    """

    clock: Clock
    seen: Seen
    limits: Limits
    facts: Facts
    books: Books
    tail: Tail
    rates: Rates
    refine: Refine
    restarts: Mapping[str, Restart]
    end: Callable[[], None]
    registers: Mapping[str, tuple[Sequence[Signal], ReadNow]] = field(default_factory=dict)
    targets: Sequence[NetTarget] = ()
    take: Take | None = None
    fetch: Fetch | None = None
    calls: OwnCalls | None = None
    logs: tuple[Doors, Keep] | None = None


def available(means: Means) -> list[Verb[Any]]:
    """Give the verbs of a gateway."""
    verbs: list[Verb[Any]] = [
        Status(means.facts),
        Ledger(means.books),
        LogTail(means.tail),
        TelemetryRefine(means.refine),
        TelemetrySetRate(means.rates),
        SourceRestart(means.restarts),
        GatewayRestart(means.limits, means.end),
        FreezeSet(means.seen),
        FreezeClear(means.seen),
    ]
    if means.registers:
        verbs.append(RegistersRead(means.registers, means.clock))
    if means.targets:
        targets = {target.name: target for target in means.targets}
        verbs += [NetPing(targets), NetTrace(targets)]
    if means.take is not None:
        verbs.append(SnapshotTake(means.take))
    if means.fetch is not None:
        verbs.append(SnapshotFetch(means.fetch))
    if means.calls is not None:
        verbs += [ChargerTriggerMessage(means.calls), ChargerGetConfiguration(means.calls)]
        verbs += [ChargerGetVariables(means.calls), ChargerReset(means.calls, means.limits)]
        if means.logs is not None:
            verbs.append(ChargerGetLog(means.calls, *means.logs))
    return verbs
