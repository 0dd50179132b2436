"""This file tests that nothing personal leaves the tap, over the real process and real sockets.

Every field of every OCPP message holds a canary, and so does everything around the messages. What comes out is searched
as bytes: event packets, standard output and error at debug level, the metrics page, the files of the run folder.
"""

import json
import socket
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Opcode

from isolane.wire import tap_event as ev
from isolane.wire.tap_copy import Direction
from support.ocpp_canaries import STYLES, Canaries, payloads
from support.tap_process import Health, Tap, running, wait_until
from support.tap_traffic import Leg, control, deflate, message

CHARGER, CSMS = Direction.FROM_CHARGER, Direction.FROM_CSMS
SUBPROTOCOLS = {"v16": "ocpp1.6", "v201": "ocpp2.0.1", "v21": "ocpp2.1"}
MAY_PASS = ("chargePointVendor", "chargePointModel", "vendorName", "chargingStation.model", "firmwareVersion")
"""What a charger is. Everything else that holds a canary ends in the tap."""
NUMBERED_VARIABLES = (("TokenReader", "Token"), ("ConnectedEV", "VehicleId"), ("DataLink", "ICCID"), ("EVSE", "EvseId"))


class Wire:
    """A charger's connection through a relay that never loses a copy."""

    def __init__(self, sock: socket.socket, leg: Leg) -> None:
        self._sock = sock
        self._leg = leg
        self._ways: dict[Direction, PerMessageDeflate | None] = {
            direction: deflate(takeover=True) if leg.extensions else None for direction in Direction
        }
        self.sent = 0
        sock.send(leg.opened())

    def says(self, direction: Direction, text: bytes, *, opcode: Opcode = Opcode.TEXT) -> None:
        """Send one message in two fragments."""
        masked = direction is CHARGER
        frames = message(text, masked=masked, extension=self._ways[direction], cuts=[len(text) // 2], opcode=opcode)
        for frame in frames:
            self.raw(direction, frame)
        self.sent += opcode is Opcode.TEXT

    def raw(self, direction: Direction, data: bytes) -> None:
        """Send bytes, 60,000 in a copy."""
        for start in range(0, len(data), 60_000):
            self._sock.send(self._leg.data(direction, data[start : start + 60_000], None if start else 0))

    def close(self) -> None:
        """Tell the end."""
        self._sock.send(self._leg.closed(CSMS, cause="reset"))


def array(*members: object) -> bytes:
    return json.dumps(members).encode()


def tell_every_message(wire: Wire, version: str, canaries: Canaries) -> None:
    """Send each request in both directions and each response to the request of its name."""
    requests: dict[str, tuple[str, Any]] = {}
    for action, is_request, payload in payloads(version, canaries):
        identity = canaries.make(f"{action} id")
        for caller in Direction if is_request else ():
            wire.says(caller, array(2, identity, action, payload))
            wire.says(Direction(1 - caller), array(3, identity, {}))
        if is_request:
            requests[action] = (identity, payload)
        elif action in requests:
            identity, request = requests[action]
            for caller in Direction:
                wire.says(caller, array(2, identity, action, request))
                wire.says(Direction(1 - caller), array(3, identity, payload))


def tell_what_is_around_messages(wire: Wire, canaries: Canaries) -> None:
    """Send canaries where no schema has a field."""
    make = canaries.make
    wire.says(CHARGER, array(2, make("id"), make("action"), {make("key"): make("value")}))
    wire.says(CHARGER, array(2, "e", "Heartbeat", {}))
    wire.says(CSMS, array(4, "e", make("code"), make("description"), {make("detail"): make("detail")}))
    wire.says(CSMS, array(5, "e", make("code"), make("description"), {make("detail"): make("detail")}))
    wire.says(CHARGER, array(6, make("id"), "NotifyPeriodicEventStream", {"data": make("data")}))
    tag = make("malformed").encode()
    for text in (
        tag,
        b'[2,"1","StartTransaction",{"idTag":"' + tag + b'"',
        b'[2,"1","StatusNotification",{"connectorId":1,"idTag":"' + tag + b'","idTag":"' + tag + b'"}]',
        b'[2,"1","StatusNotification",' + b'{"' + tag + b'":' * 20_000 + b"1" + b"}" * 20_000 + b"]",
        b'[2,"1","StatusNotification",{"' + tag + b'":1e999}]',
        b'[2,"1","StatusNotification",{"' + tag + b'":"\\ud800"}]',
        b'[2,"1","StatusNotification",{"' + tag + b'":"\xff"}]',
        b'[2,"' + tag + b'","StatusNotification",["' + tag + b'"]]',
    ):
        wire.says(CHARGER, text)
    wire.says(CHARGER, tag, opcode=Opcode.BINARY)
    for component, variable in NUMBERED_VARIABLES:
        data = {
            "component": {"name": component, "evse": {"id": 1}},
            "variable": {"name": variable},
            "actualValue": make(variable),
        }
        wire.says(CHARGER, array(2, "n", "NotifyEvent", {"eventData": [data]}))
    wire.raw(CHARGER, control(Opcode.PING, make("ping").encode(), masked=True))
    wire.raw(CSMS, control(Opcode.CLOSE, b"\x03\xe8" + make("close reason").encode(), masked=False))
    wire.raw(CHARGER, b"\xf7" + make("malformed frame").encode())


def searched(tap: Tap, health: Health, page: str) -> dict[str, bytes]:
    """Give everything that leaves the process, by where it leaves."""
    outside = {"events": b"\n".join(health.packets), "output": tap.output.read_bytes(), "metrics": page.encode()}
    for file in tap.run_dir.rglob("*"):
        outside[file.name] = str(file).encode() + (file.read_bytes() if file.is_file() else b"")
    return outside


def found(canaries: Canaries, outside: dict[str, bytes]) -> set[str]:
    lowered = {where: text.lower() for where, text in outside.items()}
    return {
        f"{where}: {place}"
        for canary, place in canaries.places.items()
        for where, text in lowered.items()
        if canary.lower().encode() in text
    }


@pytest.mark.parametrize("extensions", ["", "permessage-deflate"])
@pytest.mark.parametrize("style", STYLES)
def test_no_canary_leaves_the_tap(style: str, extensions: str, tmp_path: Path) -> None:
    every = [Canaries(style, strict=strict) for strict in (True, False)]
    with running(tmp_path) as (tap, health):
        with tap.relay() as sock:
            sent, numbers = 0, count(1)
            for canaries in every:
                for version, subprotocol in SUBPROTOCOLS.items():
                    leg = Leg(f"{version}-{canaries.strict}", next(numbers), subprotocol, extensions)
                    wire = Wire(sock, leg)
                    tell_every_message(wire, version, canaries)
                    tell_what_is_around_messages(wire, canaries)
                    wire.close()
                    sent += wire.sent
                stranger = Leg("stranger", next(numbers), canaries.make("subprotocol"), canaries.make("extensions"))
                Wire(sock, stranger).close()
            wait_until(lambda: tap.metric("isolane_tap_messages_total") == sent, f"all {sent} messages are read")
            health.wait_for(
                lambda events: sum(isinstance(event, ev.Disconnected) for event in events) == 2 * len(SUBPROTOCOLS) + 2,
                "all events are taken",
            )
            wait_until(lambda: tap.metric("isolane_tap_events_queued") == 0, "nothing waits")
        page = tap.page()
        assert tap.metric("isolane_tap_crashes_total") == 0
        assert tap.metric("isolane_tap_copies_bad_total") == 0
        assert tap.metric("isolane_tap_events_lost_total") == 0
        assert tap.metric('isolane_tap_unread_total{reason="ambiguous-json"}') > 0
        assert tap.stop() == 0
        outside = searched(tap, health, page)
        events = health.events
    for canaries in every:
        leaked = {each for each in found(canaries, outside) if not each.endswith(MAY_PASS)}
        assert not leaked
    assert_that_facts_did_pass(every, outside, events)


def assert_that_facts_did_pass(every: list[Canaries], outside: dict[str, bytes], events: list[ev.AnyEvent]) -> None:
    """A tap that lets nothing pass would keep every canary too."""
    passed = {each.partition(": ")[2] for canaries in every for each in found(canaries, outside)}
    assert passed == {
        "v16/BootNotification.chargePointVendor",
        "v16/BootNotification.chargePointModel",
        "v16/BootNotification.firmwareVersion",
        *(
            f"{version}/BootNotificationRequest.chargingStation.{name}"
            for version in ("v201", "v21")
            for name in ("vendorName", "model", "firmwareVersion")
        ),
    }
    kinds = {type(event) for event in events}
    assert kinds >= {
        ev.Booted,
        ev.StatusChanged,
        ev.Metered,
        ev.TransactionChanged,
        ev.Answered,
        ev.Connected,
        ev.Unread,
        ev.SecurityEvent,
    }
    assert {event.action for event in events if isinstance(event, ev.Answered)} > {"Authorize", "DataTransfer"}
