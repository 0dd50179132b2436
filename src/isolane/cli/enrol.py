"""This file is `isolane enrol`: keys and certificates for a box, by a code from the center.

It guards that keys never leave the box and that a code is never on a command line unless somebody puts it there.
"""

import argparse
import sys
from pathlib import Path

from isolane.cli.options import extra
from isolane.core.failures import IsolaneError

DESCRIPTION = """\
Make this box's keys and have the center certify them, once, with a code that the center's operator has given out
(isolane center gateway add). One key for each leg, each in a folder of its own below --dir:

  health    TLS of Channel B, to broker and center
  value     TLS of Channel A's northern leg, for a CSMS that trusts the center's certificates
  receipt   signatures of receipts and statements

The code says whom it may be shown to: nothing is sent to anybody else. Asked again after an interruption, it goes on
where it stopped; a key and certificate in use stay until the new pair is whole. Afterwards `isolane renew` keeps them.

example:
  isolane enrol --center https://center.example:8444 --gateway gw-1 --dir north/identity
"""
_LEGS = ("health", "value", "receipt")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--center", required=True, metavar="URL", help="the center's enrolment listener")
    parser.add_argument("--gateway", required=True, metavar="NAME", help="this box's name at the center")
    parser.add_argument("--code", metavar="CODE", help="the code; asked for if left out, or read from standard input")
    parser.add_argument("--dir", type=Path, required=True, metavar="DIR", help="folder of keys and certificates")
    parser.add_argument("--leg", action="append", choices=_LEGS, help="these only; may be repeated (default: all)")


def run(options: argparse.Namespace) -> int:
    """Enrol each leg and say what settings point at."""
    with extra("health"):
        from isolane.security.enrolment_code import EnrolmentCode
        from isolane.security.est_client import EstServer
        from isolane.security.leg_folder import LegFolder, subject_of
        from isolane.security.legs import Leg, check_gateway, common_name

    check_gateway(options.gateway)
    try:
        code = EnrolmentCode.parse(options.code or _ask())
    except ValueError as error:
        raise IsolaneError(
            str(error), "copy it once more; a lost one is replaced by: isolane center gateway add"
        ) from None
    authorities = None
    for leg in (Leg(each) for each in options.leg or _LEGS):
        login = (options.gateway, code.secret.hex())
        server = EstServer(options.center, label=leg, code=code, login=login)
        authorities = authorities or server.authorities()
        folder, name = LegFolder(options.dir / leg), common_name(options.gateway, leg)
        own = folder.install(name, server.enrol(folder.request(subject_of(name))), authorities)
        print(f"{leg:<8} {folder.current}/chain.pem, key.pem, trust.pem until {own.not_valid_after_utc:%Y-%m-%d}")
    print("point settings at these files; `isolane renew` keeps them from running out")
    return 0


def _ask() -> str:
    if sys.stdin.isatty():
        return input("code: ")
    return sys.stdin.readline()
