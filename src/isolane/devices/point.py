"""This file defines what a template says; it guards that a point always has a unit, a resolution and a source.

Addresses are protocol addresses, counted from 0. For SunSpec the address of a point with a `model` counts from
the model's id register, which is where the walk along the model chain finds it.
"""

from typing import Annotated, Literal

import msgspec

UNITS = frozenset(
    "A V W Wh VA VAh var varh Hz Celsius K Percent RH RPM Ohm s dBm Deg N ms2 lpm".split()  # noqa: SIM905 - one word a unit
) | {""}
"""OCPP's units, and lpm (litres a minute) for coolant; "" for a count, a state or a boolean."""

Table = Literal["holding", "input", "coil", "discrete"]
Kind = Literal["u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "bit"]
Group = Literal["fast", "slow"]
Wire = Literal["tcp", "rtu"]

WORDS: dict[str, int] = {"bit": 1, "u16": 1, "i16": 1, "u32": 2, "i32": 2, "f32": 2, "u64": 4, "i64": 4, "f64": 4}
"""Registers (or bits) that a type takes."""

SERIAL = r"^([0-9]{3,6} 8[NEO][12])?$"
"""Bits per second, then data bits, parity and stop bits."""

BIT_TABLES = ("coil", "discrete")


class Page(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The public document the facts come from."""

    title: Annotated[str, msgspec.Meta(description="Title and version of the maker's document", min_length=1)]
    url: Annotated[str, msgspec.Meta(description="Where it can be read", min_length=1)]


class SunSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to find the models of a SunSpec device."""

    bases: Annotated[
        tuple[int, ...], msgspec.Meta(description="Addresses where the map may begin, tried in order", min_length=1)
    ] = (40_000, 50_000, 0)
    models: Annotated[tuple[int, ...], msgspec.Meta(description="Model numbers that the points need", min_length=1)]


class Identity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text by which the device names itself; read once per connection and logged, never a signal."""

    name: Annotated[str, msgspec.Meta(description="For example vendor, model, serial, firmware", min_length=1)]
    address: Annotated[int, msgspec.Meta(description="First register, see the top of this file", ge=0, le=65_535)]
    words: Annotated[int, msgspec.Meta(description="Registers, two characters each", ge=1, le=64)]
    table: Annotated[Table | None, msgspec.Meta(description="Register table; the template's if absent")] = None
    model: Annotated[int, msgspec.Meta(description="SunSpec model it is in", ge=1, le=65_534)] | None = None


class Mark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What tells this model from others: a number in a range, or a text; a scan reads it before it guesses."""

    address: Annotated[int, msgspec.Meta(description="First register", ge=0, le=65_535)]
    table: Annotated[Table | None, msgspec.Meta(description="Register table; the template's if absent")] = None
    type: Annotated[
        Literal["u16", "u32", "u64"] | None, msgspec.Meta(description="How the registers are to be read; with `range`")
    ] = None
    range: Annotated[tuple[int, int] | None, msgspec.Meta(description="Lowest and highest number of this model")] = None
    words: Annotated[int, msgspec.Meta(description="Registers of the text, two characters each", ge=0, le=64)] = 0
    text: Annotated[str, msgspec.Meta(description="What the text contains, in this case; with `words`")] = ""

    @property
    def size(self) -> int:
        """Registers that it takes."""
        return self.words if self.type is None else WORDS[self.type]


class Point(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value of a device."""

    key: Annotated[str, msgspec.Meta(description="<Component>[<instance>]/<Variable>[<instance>], with OCPP's names")]
    address: Annotated[int, msgspec.Meta(description="First register, see the top of this file", ge=0, le=65_535)]
    type: Annotated[Kind, msgspec.Meta(description="How the registers are to be read")]
    resolution: Annotated[float, msgspec.Meta(description="Smallest step the device really makes, in `unit`", gt=0)]
    unit: Annotated[str, msgspec.Meta(description="Unit of the value after scaling; see UNITS")] = ""
    scale: Annotated[float, msgspec.Meta(description="Value = register x scale")] = 1.0
    range: Annotated[
        tuple[float, float] | None, msgspec.Meta(description="Lowest and highest believable value, in `unit`")
    ] = None
    scope: Annotated[
        Literal["evse", "station"], msgspec.Meta(description="Whether it is the EVSE's or the whole station's (0.0)")
    ] = "evse"
    poll: Annotated[Group, msgspec.Meta(description="Poll group")] = "fast"
    table: Annotated[Table | None, msgspec.Meta(description="Register table; the template's if absent")] = None
    absent: Annotated[
        tuple[int, ...],
        msgspec.Meta(description="Register patterns (unsigned) by which the device says: not implemented"),
    ] = ()
    mask: (
        Annotated[int, msgspec.Meta(description="Bits to keep; the lowest of them becomes bit 0; unsigned only", ge=1)]
        | None
    ) = None
    map: Annotated[
        dict[str, int], msgspec.Meta(description="Maker's number to ours, for states; others are out of range")
    ] = {}
    model: Annotated[int, msgspec.Meta(description="SunSpec model it is in", ge=1, le=65_534)] | None = None
    scale_factor: (
        Annotated[int, msgspec.Meta(description="SunSpec: address of the power of ten, counted as `address`", ge=0)]
        | None
    ) = None
    port: (
        Annotated[int, msgspec.Meta(description="SunSpec: port of the model it belongs to, if it has ports", ge=1)]
        | None
    ) = None
    note: Annotated[str, msgspec.Meta(description="What a person should know about it")] = ""

    @property
    def words(self) -> int:
        """Registers (or bits) that it takes."""
        return WORDS[self.type]


class Template(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device model."""

    maker: Annotated[str, msgspec.Meta(description="Who makes it", min_length=1)]
    model: Annotated[str, msgspec.Meta(description="What it is called", min_length=1)]
    source: Annotated[Page, msgspec.Meta(description="Where the facts come from")]
    kind: Annotated[
        Literal["meter", "charger", "other"], msgspec.Meta(description="What it is; lists are ordered by it")
    ] = "other"
    speaks: Annotated[
        tuple[Wire, ...],
        msgspec.Meta(description="Wires that it has itself; a converter adds tcp to rtu", min_length=1),
    ] = ("tcp", "rtu")
    serial: Annotated[
        str, msgspec.Meta(description="Factory setting of its serial port, for example 9600 8N1", pattern=SERIAL)
    ] = ""
    unit: Annotated[int, msgspec.Meta(description="Factory unit id, 0 to 255", ge=0, le=255)] | None = None
    checked: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Public pages that the registers were compared with, other than `source`"),
    ] = ()
    points: Annotated[tuple[Point, ...], msgspec.Meta(description="What can be read", min_length=1)]
    table: Annotated[Table, msgspec.Meta(description="Register table of points that name none")] = "holding"
    word_order: Annotated[
        Literal["high-first", "low-first"], msgspec.Meta(description="Order of the registers of one value")
    ] = "high-first"
    byte_order: Annotated[
        Literal["big", "little"],
        msgspec.Meta(description="Order of the two bytes in a register; big is the standard's"),
    ] = "big"
    registers_max: Annotated[
        int, msgspec.Meta(description="Most registers the device gives at once, 1 to 125", ge=1, le=125)
    ] = 125
    hole_max: Annotated[
        int,
        msgspec.Meta(description="Longest run of unneeded registers that may be read along, 0 to 124", ge=0, le=124),
    ] = 8
    sunspec: Annotated[SunSpec | None, msgspec.Meta(description="Present where the map is found by SunSpec's walk")] = (
        None
    )
    identity: Annotated[tuple[Identity, ...], msgspec.Meta(description="How the device names itself")] = ()
    marks: Annotated[tuple[Mark, ...], msgspec.Meta(description="What a scan knows it by; all of them hold")] = ()
    note: Annotated[str, msgspec.Meta(description="What a person should know before connecting it")] = ""
