"""This file makes a site's folder; it guards that what `init` writes for people is what the demo runs.

A folder holds ``site.toml`` and ``center.toml``, ``mosquitto.conf`` with its ACL, and ``pki/`` with a private CA and
one certificate for each role. Nothing that exists is overwritten.
"""

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from isolane.core.failures import IsolaneError
from isolane.core.ids import check_name
from isolane.security.authority import Authority

CENTER_CN = "center"
"""The one name in the broker's ACL that is no gateway's."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written.

    Attributes:
        folder: Where; made if absent, must be empty.
        site: Site name.
        gateway: Gateway name.
        hosts: Names and addresses by which chargers reach the gateway.
        center_hosts: Names and addresses by which gateways reach broker and center.
        values: What else the templates name: addresses and whole passages; see `templates/`.
    """

    folder: Path
    site: str
    gateway: str
    hosts: tuple[str, ...]
    center_hosts: tuple[str, ...]
    values: Mapping[str, str]


def make(plan: Plan) -> Authority:
    """Write the folder and give its CA, for those who need more certificates.

    Raises:
        IsolaneError: A name cannot be, the folder is not empty or cannot be written.
    """
    check_name("site", plan.site)
    if check_name("gateway", plan.gateway) == CENTER_CN:
        raise IsolaneError(
            f"no gateway may be called {CENTER_CN!r}: it is the center's name at the broker", "choose another"
        )
    _claim(plan.folder)
    folder = plan.folder.absolute()
    authority = Authority(folder / "pki")
    authority.create(plan.site)
    authority.issue("listener", common_name=plan.hosts[0], hosts=plan.hosts)
    authority.issue("gateway", common_name=plan.gateway)
    authority.issue("broker", common_name=plan.center_hosts[0], hosts=plan.center_hosts)
    authority.issue("ingest", common_name=plan.center_hosts[0], hosts=plan.center_hosts)
    authority.issue("center", common_name=CENTER_CN)
    values = {
        **plan.values,
        "site": plan.site,
        "gateway": plan.gateway,
        "center_host": plan.center_hosts[0],
        "folder": str(folder),
        "user": getpass.getuser(),
    }
    for name in ("site.toml", "center.toml", "mosquitto.conf", "mosquitto.acl"):
        (folder / name).write_text(passage(name, values), encoding="utf-8")
    for name in ("run", "health", "center"):
        (folder / name).mkdir(mode=0o700)
    return authority


def passage(name: str, values: Mapping[str, str]) -> str:
    """Fill one template; every name in it must have a value."""
    text = resources.files("isolane.cli").joinpath("templates", name).read_text(encoding="utf-8")
    return Template(text).substitute(values)


def _claim(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        occupied = any(folder.iterdir())
        (folder / "pki").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise IsolaneError(f"cannot write to {folder}: {error.strerror}", "choose a folder you may write to") from error
    if occupied:
        raise IsolaneError(f"the folder {folder} is not empty", "choose a new one; nothing is ever overwritten")
