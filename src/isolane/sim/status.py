"""This file tells a terminal view how the simulation stands; it guards that a reader never sees half a status.

One JSON document, replaced each second.
"""

import msgspec

from isolane.sim.chargers.charger import Charger
from isolane.sim.csms.central import CentralSystem
from isolane.sim.records import utc_now


class ChargerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One charger.

    Attributes:
        id: Identity.
        online: Whether its CSMS has accepted its boot on the present connection.
        phase: available, preparing, charging or finishing.
        problem: Whether something limits charging.
        power_w: Power to the vehicle.
        session_wh: Energy of the running transaction.
        register_wh: Billing register.
        hottest_c: Hottest contact of the connector, as its sensor shows it.
        transactions_done: Transactions whose end the CSMS has answered.
        unanswered: Transaction messages that wait.
        readings_dropped: Meter values that a full queue had no room for.
        connects: Connections made so far.
    """

    id: str
    online: bool
    phase: str
    problem: bool
    power_w: int
    session_wh: int
    register_wh: int
    hottest_c: float
    transactions_done: int
    unanswered: int
    readings_dropped: int
    connects: int


class ChargersStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The process `chargers`."""

    utc: str
    simulated_s: float
    chargers: list[ChargerStatus]
    running: int
    transactions_done: int
    role: str = "chargers"


class CsmsStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The process `csms`.

    Attributes:
        utc: When.
        connected: Identities.
        statuses: Last connector status by identity.
        problems: Identities that say that something limits them.
        open: Bills that are not closed.
        closed: Bills that are closed.
        billed_wh: Sum of the closed ones.
        repeats: Messages that came twice and were billed once.
        orphans: Ends without a start.
        connects: Connections accepted so far.
        role: Always "csms".
    """

    utc: str
    connected: list[str]
    statuses: dict[str, str]
    problems: list[str]
    open: int
    closed: int
    billed_wh: int
    repeats: int
    orphans: int
    connects: int
    role: str = "csms"


def chargers_status(chargers: list[Charger], simulated_s: float) -> ChargersStatus:
    """Take stock of the chargers."""
    each = [_charger_status(charger) for charger in chargers]
    return ChargersStatus(
        utc=utc_now(),
        simulated_s=round(simulated_s, 1),
        chargers=each,
        running=sum(one.phase == "charging" for one in each),
        transactions_done=sum(one.transactions_done for one in each),
    )


def csms_status(central: CentralSystem) -> CsmsStatus:
    """Take stock of the CSMS."""
    billed = [bill.billed_wh for bill in central.ledger]
    closed = [wh for wh in billed if wh is not None]
    return CsmsStatus(
        utc=utc_now(),
        connected=central.connected,
        statuses=dict(central.statuses),
        problems=sorted(charger for charger, problem in central.problems.items() if problem),
        open=len(billed) - len(closed),
        closed=len(closed),
        billed_wh=sum(closed),
        repeats=central.ledger.repeats,
        orphans=central.ledger.orphans,
        connects=central.connects,
    )


def _charger_status(charger: Charger) -> ChargerStatus:
    station = charger.bay.station
    contacts = [value for key, value in charger.readings.items() if "/TemperatureSensor[Contact" in key]
    return ChargerStatus(
        id=charger.identity,
        online=charger.link.online,
        phase=charger.phase.name.lower(),
        problem=station.problem,
        power_w=round(station.power_w),
        session_wh=charger.charged_wh,
        register_wh=station.register.wh,
        hottest_c=max(contacts, default=0.0),
        transactions_done=charger.transactions_done,
        unanswered=len(charger.outbox),
        readings_dropped=charger.outbox.readings_dropped,
        connects=charger.link.connects,
    )
