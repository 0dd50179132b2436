"""This file is `isolane update`; it guards that what is not brought to its end leaves the version before in force."""

import argparse
import contextlib
import functools
import re
import shutil
import signal
import sys
import time
from pathlib import Path

from isolane.cli.passphrase import add_passphrase, open_key
from isolane.cli.update import bundle
from isolane.cli.update.build import build, check
from isolane.cli.update.idle import Pages, why_not
from isolane.cli.update.turn import Turn
from isolane.cli.update.units import Units
from isolane.cli.update.versions import RELEASE_FILE, Versions
from isolane.config.load import read
from isolane.config.values import Address
from isolane.core.durable import replace_file
from isolane.core.failures import IsolaneError
from isolane.security.envelope import parse
from isolane.security.key_manifest import Trusted
from isolane.security.release import BYTES_MAX, RELEASE, Release
from isolane.security.release import read as read_release

DESCRIPTION = """\
Go from one version of isolane to another on this box, and back by itself when the new one does not come up. Versions
lie side by side in /opt/isolane/versions; /opt/isolane/current leads to the one in force, which the units start. A
bundle is a folder of wheels with a release that the release keys have signed.

  install   install a bundle: verify, build beside what runs, check with the site's settings, restart, prove, or go back
  back      go back to the version before this one, in the same way
  show      say which version is in force, and what is there
  make      write the release of the wheels in a folder, not signed yet
  sign      add the signature of a release key
  verify    say what a bundle holds and whether it would be taken

The relay is not restarted while a charger charges, or while nobody knows: `install` says so and changes nothing, or
waits (--wait 2h). What is not the relay is restarted at once and touches no charging.

exit codes: 0 done, 2 refused or gone back (one sentence says why; the version before is in force)
"""
_UNITS_S = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_ROOMS = ("value", "tap", "health", "center")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    install = actions.add_parser("install", help="install a bundle")
    install.add_argument("bundle", type=Path, metavar="FOLDER", help="the bundle")
    install.add_argument("--older", action="store_true", help="take a release that is older than one seen here")
    install.set_defaults(action=_install)
    back = actions.add_parser("back", help="go back to the version before")
    back.set_defaults(action=_back)
    for one in (install, back):
        _add_turn(one)
    show = actions.add_parser("show", help="say what is in force")
    show.set_defaults(action=_show)
    make = actions.add_parser("make", help="write the release of a bundle")
    make.add_argument("bundle", type=Path, metavar="FOLDER", help="folder with the wheels, isolane's own included")
    make.add_argument("--version", required=True, dest="release", metavar="V", help="version of isolane")
    make.add_argument("--number", type=int, required=True, metavar="N", help="greater than that of the last release")
    make.add_argument("--days", type=int, default=90, metavar="N", help="days until it expires (default: 90)")
    make.set_defaults(action=_make)
    sign = actions.add_parser("sign", help="add a release key's signature")
    sign.add_argument("bundle", type=Path, metavar="FOLDER", help="the bundle")
    sign.add_argument("--key", type=Path, required=True, metavar="FILE", help="private release key, or its URI")
    add_passphrase(sign)
    sign.set_defaults(action=_sign)
    verify = actions.add_parser("verify", help="say whether a bundle would be taken")
    verify.add_argument("bundle", type=Path, metavar="FOLDER", help="the bundle")
    verify.add_argument("--older", action="store_true", help="take a release that is older than one seen here")
    verify.set_defaults(action=_verify)
    for one in (install, verify):
        one.add_argument(
            "--keys",
            type=Path,
            default=Path("/etc/isolane/release-keys.jws"),
            metavar="FILE",
            help="list of release keys (default: %(default)s)",
        )
    for one in (install, back, show, verify):
        one.add_argument(
            "--root", type=Path, default=Path("/opt/isolane"), metavar="FOLDER", help="default: %(default)s"
        )


def _add_turn(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        action="append",
        metavar="FILE",
        help="settings to check with; may be given more than once (default: /etc/isolane/site.toml)",
    )
    parser.add_argument("--wait", type=_seconds, default=0.0, metavar="TIME", help="for the relay: 90s, 30min, 2h")
    parser.add_argument(
        "--unknown-is-idle", action="store_true", help="somebody has looked: of whom nobody knows does not charge"
    )
    parser.add_argument(
        "--healthy", type=_seconds, default=20.0, metavar="TIME", help="how long units may take (default: 20s)"
    )
    parser.add_argument("--systemctl", default="systemctl", metavar="PROGRAM", help="default: %(default)s")


def run(options: argparse.Namespace) -> int:
    """Do what was asked."""
    for number in _ENDS:
        signal.signal(number, _end)
    try:
        code: int = options.action(options)
    except OSError as error:
        raise IsolaneError(
            f"{error.filename or 'the disk'}: {error.strerror}", "see the disk and its rights"
        ) from error
    return code


def _end(number: int, _frame: object) -> None:
    """End, going back on the way; who asks twice, or hangs up meanwhile, does not stop that."""
    for each in _ENDS:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def _install(options: argparse.Namespace) -> int:
    versions = Versions(options.root)
    with versions.alone():
        turn, files = _turn(options, versions)
        turn.settle()
        _remember(versions)
        release, data, keys = _opened(options, versions)
        removed = versions.tidy(release.version if _is_same(versions, release.version, data) else "")
        if removed:
            _say(f"removed {' '.join(removed)}")
        place, current = versions.place(release.version), versions.linked("current")
        if not _is_same(versions, release.version, data):
            if place.exists():
                raise IsolaneError(
                    f"another {release.version} is in {place}",
                    "a version is released once: give the new one a new name",
                )
            _say(f"making {place}")
            _made(options.bundle, release, data, versions)
        check(place, files, versions.place(current) if current else None)
        _say(f"{release.version} has checked the settings")
        if current != release.version:
            turn.to(release.version)
        versions.see(release.number, release.issued)
        if keys.data != options.keys.read_bytes():
            replace_file(options.keys, keys.data)
        _say(f"{release.version} is in force")
    return 0


def _made(folder: Path, release: Release, data: bytes, versions: Versions) -> None:
    """Build a version; what is half is removed at once, where that is possible."""
    place = versions.place(release.version)
    try:
        build(folder, release, place)
        versions.finish(release.version, data)
    except IsolaneError:
        shutil.rmtree(place, ignore_errors=True)
        raise
    except OSError as error:
        shutil.rmtree(place, ignore_errors=True)
        raise IsolaneError(f"cannot make {place}: {error.strerror}", "see the disk and its rights") from error


def _remember(versions: Versions) -> None:
    """See what is in force: the power may have gone between its proof and that."""
    current = versions.linked("current")
    if current is not None and versions.is_whole(current):
        try:
            data = (versions.place(current) / RELEASE_FILE).read_bytes()
            release = read_release(parse(data, RELEASE, BYTES_MAX).payload)
        except (OSError, ValueError) as error:
            raise IsolaneError(f"the release of {current} is damaged: {error}", "see the disk") from error
        versions.see(release.number, release.issued)


def _back(options: argparse.Namespace) -> int:
    versions = Versions(options.root)
    with versions.alone():
        turn, files = _turn(options, versions)
        turn.settle()
        previous, current = versions.linked("previous"), versions.linked("current")
        if previous is None or current is None or not versions.is_whole(previous):
            raise IsolaneError("there is no version before this one", "install one")
        check(versions.place(previous), files, versions.place(current))
        turn.to(previous)
        _say(f"{previous} is in force")
    return 0


def _show(options: argparse.Namespace) -> int:
    versions = Versions(options.root)
    for name in ("current", "trial", "previous"):
        version = versions.linked(name)
        if version is not None:
            print(f"{name:<9} {version}{'' if versions.is_whole(version) else ' (not whole)'}")
    print(f"seen      release {versions.seen().number}")
    return 0


def _make(options: argparse.Namespace) -> int:
    print(_words(bundle.make(options.bundle, options.release, options.number, int(time.time()), options.days)))
    return 0


def _sign(options: argparse.Namespace) -> int:
    release = bundle.sign(options.bundle, open_key(options.key, options))
    print(f"{_words(release)}\nsigned: {options.bundle / bundle.SIGNED}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    release, _, _ = _opened(options, Versions(options.root))
    print(_words(release))
    return 0


def _opened(options: argparse.Namespace, versions: Versions) -> tuple[Release, bytes, Trusted]:
    seen = versions.seen()
    now_s = max(time.time(), seen.issued)
    keys = bundle.trusted(options.bundle, options.keys, now_s)
    release, data = bundle.opened(options.bundle, keys, now_s)
    if release.number < seen.number and not options.older:
        raise IsolaneError(
            f"the bundle is refused (rollback): release {release.number}, and {seen.number} was in force here",
            "--older takes it nevertheless; `isolane update back` needs no bundle",
        )
    return release, data, keys


def _is_same(versions: Versions, version: str, data: bytes) -> bool:
    return versions.is_whole(version) and (versions.place(version) / RELEASE_FILE).read_bytes() == data


def _turn(options: argparse.Namespace, versions: Versions) -> tuple[Turn, list[Path]]:
    files: list[Path] = [file.absolute() for file in options.config or [Path("/etc/isolane/site.toml")]]
    pages: dict[str, Address] = {}
    for file in files:
        pages |= _pages(file)
    units = Units(options.systemctl, {f"isolane-{name}.service": page for name, page in pages.items()}, options.healthy)
    asked = Pages(pages.get("value"), pages.get("tap"))
    ask = functools.partial(why_not, asked, trusts_unknown=options.unknown_is_idle)
    return Turn(versions, units, ask, options.wait, _say), files


def _pages(file: Path) -> dict[str, Address]:
    """Find the metrics pages that a settings file names."""
    document = read(file)
    told = {room: document.get(room, {}).get("metrics") for room in _ROOMS}
    try:
        return {room: Address.parse(text) for room, text in told.items() if text is not None}
    except ValueError as error:
        raise IsolaneError(f"{file}: metrics: {error}") from error


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+)(s|min|h|d)", text)
    if found is None:
        raise argparse.ArgumentTypeError("a number with s, min, h or d, such as 2h")
    return float(int(found[1]) * _UNITS_S[found[2]])


def _words(release: Release) -> str:
    ends = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(release.expires))
    what = f"isolane {release.version}, release {release.number}, {len(release.files)} wheels"
    return f"{what}, to be installed until {ends}"


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone; what has to be done has to be done
        print(text, flush=True)
