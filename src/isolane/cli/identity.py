"""This file is `isolane identity`: certificates, passwords and profiles of chargers, kept by hand on this box."""

import argparse
import datetime as dt
import getpass
import sys
from pathlib import Path

from isolane.core.failures import IsolaneError
from isolane.core.ids import is_charger_id

DESCRIPTION = """\
Keep what stands for a charger on this box. All of it works on files; a running relay takes a change at SIGHUP and
drops no connection for it.

  issue     make a key and a signing request for a charger that the gateway speaks for ([[value.retrofit]])
  import    put the signed certificate in use, if key, name and chain are right; renewal is the same again
  list      show when each certificate ends
  password  set what [value.access] credentials checks against; the password is read from standard input
  profile   show, or lower by hand, the lowest security profile that the network may use for a charger

example:
  isolane identity issue CP1 --dir north/chargers --organisation "North Charging"
  isolane identity import CP1 signed.pem --ca csms-ca.pem --dir north/chargers
  isolane identity password CP1 --file north/credentials < secret
  isolane identity profile CP1 --state north/state --set 1
"""

_WARN_DAYS = 30


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    issue = actions.add_parser("issue", help="make keys and signing requests")
    issue.add_argument("charger", nargs="+", help="identity")
    issue.add_argument("--organisation", default="", metavar="O", help="O of the certificate, the operator's name")
    issue.add_argument("--rsa", action="store_true", help="an RSA key instead of ECDSA P-256")
    issue.set_defaults(action=_issue)

    take = actions.add_parser("import", help="put a signed certificate in use")
    take.add_argument("charger", help="identity")
    take.add_argument("certificate", type=Path, help="PEM, the charger's own first, then intermediates")
    take.add_argument("--ca", type=Path, required=True, metavar="FILE", help="PEM certificates that the CSMS trusts")
    take.set_defaults(action=_import)

    shown = actions.add_parser("list", help="show when each certificate ends")
    shown.set_defaults(action=_list)

    for each in (issue, take, shown):
        each.add_argument("--dir", type=Path, required=True, metavar="DIR", help="folder of keys and certificates")
    for each in (issue, take):
        each.add_argument("--cn", default="", metavar="CN", help="CN where it is not the identity (one charger only)")

    password = actions.add_parser("password", help="set or remove a charger's password")
    password.add_argument("charger", help="identity")
    password.add_argument("--file", type=Path, required=True, metavar="FILE", help="[value.access] credentials")
    password.add_argument("--hex", action="store_true", help="the password comes in hex, as OCPP 1.6 configures it")
    password.add_argument("--remove", action="store_true", help="forget the charger")
    password.set_defaults(action=_password)

    profile = actions.add_parser("profile", help="show or set a charger's lowest profile")
    profile.add_argument("charger", help="identity")
    profile.add_argument("--state", type=Path, required=True, metavar="DIR", help="[value.access] state_dir")
    profile.add_argument("--set", type=int, choices=range(4), metavar="0-3", help="the new lowest profile, 0 for none")
    profile.set_defaults(action=_profile)


def run(options: argparse.Namespace) -> int:
    """Do what was asked."""
    code: int = options.action(options)
    return code


def _issue(options: argparse.Namespace) -> int:
    from isolane.security.identities import Identities

    if options.cn and len(options.charger) > 1:
        raise IsolaneError("one --cn cannot serve several chargers", "issue them one by one")
    identities = Identities(options.dir)
    for charger in options.charger:
        request = identities.request(charger, organisation=options.organisation, name=options.cn, is_rsa=options.rsa)
        print(f"{charger}: have {request} signed, then: isolane identity import")
    return 0


def _import(options: argparse.Namespace) -> int:
    from isolane.security.identities import Identities

    end = Identities(options.dir).install(options.charger, options.certificate, options.ca, name=options.cn)
    print(f"{options.charger}: in use until {end:%Y-%m-%d}; a running relay takes it at SIGHUP")
    return 0


def _list(options: argparse.Namespace) -> int:
    from isolane.security.identities import Identities

    now = dt.datetime.now(dt.UTC)
    for held in Identities(options.dir).held():
        words = "no certificate"
        if held.not_after_utc is not None:
            days = (held.not_after_utc - now).days
            words = f"until {held.not_after_utc:%Y-%m-%d} ({days} days{', RENEW' if days < _WARN_DAYS else ''})"
        print(f"{held.charger:<24} {words}{', a request waits' if held.is_pending else ''}")
    return 0


def _password(options: argparse.Namespace) -> int:
    from isolane.value.access.credentials import editing, protect, read_verifiers, write_verifiers

    charger = _checked(options.charger)
    verifier = None if options.remove else protect(_secret(is_hex=options.hex))
    with editing(options.file):
        verifiers = read_verifiers(options.file) if options.file.exists() else {}
        if verifier is not None:
            verifiers[charger] = verifier
        elif verifiers.pop(charger, None) is None:
            raise IsolaneError(f"{options.file} has no {charger}", "check the identity")
        write_verifiers(options.file, verifiers)
    print(f"{charger}: {'removed' if options.remove else 'set'}; a running relay takes it at SIGHUP")
    return 0


def _profile(options: argparse.Namespace) -> int:
    from isolane.value.access.profiles import read_profile, write_profile

    charger = _checked(options.charger)
    try:
        if options.set is None:
            print(f"{charger}: lowest profile {read_profile(options.state, charger)}")
            return 0
        write_profile(options.state, charger, options.set)
    except (OSError, ValueError) as error:
        raise IsolaneError(f"cannot use {options.state}: {error}", "check the folder, or set a profile anew") from error
    print(f"{charger}: lowest profile {options.set}; a running relay takes it at SIGHUP")
    return 0


def _checked(charger: str) -> str:
    if not is_charger_id(charger):
        raise IsolaneError(f"{charger!r} cannot be a charger's identity", "use 1 to 48 characters, none of : / \\ ? #")
    return charger


def _secret(*, is_hex: bool) -> bytes:
    """Read the password, without showing it where a person types."""
    typed = getpass.getpass("password: ").encode() if sys.stdin.isatty() else sys.stdin.buffer.read()
    typed = typed.removesuffix(b"\n")
    if not is_hex:
        return typed
    try:
        return bytes.fromhex(typed.decode("ascii"))
    except ValueError:
        raise IsolaneError("the password is not hex", "write hex digits, or leave --hex out") from None
