"""This file holds what an intruder got to what the units promise; it guards that each refusal has the stated reason.

The same program runs as root without a sandbox first: what fails there too would prove nothing.
"""

import json
import re
from pathlib import Path

from bench.attack.box.ground import UNITS, Box

_FOLDER = "EACCES"
_FILTER = "EPERM"
_READ_ONLY = "EROFS"
_HIDDEN = "ENOENT"
REFUSALS = {
    "feed the tap copies of its own": (_FOLDER, "the tap's folder lets the relay's user in alone"),
    "take the tap's socket away": (_FOLDER, "the tap's folder lets the relay's user in alone"),
    "listen where the relay looks for the tap": (_FOLDER, "the folder is the tap's own"),
    "listen where the relay listens": (_FOLDER, "the folder is the relay's own; others may pass and not write"),
    "ask chargers through a port that it is not given": (
        _FOLDER,
        "the socket is the relay's alone while no caller is set",
    ),
    "read the tap's page": (_FOLDER, "the folder lets the page's user in alone"),
    "read the relay's audit": (_FOLDER, "StateDirectoryMode=0700"),
    "write into the relay's folder": (_FOLDER, "StateDirectoryMode=0700"),
    "read the tap's key": (_FOLDER, "StateDirectoryMode=0700"),
    "read the key of the chargers' port": (_FOLDER, "the file is of the relay's user, mode 0600"),
    "change the settings": (_FOLDER, "the file is root's; ProtectSystem=strict beside it"),
    "change the program": (_FOLDER, "the file is root's; ProtectSystem=strict beside it"),
    "write anywhere in the system": (_READ_ONLY, "ProtectSystem=strict"),
    "see the relay's process": (_HIDDEN, "ProtectProc=invisible"),
    "read the relay's memory": (_HIDDEN, "ProtectProc=invisible"),
    "read the tap's memory": (_HIDDEN, "ProtectProc=invisible"),
    "read memory of its own user's process": (_HIDDEN, "processes make themselves not dumpable, and so invisible"),
    "read the relay's memory by system call": (_FILTER, "SystemCallFilter, and another user"),
    "attach to the relay": (_FILTER, "SystemCallFilter, and another user"),
    "take a descriptor of the relay's": (_FILTER, "SystemCallFilter, and another user"),
    "signal the relay": (_FILTER, "another user, without capabilities"),
    "signal the tap": (_FILTER, "another user, without capabilities"),
    "bind the relay to a core": (_FILTER, "SystemCallFilter=~@resources, and another user"),
    "slow the relay down": (_FILTER, "SystemCallFilter=~@resources, and another user"),
    "freeze the relay": (_FOLDER, "root's file; ProtectControlGroups beside it"),
    "become the relay's user": (_FILTER, "SystemCallFilter=~@privileged, no capabilities"),
    "get a user namespace": (_FILTER, "RestrictNamespaces"),
    "get a mount namespace": (_FILTER, "RestrictNamespaces"),
    "listen to the wire": ("EAFNOSUPPORT", "RestrictAddressFamilies"),
    "change the kernel's settings": (_FOLDER, "root's file; ProtectKernelTunables beside it"),
}
"""What the health process's user gets for each attempt, and what stands in its way first."""
CONTROL, INTRUDER = "control.service", "intruder.service"
_PROGRAM = "/opt/isolane/python/bin/python3 -I /etc/isolane/units/intruder.py"
_RUN = """Environment=LD_LIBRARY_PATH=/opt/isolane/python/lib
PassEnvironment=VALUE_PID TAP_PID OWN_PID VALUE_UID
Type=oneshot
Restart=no
StandardOutput=append:/run/box/logs/%N.log
"""


def units(unit: str = "isolane-health.service") -> dict[str, str]:
    """Give the intruder in place of a unit's program, and without its user and sandbox."""
    text = (UNITS / unit).read_text(encoding="utf-8")
    taken, found = re.subn(r"^ExecStart=.*$", f"ExecStart={_PROGRAM}\n{_RUN}", text, flags=re.MULTILINE)
    if found != 1:
        raise RuntimeError(f"{unit} has not one ExecStart")
    taken = re.sub(r"^Restart=always\n", "", taken, flags=re.MULTILINE)
    own = Path(__file__).with_name("intruder.py").read_text(encoding="utf-8")
    return {INTRUDER: taken, CONTROL: f"[Service]\nExecStart={_PROGRAM}\n{_RUN}", "intruder.py": own}


async def got(box: Box, service: str) -> dict[str, str]:
    """Run the intruder against the running processes; give what it got.

    Raises:
        RuntimeError: It did not run to its end.
    """
    value, tap, own = [await box.main_pid(f"isolane-{name}") for name in ("value", "tap", "health")]
    user = (await box.run("id", "-u", "isolane-value")).strip()
    names = {"VALUE_PID": value, "TAP_PID": tap, "OWN_PID": own, "VALUE_UID": user}
    await box.run("systemctl", "set-environment", *(f"{name}={number}" for name, number in names.items()))
    await box.run("systemctl", "start", service)
    said = box.log(service.removesuffix(".service")).splitlines()
    return {str(name): str(result) for name, result in json.loads(said[-1]).items()}


def wrong(control: dict[str, str], intruder: dict[str, str]) -> list[str]:
    """Give what is not as promised: an attempt that would fail anyway, that succeeded, or failed for another reason."""
    found = [f"the control cannot {name}: {result}" for name, result in control.items() if result != "done"]
    found += [f"nothing is said of {name!r}" for name in intruder if name not in REFUSALS]
    for name, (expected, reason) in REFUSALS.items():
        result = intruder.get(name, "not tried")
        if result != expected:
            found.append(
                f"could {name}: {result}" if result == "done" else f"{name}: {result}, not {expected} ({reason})"
            )
    return found


async def wrong_processes(box: Box) -> list[str]:
    """Give what is not as the units say of the processes that run: user, capabilities, filters, core dumps, network."""
    found = []
    for name in ("value", "tap", "health"):
        pid = await box.main_pid(f"isolane-{name}")
        status = await box.run("cat", f"/proc/{pid}/status")
        facts = dict(re.findall(r"^(\w+):\s+(.*)$", status, re.MULTILINE))
        limits = await box.run("cat", f"/proc/{pid}/limits")
        owner = (await box.run("stat", "--format=%U", f"/proc/{pid}/mem")).strip()
        links = (await box.run("readlink", f"/proc/{pid}/ns/net", "/proc/1/ns/net")).split()
        core = re.search(r"^Max core file size\s+(\S+)\s+(\S+)", limits, re.MULTILINE)
        user = (await box.run("id", "-u", f"isolane-{name}")).strip()
        said = {
            "another user": facts["Uid"].split() == [user] * 4,
            "capabilities": all(int(facts[key], 16) == 0 for key in ("CapPrm", "CapEff", "CapBnd", "CapAmb")),
            "new privileges": facts["NoNewPrivs"] == "1",
            "no system-call filter": facts["Seccomp"] == "2",
            "core dumps": core is not None and core.groups() == ("0", "0"),
            "memory that its user can read": owner == "root",
            "the network": (links[0] != links[1]) is (name == "tap"),
        }
        found += [f"{name} has {what}" for what, fine in said.items() if not fine]
    return found
