"""This file is a simulated charger as a whole; it guards that the journal knows before the CSMS does."""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from isolane.sim.chargers.bay import Bay, BayEvent, Phase
from isolane.sim.chargers.dialect import Dialect, Transaction
from isolane.sim.chargers.journal import JournalEvent, JournalLine
from isolane.sim.chargers.link import Link, Reach
from isolane.sim.chargers.outbox import Outbox, Outgoing
from isolane.sim.modbus.server import ModbusFront
from isolane.sim.records import RecordFile, utc_now


class Charger:
    """One charger: bay, dialect, link, Modbus units, journal.

    Args:
        identity: Its OCPP identity.
        bay: Where cars come and go.
        dialect: Its OCPP version.
        reach: How it gets to the CSMS.
        front: Its Modbus server.
        show: Brings the Modbus registers up to date.
        read: Reads its sensors.
        journal: Where it writes what it metered.
    """

    def __init__(
        self,
        identity: str,
        *,
        bay: Bay,
        dialect: Dialect,
        reach: Reach,
        front: ModbusFront,
        show: Callable[[Mapping[str, float]], None],
        read: Callable[[], Mapping[str, float]],
        journal: RecordFile,
    ) -> None:
        self.identity = identity
        self.bay = bay
        self.front = front
        self.outbox = Outbox()
        self.transactions_done = 0
        self.readings: Mapping[str, float] = {}
        self._dialect = dialect
        self._show = show
        self._read = read
        self._journal = journal
        self._transaction: Transaction | None = None
        self._problem = False
        self._background: set[asyncio.Task[None]] = set()
        self.link = Link(
            identity,
            reach,
            dialect,
            self.outbox,
            handlers=dialect.handlers(self),
            on_online=self._online,
            on_dropped=self._dropped,
        )

    def tick(self, simulated_s: float, real_s: float) -> None:
        """Let time pass: cars, heat, registers, messages."""
        for event in self.bay.advance(simulated_s, real_s):
            self._take(event)
        self.readings = self._read()
        self._show(self.readings)
        if self.bay.station.problem is not self._problem:
            self._problem = self.bay.station.problem
            self._say_problem()

    def close(self) -> None:
        """End the running transaction; no car comes any more."""
        for event in self.bay.close():
            self._take(event)

    @property
    def charged_wh(self) -> int:
        """Energy of the running transaction."""
        return self.bay.station.register.wh - self._transaction.start_wh if self._transaction else 0

    # Orders of the CSMS; see `dialect.Orders`.

    def start(self, token: str) -> bool:
        """Begin a transaction for this token."""
        return self.bay.request_start(token)

    def stop(self, transaction: str) -> bool:
        """End this transaction."""
        running = self._transaction
        if running is None or transaction not in {running.ref, str(running.number)}:
            return False
        return self.bay.request_stop("Remote")

    def reset(self) -> None:
        """End what is running and connect anew."""
        self.bay.request_stop("SoftReset")
        task = asyncio.get_running_loop().create_task(self._reconnect())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def say(self, what: str) -> bool:
        """Send one message of a kind."""
        if what == "meter" and self._transaction is not None:
            event = BayEvent("metered", self.bay.station.register.wh, readings=self._read())
            self.outbox.put(self._dialect.metered(self._transaction, event))
        elif what == "boot":
            self.outbox.put(self._dialect.boot())
        elif what == "heartbeat":
            self.outbox.put(self._dialect.heartbeat())
        elif what == "status":
            self._say_status()
        else:
            return False
        return True

    async def _reconnect(self) -> None:
        await asyncio.sleep(1.0)  # the answer to the reset goes out first
        await self.link.drop()

    def _take(self, event: BayEvent) -> None:
        if self._transaction is not None:
            self._transaction.offline = not self.link.online
        if event.kind == "plugged":
            self._ask(event.token)
        elif event.kind == "started":
            self._begin(event)
        elif event.kind == "metered" and self._transaction is not None:
            self.outbox.put(self._dialect.metered(self._transaction, event))
        elif event.kind == "stopped" and self._transaction is not None:
            self._end(self._transaction, event)
        if event.kind != "metered":
            self._say_status()

    def _ask(self, token: str) -> None:
        if not self.link.online:
            self.bay.authorise(accepted=True)
            return
        request = self._dialect.authorise(token)
        request.answered = lambda answer: self.bay.authorise(accepted=self._dialect.accepted(answer))
        request.lost = lambda: self.bay.authorise(accepted=True)
        self.outbox.put(request)

    def _begin(self, event: BayEvent) -> None:
        transaction = Transaction(
            ref=str(uuid.uuid4()),
            token=event.token,
            start_wh=event.wh,
            started_utc=utc_now(),
            offline=not self.link.online,
        )
        self._transaction = transaction
        known = transaction.ref if self._dialect.own_ids else None
        self._note("started", transaction.ref, wh=event.wh, transaction=known)
        message = self._dialect.started(transaction, event)
        message.answered = lambda answer: self._numbered(transaction, answer)
        self.outbox.put(message)

    def _numbered(self, transaction: Transaction, answer: Mapping[str, Any]) -> None:
        if not self._dialect.own_ids:
            transaction.number = self._dialect.number(answer)
            self._note("numbered", transaction.ref, transaction=str(transaction.number))

    def _end(self, transaction: Transaction, event: BayEvent) -> None:
        self._transaction = None
        self._note("stopped", transaction.ref, wh=event.wh)
        message = self._dialect.stopped(transaction, event, event.reason or "Local")
        message.answered = lambda _answer: self._billed()
        self.outbox.put(message)

    def _billed(self) -> None:
        self.transactions_done += 1

    def _dropped(self, message: Outgoing) -> None:
        self._note("dropped", message.unique_id, detail=message.action)

    def _online(self) -> None:
        self._say_status()

    def _say_status(self) -> None:
        if self.link.online:
            self.outbox.put(self._dialect.status(self.bay.phase, problem=self._problem))

    def _say_problem(self) -> None:
        message = self._dialect.problem(self.readings, problem=self._problem)
        if message is not None and self.link.online:
            self.outbox.put(message)
        self._say_status()

    def _note(
        self,
        event: JournalEvent,
        ref: str,
        *,
        wh: int | None = None,
        transaction: str | None = None,
        detail: str = "",
    ) -> None:
        self._journal.append(
            JournalLine(
                event=event,
                charger=self.identity,
                ref=ref,
                utc=utc_now(),
                wh=wh,
                transaction=transaction,
                detail=detail,
            )
        )

    @property
    def phase(self) -> Phase:
        """Where its bay is."""
        return self.bay.phase
