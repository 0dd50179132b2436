"""This file defines every fact that may leave the tap; it guards that nothing else can.

Constraints: the fields below are the allow-list. A text field holds a member of an OCPP enumeration, a device-model
    name or a version string checked against a small alphabet, never free text, idTag, idToken, eMAID, EVCCID, URL or
    key. A transaction is named by a keyed pseudonym whose key stays in the tap. Packets are JSON, one SEQPACKET
    packet each, sent without waiting; `lost` counts events that the health process did not take since the last packet
    that got through.
"""

from enum import StrEnum

import msgspec

PACKET_BYTES_MAX = 65_536


class Event(msgspec.Struct, frozen=True, tag_field="type", forbid_unknown_fields=True):
    """What every fact carries: whose it is and when the relay read it (CLOCK_MONOTONIC, ns)."""

    charger: str
    mono_ns: int


class Connected(Event, frozen=True, tag="connected"):
    """The charger's connection was answered with 101. `ocpp` is its subprotocol, "" for none, "other" if unknown.

    `mono_ns` is when it was answered, so the same fact told again after a restart of the tap or of the reader is equal.
    """

    ocpp: str
    secure: bool


class Disconnected(Event, frozen=True, tag="disconnected"):
    """The connection ended. `by` is "charger", "csms", or "relay" where the relay went away or its CLOSE was lost.

    `code` is the WebSocket close code seen, or None. For one charger, Connected and Disconnected alternate.
    """

    by: str
    code: int | None


class Booted(Event, frozen=True, tag="booted"):
    """BootNotification: what the charger says it is."""

    vendor: str
    model: str
    firmware: str


class StatusChanged(Event, frozen=True, tag="status"):
    """StatusNotification. `status` and `error_code` as OCPP spells them; 1.6 connector n is evse n, connector 1."""

    evse: int
    connector: int
    status: str
    error_code: str = ""
    vendor_error_code: str = ""


class MeterValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sampled value: measurand, phase, location and unit as OCPP spells them, "" where left out."""

    measurand: str
    phase: str
    location: str
    unit: str
    value: float


class Metered(Event, frozen=True, tag="metered"):
    """MeterValues, or the meter values inside a transaction message.

    `sampled_utc_ms` is the charger's own timestamp of these values, ms since 1970, or None where it gave none that can
    be read. A charger that was offline sends old values: who needs fresh ones compares it with the clock.
    """

    evse: int
    values: tuple[MeterValue, ...]
    sampled_utc_ms: int | None = None


class TransactionChanged(Event, frozen=True, tag="transaction"):
    """A transaction was "started", "updated" or "ended"; `reason` is OCPP's stop reason, `pseudonym` 16 hex digits.

    `evse` is 0 where the message does not say it and no earlier one did. `trigger` (triggerReason) and
    `charging_state` are OCPP 2.x only, "" otherwise.
    """

    evse: int
    phase: str
    pseudonym: str
    reason: str = ""
    trigger: str = ""
    charging_state: str = ""


class Called(Event, frozen=True, tag="called"):
    """A CALL went by, of "charger" or "csms"; its answer has not. It goes out at once, others in a packet with it."""

    by: str


class Answered(Event, frozen=True, tag="answered"):
    """A CALL got its answer.

    `by` is who answered, `outcome` "result" or OCPP's error code, `latency_ms` as the relay saw it.
    """

    action: str
    by: str
    latency_ms: float
    outcome: str


class Monitored(Event, frozen=True, tag="monitored"):
    """NotifyEvent: one variable of the device model with a number, boolean or enumeration member as its value.

    Both names carry their instance as signal keys do, ``TemperatureSensor[Handle]``; a boolean is 1 or 0.
    """

    evse: int
    connector: int
    component: str
    variable: str
    value: float | str


class Unread(Event, frozen=True, tag="unread"):
    """The tap could not read something.

    `reason` is "copies-lost", "compressed", "malformed-frame", "malformed-json", "ambiguous-json" or "oversize".
    """

    reason: str
    count: int


class SecurityKind(StrEnum):
    """What may be an attack or a misuse; docs/reference/security-events.md says what to do about each."""

    AMBIGUOUS_JSON = "ambiguous-json"
    MALFORMED_MESSAGE = "malformed-message"
    RECONFIGURATION = "reconfiguration-of-security-parameters"
    MASS_CONTROL = "mass-control"
    METER_REGRESS = "meter-regress"
    FOREIGN_TRANSACTION = "foreign-transaction"


class SecurityEvent(Event, frozen=True, tag="security"):
    """Something happened that may be an attack, `count` times since it was last told; `mono_ns` is the last time.

    It says nothing of the charger's state.
    """

    kind: SecurityKind
    count: int


AnyEvent = (
    Connected
    | Disconnected
    | Booted
    | StatusChanged
    | Metered
    | TransactionChanged
    | Called
    | Answered
    | Monitored
    | Unread
    | SecurityEvent
)


class Packet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one SEQPACKET packet carries. `lost` counts whole events."""

    version: int
    lost: int
    events: tuple[AnyEvent, ...]


_decoder = msgspec.json.Decoder(Packet)
_encoder = msgspec.json.Encoder()


def encode(packet: Packet) -> bytes:
    """Give the packet's JSON."""
    return _encoder.encode(packet)


def decode(data: bytes) -> Packet:
    """Read one packet.

    Raises:
        ValueError: It is not a packet of version 1 (`msgspec.ValidationError` is a ValueError).
    """
    packet = _decoder.decode(data)
    if packet.version != 1:
        raise ValueError(f"tap event packet version {packet.version}; tap and health are of different releases")
    return packet
