"""This file holds bill of materials and secrets to the cases; it guards that nothing is left out."""

import asyncio
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.attack.bare.court import Deed, sentence, step
from bench.attack.fill import UnknownError
from bench.supply import bill, secrets
from bench.supply.locks import ROOT
from bench.supply.printed_key import PRINTED, write_identity

_REFUSAL = "a test key that everybody has"
_START_S = 30.0
_PLANTED = "-----BEGIN RSA PRIVATE " + "KEY-----"


async def run(deed: Deed) -> None:
    """Run the tool that a case names, as it words it."""
    if deed.arg == "cyclonedx-py environment .venv --of JSON":
        deed.kept["bill"] = await asyncio.to_thread(bill.bill_of_materials, Path(sys.prefix))
    elif deed.arg == "detect-secrets scan --all-files":
        deed.measures["findings"] = await asyncio.to_thread(_secrets, deed)
    else:
        raise UnknownError(f"run {deed.arg}")


def _secrets(deed: Deed) -> int:
    names = secrets.tracked()
    found = secrets.unknown(secrets.scan(ROOT, names))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "key.txt").write_text(_PLANTED + "\n", encoding="ascii")
        if not secrets.scan(Path(folder), ["key.txt"]):
            raise RuntimeError("a planted key is not found, so nothing would be proved")
    deed.notes.append(
        f"{len(names)} files: those of the repository, of a source package and of an image's layer of ours"
    )
    deed.notes += found
    return len(found)


@step("SC", "compare")
async def compare(deed: Deed) -> None:
    """Compare the bill with what the interpreter says, and both with the lock."""
    deed.wants("importlib.metadata")
    document = deed.kept["bill"]
    there = await asyncio.to_thread(bill.installed, Path(sys.executable))
    missing, more = bill.compare(document, there)
    deed.notes += [f"missing: {name}" for name in missing]
    deed.notes.append(f"{len(document['components'])} components, {len(there)} distributions")
    short = {**document, "components": document["components"][1:]}
    if not bill.compare(short, there)[0]:
        raise RuntimeError("a component that is left out is not found, so nothing would be proved")
    deed.measures["missing"] = len(missing)
    deed.measures["NOENTRY"] = "; ".join(f"named and not there: {name}" for name in more)


@step("SC", "start")
async def start(deed: Deed) -> None:
    """Start what has a key with keys that are printed in a standard; isolane ships none of its own."""
    deed.wants({"with": "example key"})
    wrong, entered = await asyncio.to_thread(_starts)
    shipped = [name for name in secrets.tracked() if _holds_key(ROOT / name)]
    wrong += [f"ships a key: {name}" for name in shipped]
    deed.measures["start_with_example_key"] = "; ".join(wrong)
    deed.measures["NOENTRY"] = "; ".join(entered)


sentence("start_with_example_key", "refused")


def _holds_key(path: Path) -> bool:
    return bool(re.search(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{40}", path.read_bytes()))


def _starts() -> tuple[list[str], list[str]]:
    """Start relay, health process and center with printed keys; give what was not refused, and who answered."""
    wrong, entered = [], []
    with tempfile.TemporaryDirectory() as top:
        for name in PRINTED:
            folder = Path(top, name)
            command = [sys.executable, "-m", "isolane", "init", str(folder), "--host", "127.0.0.1", "--link", "https"]
            subprocess.run(command, check=True, capture_output=True)
            chain, key = write_identity(Path(top), name)
            for room, identity, settings in (
                ("value", "listener", "site.toml"),
                ("center", "ingest", "center.toml"),
            ):
                _move_ports(folder / settings)
                (folder / "pki" / f"{identity}.pem").write_bytes(chain.read_bytes())
                (folder / "pki" / f"{identity}.key").write_bytes(key.read_bytes())
                said, answered = _started(room, folder / settings)
                if _REFUSAL not in said:
                    wrong.append(f"{room} with {name}: {said[-200:]}")
                entered += [f"{room} with {name} listens on {answered}"] if answered else []
    return wrong, entered


def _move_ports(settings: Path) -> None:
    """Give every address a free port, so that nothing else on this machine is in the way."""
    text = settings.read_text(encoding="utf-8")
    addresses = r'(= ")(?:127\.0\.0\.1|0\.0\.0\.0):\d+(")'
    settings.write_text(
        re.sub(addresses, lambda found: f"{found[1]}127.0.0.1:{_port()}{found[2]}", text), encoding="utf-8"
    )


def _port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _started(room: str, settings: Path) -> tuple[str, str]:
    """Start a process, which must end by itself; give what it says, and the port where it was found to listen."""
    ports = sorted({int(port) for port in re.findall(r'"127\.0\.0\.1:(\d+)"', settings.read_text(encoding="utf-8"))})
    command = [sys.executable, "-m", "isolane", room, "-c", str(settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        end, answered = time.monotonic() + _START_S, ""
        while process.poll() is None and not answered and time.monotonic() < end:
            answered = next((str(port) for port in ports if _answers(port)), "")
            time.sleep(0.05)
        process.kill()
        said = process.stdout.read() if process.stdout else ""
    return said, answered


def _answers(port: int) -> bool:
    with socket.socket() as sock:
        sock.settimeout(0.2)
        return sock.connect_ex(("127.0.0.1", port)) == 0
