"""This file reads where a device is from the command line; it guards that one place is named, and a sound one."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from isolane.config.values import Address
from isolane.core.failures import IsolaneError

if TYPE_CHECKING:
    from isolane.health.sources.modbus.settings import SerialSettings

_PORT = 502
_UNIT_MAX = 255
_PARITIES: dict[str, Literal["none", "even", "odd"]] = {"N": "none", "E": "even", "O": "odd"}
_TCP_S = 1.0
_SERIAL_S = 0.2
"""What a meter takes to think."""
_FRAME_BITS_MAX = 260 * 11
_BAUD_MIN, _BAUD_MAX = 300, 921_600


def add_place(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add HOST[:PORT], ``--serial`` and what belongs to them."""
    parser.add_argument(
        "host", nargs=None if required else "?", metavar="HOST[:PORT]", help=f"Modbus TCP server (port {_PORT})"
    )
    parser.add_argument("--serial", type=Path, metavar="PORT", help="a serial port instead, for example /dev/ttyUSB0")
    parser.add_argument("--baud", type=int, default=9600, metavar="BPS", help="its speed (default: 9600)")
    parser.add_argument("--line", default="8N1", metavar="8N1", help="its data bits, parity, stop bits (default: 8N1)")
    parser.add_argument(
        "--framing",
        choices=("tcp", "rtu"),
        default="tcp",
        help="rtu for a device server that passes RTU frames through TCP (default: tcp)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        metavar="S",
        help="seconds to wait for an answer (default: 1; on a serial port what its speed needs)",
    )


def place_of(options: argparse.Namespace) -> "Address | SerialSettings":
    """Give the address or the serial port.

    Raises:
        IsolaneError: None or both are named, or one is not sound.
    """
    from isolane.health.sources.modbus.settings import SerialSettings

    if (options.host is None) == (options.serial is None):
        raise IsolaneError("it is not clear where the device is", "give either HOST[:PORT] or --serial PORT")
    if options.serial is None:
        return _address(options.host)
    line = str(options.line).upper()
    if len(line) != 3 or line[0] != "8" or line[1] not in _PARITIES or line[2] not in "12":  # noqa: PLR2004
        raise IsolaneError(f"--line {options.line!r} is not understood", "write 8N1, 8E1, 8O1 or 8N2")
    if not _BAUD_MIN <= options.baud <= _BAUD_MAX:
        raise IsolaneError("--baud is not 300 to 921600", "most meters come with 9600 or 19200")
    return SerialSettings(path=options.serial, baud=options.baud, parity=_PARITIES[line[1]], stop_bits=int(line[2]))


def timeout_s(options: argparse.Namespace) -> float:
    """Give how long to wait for an answer, s.

    Raises:
        IsolaneError: It is not 0.05 to 30 s.
    """
    if options.timeout is None:
        return _TCP_S if options.serial is None else _SERIAL_S + _FRAME_BITS_MAX / options.baud
    if not 0.05 <= options.timeout <= 30:  # noqa: PLR2004 - as in the settings
        raise IsolaneError("--timeout is not 0.05 to 30 s", "1 is right for most devices")
    return float(options.timeout)


def _address(text: str) -> Address:
    bare = text.rpartition("]")[2] if text.startswith("[") else text
    try:
        return Address.parse(text if ":" in bare else f"{text}:{_PORT}")
    except ValueError as error:
        raise IsolaneError(str(error), f"or a host alone; the port is then {_PORT}") from error


def units_of(text: str) -> tuple[int, ...]:
    """Read unit ids, for example ``1-16,100``.

    Raises:
        IsolaneError: The text has another form, or an id is not 0 to 255.
    """
    units: dict[int, None] = {}
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        ends = (first, last if dash else first)
        if not all(end.isascii() and end.isdigit() and int(end) <= _UNIT_MAX for end in ends):
            raise IsolaneError(f"--units {text!r} is not understood", "write ids from 0 to 255, for example 1-16,100")
        units |= dict.fromkeys(range(int(ends[0]), int(ends[1]) + 1))
    if not units:
        raise IsolaneError(f"--units {text!r} names no unit", "a range rises, for example 1-16")
    return tuple(units)
