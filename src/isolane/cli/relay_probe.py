"""This file tries what the relay needs of its own machine; it guards that a relay which is checked also starts.

Ports, the credential file, and the folders of what it keeps. Nothing is made or changed: a port is bound for a moment
and not listened on, a folder is only asked about.
"""

import errno
import os
import pwd
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

from isolane.cli.csms_probe import Caller
from isolane.config.site import Site
from isolane.config.values import Address
from isolane.core.failures import IsolaneError
from isolane.value.access.credentials import Verification
from isolane.value.access.retrofit import Voice, Voices
from isolane.value.own_calls.assembly import numbered
from isolane.value.settings import ValueSettings

_PAGE_S = 2.0
_SOCKET_PATH_BYTES_MAX = 107
"""Linux's sun_path, without its end."""

Found = tuple[str, str]
"""What was tried, and the problem, "" for none."""


def local(value: ValueSettings, site: Site | None) -> Iterator[Found]:
    """Try everything that the relay needs here; `site` is None where the file has no such table."""
    runs = _is_relay(value.metrics)
    for address in (*(listener.address for listener in value.listen), value.metrics):
        yield f"port {address}", _port(address, runs=runs)
    access = value.access
    if access.credentials is not None:
        yield "credentials", _credentials(access.credentials, learns=access.learn != "off")
    if access.state_dir is not None:
        yield "kept profiles", _folder(access.state_dir)
    own_calls = value.own_calls
    if own_calls.enabled_for and own_calls.audit is not None:
        for worker in range(1, value.workers + 1) if value.workers > 1 else (0,):
            audit = numbered(own_calls.audit, worker)
            yield f"audit {audit.name}", _file(audit)
            if site is not None:
                path = numbered(site.own_calls_socket, worker)
                yield f"socket {path.name}", _socket_path(path)
        if own_calls.caller is not None:
            yield f"caller {own_calls.caller}", _user(own_calls.caller)


async def password(value: ValueSettings, caller: Caller) -> Found | None:
    """Compare a charger's password with the stored one; None where none is given or none is checked.

    Raises:
        IsolaneError: The credential file cannot be read.
    """
    access = value.access
    checked = any(listener.verifies(access) for listener in value.listen)
    if caller.password is None or access.credentials is None or not checked:
        return None
    name = f"stored password of {caller.identity}"
    verification = Verification(access.credentials)
    try:
        if not verification.is_stored(caller.identity):
            return name, "there is none, so the relay lets this charger in nowhere: isolane identity password"
        if await verification.is_right(caller.identity, caller.password):
            return name, ""
    finally:
        verification.close()
    if access.learn != "off":
        return f"{name}: another one, so the CSMS is asked, and what it takes is stored", ""
    return name, "it is another one: isolane identity password, or access.learn"


def voice(value: ValueSettings, caller: Caller) -> Voice | None:
    """Give what the relay shows the CSMS for a charger; None where it shows what the charger says.

    Raises:
        IsolaneError: A secret or a certificate cannot be used.
    """
    access = value.access
    if caller.password is not None or not any(listener.replaces(access) for listener in value.listen):
        return None
    return Voices(value.retrofit, access.password, value.csms.ca).of(caller.identity)


def _is_relay(metrics: Address) -> bool:
    """Tell whether a relay shows its metrics page here: then the ports are in use, by what they are for."""
    host = f"[{metrics.host}]" if ":" in metrics.host else metrics.host
    address = f"http://{host}:{metrics.port}/metrics"
    with suppress(OSError, HTTPException), urllib.request.urlopen(address, timeout=_PAGE_S) as page:
        return b"isolane_value_" in page.read()
    return False


def _port(address: Address, *, runs: bool) -> str:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, place in found:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(place)
    except OSError as error:
        match error.errno:
            case errno.EADDRINUSE:
                return "" if runs else "another program listens there: stop it, or choose another port"
            case errno.EADDRNOTAVAIL | socket.EAI_NONAME:
                return "this machine has no such address"
            case errno.EACCES:
                return "this user may not use ports below 1024: choose another, or forward it"
        return error.strerror or str(error)
    return ""


def _credentials(file: Path, *, learns: bool) -> str:
    try:
        Verification(file, learns=learns).close()
    except IsolaneError as error:
        return f"{error.what}: {error.hint}"
    return ""


def _folder(folder: Path) -> str:
    """Say why files cannot be made in a folder, which need not be there yet."""
    try:
        there = next(each for each in (folder, *folder.parents) if each.exists())
    except OSError as error:
        return f"{folder}: {error.strerror}: run this as the relay's user"
    if not there.is_dir():
        return f"{there} is no folder"
    return "" if os.access(there, os.W_OK | os.X_OK) else f"{there} cannot be written by this user"


def _file(file: Path) -> str:
    try:
        if file.exists():
            return "" if os.access(file, os.R_OK | os.W_OK) else f"{file} cannot be written by this user"
    except OSError as error:  # another user's folder
        return f"{file}: {error.strerror}: run this as the relay's user"
    return _folder(file.parent)


def _socket_path(path: Path) -> str:
    size = len(os.fsencode(path))
    if size > _SOCKET_PATH_BYTES_MAX:
        return f"{path} has {size} bytes, a socket's may have {_SOCKET_PATH_BYTES_MAX}: choose a shorter [site] run_dir"
    return ""


def _user(name: str) -> str:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return "this machine has no such user: set own_calls.caller to who runs `isolane health`"
    return ""
