"""This file is `isolane center gateway`: codes for boxes that enrol, what they hold, and who is locked out.

It guards that a code is shown once, to who asked for it, and kept nowhere.
"""

import argparse
import asyncio
import getpass
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from isolane.cli import center_broker
from isolane.cli.options import extra
from isolane.config.load import load
from isolane.core.failures import IsolaneError

if TYPE_CHECKING:
    from isolane.center.settings import CenterSettings
    from isolane.center.store.enrolment_book import EnrolmentBook, Issued

Answer = TypeVar("Answer")
_HOURS = 24.0
_HOURS_MAX = 14 * 24


def configure(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to those of the center."""
    gateway = kinds.add_parser("gateway", help="let gateways enrol, list them, lock them out").add_subparsers(
        metavar="ACTION", required=True
    )
    begin = gateway.add_parser("begin", help="make the issuing CA of [center.enrolment], once")
    begin.add_argument("--organisation", default="isolane", metavar="O", help="O of the certificates")
    add = gateway.add_parser("add", help="make a code with which one box may enrol as this gateway")
    add.add_argument("--hours", type=float, default=_HOURS, metavar="N", help="its life (default: 24)")
    add.add_argument(
        "--leg", action="append", choices=("health", "value", "receipt"), help="for these keys only; may be repeated"
    )
    shown = gateway.add_parser("list", help="list certificates and codes that wait")
    revoke = gateway.add_parser("revoke", help="lock a gateway out: its codes end, its certificates are revoked")
    for each in (add, revoke):
        each.add_argument("gateway", metavar="NAME", help="the gateway's name")
    actions = {begin: _begin, add: _add, shown: _list, revoke: _revoke}
    for each, action in actions.items():
        each.set_defaults(action=action)
    broker = kinds.add_parser("broker-config", help="write mosquitto's configuration for gateways that enrol")
    center_broker.configure(broker)
    for each in (*actions, broker):
        # No default here: it would win over a file that stands before the command.
        each.add_argument(
            "-c", "--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help="settings file of the center"
        )


def _begin(options: argparse.Namespace) -> int:
    settings = _settings(options)
    from isolane.center.enrolment_door import parts
    from isolane.security.authority import Authority
    from isolane.security.legs import PURPOSES

    enrolment, _ = parts(settings)
    authority = Authority(enrolment.issuer)
    try:
        enrolment.issuer.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise IsolaneError(
            f"cannot make {enrolment.issuer}: {error.strerror}", "choose a folder you may write to"
        ) from error
    authority.create(options.organisation, purposes=list(dict.fromkeys(PURPOSES.values())), name="gateways")
    print(f"made {authority.certificate}, its key and its list {authority.revocations}")
    print("it certifies gateways and nobody else: no server, no person, no command")
    return 0


def _add(options: argparse.Namespace) -> int:
    settings = _settings(options)
    from isolane.center.enrolment_door import parts
    from isolane.security.authority import COMMON_NAME_CHARS_MAX
    from isolane.security.enrolment_code import EnrolmentCode, code_id
    from isolane.security.legs import Leg, check_gateway, common_name

    check_gateway(options.gateway)
    if not 0 < options.hours <= _HOURS_MAX:
        raise IsolaneError(f"a code cannot live for {options.hours:g} hours", f"up to {_HOURS_MAX}")
    enrolment, https = parts(settings)
    code = EnrolmentCode.make(_first_certificate(https.certificate))
    legs = [Leg(each) for each in options.leg or Leg]
    longest = max((common_name(options.gateway, leg) for leg in legs), key=len)
    if len(longest) > COMMON_NAME_CHARS_MAX:
        raise IsolaneError(f"{longest!r} is longer than a certificate's name may be", "choose a shorter name")

    async def give(book: "EnrolmentBook") -> int:
        return await book.give_code(code_id(code.secret), options.gateway, legs, options.hours, _who())

    ends_ms = _with_book(settings, give)
    print(f"code for {options.gateway}, until {_utc(ends_ms)}, for {', '.join(legs)}; it is shown only now:\n")
    print(f"  {code}\n")
    print(f"on the box: isolane enrol --center https://HOST:{enrolment.address.port} --gateway {options.gateway}")
    return 0


def _list(options: argparse.Namespace) -> int:
    settings = _settings(options)

    async def ask(book: "EnrolmentBook") -> "tuple[list[Issued], dict[str, int]]":
        return await book.certificates(), await book.waiting_codes()

    issued, codes = _with_book(settings, ask)
    newest = {(each.gateway, each.leg): each for each in issued}
    for each in newest.values():
        state = f"revoked {_utc(each.revoked_ms)}" if each.revoked_ms else f"until {_utc(each.not_after_ms)}"
        print(f"{each.gateway:<24} {each.leg:<8} {state}  {each.serial}")
    for gateway, ends_ms in sorted(codes.items()):
        print(f"{gateway:<24} {'code':<8} until {_utc(ends_ms)}")
    return 0


def _revoke(options: argparse.Namespace) -> int:
    settings = _settings(options)
    from isolane.center.enrolment_door import parts
    from isolane.security.authority import Authority

    enrolment, _ = parts(settings)

    async def lock_out(book: "EnrolmentBook") -> list[str]:
        return await book.revoke(options.gateway, _who())

    serials = _with_book(settings, lock_out)
    authority = Authority(enrolment.issuer)
    authority.revoke_serials([int(serial, 16) for serial in serials])
    print(f"{options.gateway}: {len(serials)} certificates are on {authority.revocations}, its codes have ended")
    return 0 if serials else 1


def _settings(options: argparse.Namespace) -> "CenterSettings":
    with extra("center"):
        from isolane.center.settings import CenterSettings

    return load(options.config, "center", CenterSettings)


def _with_book(settings: "CenterSettings", ask: "Callable[[EnrolmentBook], Awaitable[Answer]]") -> Answer:
    with extra("center"):
        from isolane.center.store.catalogue import SqlCatalogue
        from isolane.center.store.database import open_catalogue
        from isolane.center.store.enrolment_book import EnrolmentBook
        from isolane.center.store.port import UnavailableError

    async def run() -> Answer:
        catalogue = SqlCatalogue(open_catalogue(settings.store, settings.data))
        try:
            return await ask(EnrolmentBook(catalogue))
        except (OSError, UnavailableError) as error:
            raise IsolaneError(str(error), "see whether the database runs") from error
        finally:
            await catalogue.close()

    return asyncio.run(run())


def _first_certificate(file: Path) -> bytes:
    """Give the certificate (DER) that a listener shows."""
    try:
        text = file.read_text(encoding="ascii")
        end = "-----END CERTIFICATE-----"
        return ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE") : text.index(end)] + end)
    except (OSError, ValueError) as error:
        raise IsolaneError(f"cannot read a certificate from {file}: {error}", "see [center.https]") from error


def _who() -> str:
    return f"terminal:{getpass.getuser()}"


def _utc(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
