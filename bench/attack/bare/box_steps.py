"""This file attacks the box that the service units make; it guards that a refusal is held to a control.

The box is a real systemd on the shipped files (bench/attack/box), so what is judged is what is shipped.
"""

import asyncio
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from bench.attack.bare.court import Deed, sentence, step
from bench.attack.bare.visit import calls
from bench.attack.box import attempts
from bench.attack.box.ground import ROOT, UNITS, Box, box
from bench.attack.fill import UnknownError

HARDENING = Path(__file__).with_name("hardening.toml")
_AUDITS = ["ss -lntup", "capsh", "systemd-analyze security", "find / -perm -4000", "mount"]
_PASSWORD, _WORDS = "canary-password-7f3a", ["CANARY-IDTAG-51c9", "canary-serial-ab27", "canary text e180"]
_WITNESSES = (b"gateway-1", b"CP1")
"""What must be on the disk: a scan that finds nothing at all would prove nothing."""


async def _stand(deed: Deed, units: dict[str, str]) -> Box:
    running = await deed.stack.enter_async_context(box(units))
    for name in ("health", "tap", "value"):
        await running.start(f"isolane-{name}")
    return running


@step("PH", "mount")
async def mount(deed: Deed) -> None:
    """Have a box relay personal data, pull its plug, and take its disk."""
    deed.wants("disk image offline")
    running = await _stand(deed, {})
    words = ["nsenter", "--target", str(running.pid), "--net", sys.executable, "-m", "bench.attack.bare.visit"]
    process = await asyncio.create_subprocess_exec(
        *words, _PASSWORD, *_WORDS, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the charger did not get through: {said.decode(errors='replace')[-300:]}")
    await running.run("systemctl", "start", "isolane-tap-metrics.socket")
    page = await running.page("http://127.0.0.1:9102/metrics")
    read = re.search(r"^isolane_tap_messages_total\S* (\S+)$", page, re.MULTILINE)
    if read is None or float(read[1]) < len(calls(_WORDS)):
        raise RuntimeError("the tap has not read what was said, so nothing would be proved")
    await running.pull_the_plug()
    deed.kept["disk"] = [running.disk, *running.logs.glob("isolane-*.log")]


@step("PH", "scan")
async def scan(deed: Deed) -> None:
    """Look for what was said on every byte of the disk, deleted files too, and in the logs."""
    deed.wants("canaries")
    disk, *logs = deed.kept["disk"]
    found = await asyncio.to_thread(_found, [disk, *logs])
    image = await asyncio.to_thread(disk.read_bytes)
    if not all(witness in image for witness in _WITNESSES):
        raise RuntimeError("the disk does not even hold the charger's name, so nothing would be proved")
    deed.notes.append(f"{len(image) // 2**20} MiB of disk and {len(logs)} logs; keys are there, see SECURITY.md")
    deed.measures["canary_found_in"] = found
    deed.measures["PII"] = "; ".join(found)


def _found(files: list[Path]) -> list[str]:
    canaries = [word.encode() for word in (_PASSWORD, *_WORDS)]
    return [f"{file.name}: {word.decode()}" for file in files for word in canaries if word in file.read_bytes()]


@step("PH", "audit")
async def audit(deed: Deed) -> None:
    """Compare the running box with what is written down, and have an intruder try it."""
    if deed.arg != _AUDITS:
        raise UnknownError(f"audit {deed.arg!r}")
    written = tomllib.loads(HARDENING.read_text(encoding="utf-8"))
    running = await _stand(deed, attempts.units())
    await running.run("systemctl", "start", "isolane-tap-metrics.socket")
    wrong = await _listening(running, written) + await _mounts(running, written) + await _setuid(running, written)
    wrong += await attempts.wrong_processes(running)
    deed.measures["matches"] = "; ".join(wrong)
    deed.measures["systemd_exposure_max"] = await _exposure(deed)
    control, intruder = await attempts.got(running, attempts.CONTROL), await attempts.got(running, attempts.INTRUDER)
    deed.notes.append(f"{len(intruder)} attempts of an intruder in the health process, each with a control")
    deed.measures["NOENTRY"] = "; ".join(attempts.wrong(control, intruder))


sentence("matches", "hardening.yaml")


async def _listening(running: Box, written: dict[str, Any]) -> list[str]:
    said = await running.run("ss", "-H", "-lntup")
    there = {
        re.sub(r"\s.*", "", " ".join(line.split()[:1] + line.split()[4:5]).replace(" ", "/"))
        for line in said.splitlines()
    }
    expected = set(written["listening"])
    return [f"listens: {name}" for name in sorted(there - expected)] + [
        f"does not listen: {name}" for name in sorted(expected - there)
    ]


async def _mounts(running: Box, written: dict[str, Any]) -> list[str]:
    """Look what each process may write, by its own view of the file systems."""
    wrong = []
    for name, places in written["writable"].items():
        pid = await running.main_pid(f"isolane-{name}")
        user = f"isolane-{name}"
        test = 'for place in "$@"; do [ -w "$place" ] && echo "$place"; done; true'
        tried = ["/", "/etc", "/usr", "/opt/isolane", "/var", "/var/lib", "/home", "/root", "/run", *written["places"]]
        said = await running.run(
            *("nsenter", "--target", str(pid), "--mount", "--", "setpriv", f"--reuid={user}", f"--regid={user}"),
            *("--init-groups", "/bin/sh", "-c", test, "sh", *tried),
        )
        there = set(said.split())
        wrong += [f"{name} may write {place}" for place in sorted(there - set(places))]
        wrong += [f"{name} may not write {place}" for place in sorted(set(places) - there)]
    return wrong


async def _setuid(running: Box, written: dict[str, Any]) -> list[str]:
    """Look for programs of ours that run as another user, and whether those of the system could be used as such."""
    said = await running.run(
        "find", "/opt/isolane", "/etc/isolane", "/var/lib/isolane-value", "-perm", "/6000", "-type", "f"
    )
    wrong = [f"set-id program {name}" for name in said.split()]
    group = await running.run("id", "-nG", "isolane-health")
    wrong += [] if group.split() == ["isolane-health"] else [f"isolane-health is in {group.strip()}"]
    for name in written["writable"]:
        text = (UNITS / f"isolane-{name}.service").read_text(encoding="utf-8")
        wrong += [f"{name}: {line}" for line in written["lines"] if line not in text]
    return wrong


async def _exposure(deed: Deed) -> float:
    scores = {}
    for unit in sorted(UNITS.glob("*.service")):
        process = await asyncio.create_subprocess_exec(
            *("systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)),
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said.decode(errors="replace"))
        if found is None:
            raise RuntimeError(f"systemd-analyze says nothing of {unit.name}")
        scores[unit.name] = float(found[1])
    deed.notes.append(", ".join(f"{name} {score}" for name, score in scores.items()))
    return max(scores.values())
