"""This file is `isolane renew`: certificates that are asked for again before they run out.

It guards that each leg's key is only read by who may: one run may renew one leg alone, as its own user.
"""

import argparse
import datetime as dt
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from isolane.cli.options import add_config, extra
from isolane.config.load import load
from isolane.config.site import Site
from isolane.config.values import Secret
from isolane.core.failures import IsolaneError

if TYPE_CHECKING:
    from isolane.security.renewal import Renewal, RenewedLeg

DESCRIPTION = """\
Renew the certificates that [[renewal.legs]] names: after two thirds of their life the center, or any other CA that
speaks EST (RFC 7030), is asked for the next one with the one in use. A running process takes new files for its next
connection; the relay at SIGHUP. Without --watch it looks once, for a timer; with it, it stays.

example:
  isolane renew -c north/site.toml --leg health
"""


class RenewedLegSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key that is certified anew from time to time."""

    leg: Annotated[
        str, msgspec.Meta(description="Which: `health`, `value` or `receipt`", pattern="^(health|value|receipt)$")
    ]
    folder: Annotated[Path, msgspec.Meta(description="Its folder, as `isolane enrol` has made it")]
    url: Annotated[
        str,
        msgspec.Meta(
            description="EST server, https://host[:port][/path]: the center's ingest listener, or another CA",
            pattern=r"^https://[^/?#@\s]+(/[^?#\s]*)?$",
        ),
    ]
    label: Annotated[
        str, msgspec.Meta(description="Which of the server's CAs; empty for the only one", pattern="^[A-Za-z0-9._-]*$")
    ] = ""
    shown: Annotated[
        Path | None,
        msgspec.Meta(
            description="Folder of the leg whose certificate is shown to the server; its own if absent. A receipt's "
            "opens no TLS: name that of `health`, and `receipt` as label"
        ),
    ] = None
    trust: Annotated[
        Path | None,
        msgspec.Meta(
            description="PEM certificates that may sign the server's; those that came with the last if absent"
        ),
    ] = None
    user: Annotated[str | None, msgspec.Meta(description="User name for HTTP Basic, for a CA that wants one")] = None
    password: Annotated[Secret | None, msgspec.Meta(description="Its password")] = None
    name: Annotated[
        str | None,
        msgspec.Meta(description="CN of the first certificate, where a password is enough for one"),
    ] = None
    timeout_s: Annotated[float, msgspec.Meta(description="Longest wait for the server, s", ge=1, le=300)] = 30.0


class RenewalSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Certificates that the gateway renews by itself."""

    legs: Annotated[tuple[RenewedLegSettings, ...], msgspec.Meta(description="One table for each key")] = ()


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)
    parser.add_argument("--leg", choices=("health", "value", "receipt"), help="this one only (default: all)")
    parser.add_argument("--watch", action="store_true", help="stay, and renew whenever it is time")
    parser.add_argument("--now", action="store_true", help="renew at once, whenever the end is")


def run(options: argparse.Namespace) -> int:
    """Look once, or for ever; 1 if something could not be renewed."""
    with extra("health"):
        from isolane.security.renewal import Renewal

    site = load(options.config, "site", Site)
    settings = load(options.config, "renewal", RenewalSettings)
    legs = [each for each in settings.legs if options.leg in {None, each.leg}]
    if not legs:
        raise IsolaneError("nothing is to be renewed", "write [[renewal.legs]]; see docs/reference/enrolment.md")
    renewals = [Renewal(_leg(each, site.gateway)) for each in legs]
    if options.watch:
        _watch(renewals)
    failed = False
    for settings_of, renewal in zip(legs, renewals, strict=True):
        _, why = renewal.step(dt.datetime.now(dt.UTC), is_forced=options.now)
        failed |= bool(why)
        print(f"{settings_of.leg:<8} {why or ('renewed' if renewal.renewed else 'not yet due')}")
    return 1 if failed else 0


def _watch(renewals: "list[Renewal]") -> None:
    """Renew for ever, each in a thread: one server that is slow keeps no other leg waiting."""
    never = threading.Event()

    def keep(renewal: "Renewal") -> None:
        while True:
            wait_s, _ = renewal.step(dt.datetime.now(dt.UTC))
            never.wait(wait_s)

    threads = [threading.Thread(target=keep, args=(each,), daemon=True) for each in renewals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _leg(settings: RenewedLegSettings, gateway: str) -> "RenewedLeg":
    from isolane.security.est_client import EstServer
    from isolane.security.leg_folder import LegFolder
    from isolane.security.legs import Leg, common_name
    from isolane.security.renewal import RenewedLeg

    if (settings.user is None) != (settings.password is None):
        raise IsolaneError("HTTP Basic needs both `user` and `password`", "give both or neither")
    login = None
    if settings.user is not None and settings.password is not None:
        login = (settings.user, settings.password.read().decode().strip())
    server = EstServer(settings.url, settings.label, settings.trust, login=login, timeout_s=settings.timeout_s)
    name = settings.name or common_name(gateway, Leg(settings.leg))
    shown = None if settings.shown is None else LegFolder(settings.shown)
    return RenewedLeg(LegFolder(settings.folder), server, name, shown)
