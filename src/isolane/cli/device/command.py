"""This file is `isolane device`; it guards that nothing it can be told to do writes to a device."""

import argparse
from pathlib import Path

from isolane.cli.device import listing, place, reading, scanning, skeleton

DESCRIPTION = """\
Meters, chargers and sensors behind Modbus, as the source `modbus` reads them. Nothing here ever writes to a device.

  list    the templates that come with isolane
  show    what a template reads: register, unit, scale, and the page it came from
  scan    find devices on a Modbus TCP address or a serial bus and say which template fits, and why
  read    read a device with a template: values with unit, age and the reason of what is missing
  new     write a template of one's own, with comments, that loads as it is

example:
  isolane device scan 192.0.2.17
  isolane device read eastron_sdm630 192.0.2.17 --unit 2
  isolane device scan --serial /dev/ttyUSB0 --baud 9600 --units 1-32

  isolane device read sunspec:701,714 192.0.2.30 --unit 126 --ports 2

exit codes: 0 found or read, 1 nothing answered, 2 something must be put right first (one sentence says what)
"""

_TEMPLATE = "name, a file of your own, or SunSpec models as in sunspec:701,714"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    listed = actions.add_parser("list", help="list the templates")
    listed.set_defaults(action=listing.show_all)

    shown = actions.add_parser("show", help="show a template")
    shown.add_argument("template", help=_TEMPLATE)
    shown.set_defaults(action=listing.show_one)

    scanned = actions.add_parser("scan", help="find devices")
    place.add_place(scanned, required=False)
    scanned.add_argument(
        "--units", default="", metavar="1-247", help="unit ids to look at (default: 1-247; over TCP 255, too)"
    )
    scanned.add_argument(
        "--seconds", type=float, default=180.0, metavar="S", help="give up after this time (default: 180)"
    )
    scanned.add_argument(
        "--template-file",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="look for this template of your own, too",
    )
    scanned.set_defaults(action=scanning.scan_place)

    read = actions.add_parser("read", help="read a device")
    read.add_argument("template", help=_TEMPLATE)
    place.add_place(read, required=False)
    read.add_argument("--unit", type=int, metavar="0-255", help="unit id (default: the template's, else 1)")
    read.add_argument("--watch", action="store_true", help="go on until Ctrl-C")
    read.add_argument("--every", type=float, default=1.0, metavar="S", help="seconds between rounds (default: 1)")
    read.set_defaults(action=reading.read_place)

    made = actions.add_parser("new", help="begin a template of one's own")
    made.add_argument("template", metavar="NAME", help="<maker>_<model>, for example acme_em3")
    made.add_argument(
        "--dir", type=Path, default=Path(), metavar="DIR", help="where the file goes (default: this folder)"
    )
    made.set_defaults(action=skeleton.write_new)

    for each in (shown, read):
        each.add_argument(
            "--ports", type=int, default=1, metavar="1-32", help="ports of SunSpec models that have them (default: 1)"
        )
    for each in (listed, shown, scanned, read):
        each.add_argument("--json", action="store_true", help="write JSON, for scripts")


def run(options: argparse.Namespace) -> int:
    """Do what was asked."""
    code: int = options.action(options)
    return code
