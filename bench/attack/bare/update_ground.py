"""This file is a box with versions side by side; it guards that what is installed and started there is the real thing.

Bundles hold isolane as it is in this repository, without center and simulator, under other version numbers, some
spoilt, and a package that leads to the libraries of this environment. `service_keeper` stands for systemd.
"""

import asyncio
import base64
import hashlib
import json
import os
import re
import sys
import sysconfig
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from bench.attack.bare import service_keeper
from bench.attack.ground import free_ports
from bench.supply.locks import ROOT

from isolane.cli.update import bundle
from isolane.core.durable import replace_file
from isolane.security.envelope import MANIFEST, seal
from isolane.security.key_files import make_key
from isolane.security.key_manifest import Manifest, describe
from isolane.security.key_manifest import write as write_keys
from isolane.security.signing import Signer

OLD, NEW = "0.1.1", "0.2.0"
Spoil = Callable[[str], str]
_SOURCE = ROOT / "src" / "isolane"
_DAY_S = 86_400
_RUN_S = 600.0
_LEFT_OUT = ("center/", "sim/", "signer/", "cli/demo/", "cli/soh/")
_ENTRY = "[console_scripts]\nisolane = isolane.cli.main:main\n"


class UpdateGround:
    """The box.

    Args:
        folder: Where everything is.
        root: Where the versions are.
        csms_port: Of the CSMS.
    """

    def __init__(self, folder: Path, root: Path, csms_port: int) -> None:
        self.folder, self.root = folder, root
        self.ports = dict(zip(("door", "value", "tap", "health"), free_ports(4), strict=True))
        self.settings, self.keys, self.keeper = folder / "site.toml", folder / "release-keys.jws", folder / "units"
        self.keeper.mkdir(parents=True)
        (folder / "run").mkdir(mode=0o700)
        self.settings.write_text(self._settings(csms_port), encoding="utf-8")
        program = str(root / "current/bin/isolane")
        units = {
            f"isolane-{room}.service": [program, room, "-c", str(self.settings)] for room in ("value", "tap", "health")
        }
        (self.keeper / "units.json").write_text(json.dumps(units), encoding="utf-8")
        self.systemctl = service_keeper.script(self.keeper, ROOT)
        self.signers = [self._signer(name) for name in ("rita", "rob")]
        keys = tuple(
            describe(signer.public_key, name, "root")
            for name, signer in zip(("rita", "rob"), self.signers, strict=True)
        )
        now = round(time.time())
        manifest = Manifest(v=1, version=1, issued=now, expires=now + 90 * _DAY_S, threshold=2, keys=keys)
        replace_file(self.keys, seal(write_keys(manifest), self.signers, MANIFEST))

    def bundle(
        self,
        version: str,
        number: int,
        *,
        spoilt: Mapping[str, Spoil] | None = None,
        signers: Iterable[Signer] | None = None,
        age_days: int = 0,
    ) -> Path:
        """Make a signed bundle; `spoilt` changes files of isolane by their paths."""
        folder = self.folder / f"bundle-{time.monotonic_ns()}"
        folder.mkdir()
        _write_wheel(folder, "isolane", version, dict(_isolane(version, spoilt or {})), _ENTRY)
        _write_wheel(folder, "bench_libraries", "1.0", {"bench_libraries.pth": sysconfig.get_path("purelib").encode()})
        bundle.make(folder, version, number, round(time.time()) - age_days * _DAY_S, 90)
        for signer in self.signers if signers is None else signers:
            bundle.sign(folder, signer)
        return folder

    def stranger(self) -> Signer:
        """Give a key that the box does not know."""
        return self._signer(f"eve-{time.monotonic_ns()}")

    def words(self, action: str, *more: str) -> list[str]:
        """Give the command line of an update."""
        keys = ("--keys", str(self.keys)) if action == "install" else ()
        return [
            *("update", action, *more, "--root", str(self.root), "-c", str(self.settings), *keys),
            *("--systemctl", str(self.systemctl)),
        ]

    async def update(self, action: str, *more: str) -> tuple[int, str]:
        """Run `isolane update` to its end; give its exit code and what it says."""
        process = await self.begin(action, *more)
        try:
            async with asyncio.timeout(_RUN_S):
                said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        return process.returncode or 0, said.decode(errors="replace")

    async def begin(self, action: str, *more: str) -> asyncio.subprocess.Process:
        """Start `isolane update`."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "isolane", *self.words(action, *more)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment(),
            start_new_session=True,
        )

    async def start(self) -> None:
        """Start every unit.

        Raises:
            RuntimeError: One is not ready in time.
        """
        names = list(service_keeper.commands(self.keeper))
        for name in names:
            (self.keeper / f"{name}.log").unlink(missing_ok=True)
        await asyncio.to_thread(service_keeper.main, self.keeper, ["restart", *names])
        end = time.monotonic() + 60
        while lacking := [name for name in names if " ready " not in self.log(name)]:
            if time.monotonic() > end:
                raise RuntimeError(f"{lacking[0]} did not start: {self.log(lacking[0])[-500:]}")
            await asyncio.sleep(0.1)
        while " tap-connected " not in self.log("isolane-value.service"):  # what it has not seen nobody knows
            if time.monotonic() > end:
                raise RuntimeError("the relay has no tap")
            await asyncio.sleep(0.1)

    def stop(self) -> None:
        """End every unit."""
        for name in service_keeper.commands(self.keeper):
            service_keeper.stop(self.keeper, name)

    def pid(self, room: str) -> int:
        """Give a process's id, 0 where it does not run."""
        return service_keeper.pid_of(self.keeper, f"isolane-{room}.service")

    def log(self, unit: str) -> str:
        """Give what a unit has written."""
        file = self.keeper / f"{unit}.log"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def in_force(self) -> str:
        """Give the version that would be started."""
        return (self.root / "current").readlink().name

    def runs(self, room: str) -> str:
        """Give the version that a process runs, "" where it does not."""
        pid = self.pid(room)
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode() if pid else ""
        found = re.search(r"/versions/([^/]+)/", words)
        return found[1] if found else ""

    def _signer(self, name: str) -> Signer:
        make_key(self.folder / name, "ed25519", None)
        return Signer(self.folder / name)

    def _settings(self, csms_port: int) -> str:
        page = {name: f'metrics = "127.0.0.1:{self.ports[name]}"' for name in ("value", "tap", "health")}
        return (
            f'[site]\nname = "box"\ngateway = "gw-1"\nrun_dir = "run"\n[value]\n{page["value"]}\ndrain_s = 0.2\n'
            f'[value.csms]\nurl = "ws://127.0.0.1:{csms_port}/csms"\n'
            f'[[value.listen]]\naddress = "127.0.0.1:{self.ports["door"]}"\npath = "/ocpp"\n[tap]\n{page["tap"]}\n'
            f'[health]\n{page["health"]}\nflush_s = 0.5\n[health.outbox]\npath = "outbox.db"\n[[health.sources]]\n'
            'type = "ocpp"\n[[health.sources.chargers]]\ncharger = "CP1"\n'
        )


def environment() -> dict[str, str]:
    """Give the environment for isolane's own words, found in this repository."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def _isolane(version: str, spoilt: Mapping[str, Spoil]) -> Iterable[tuple[str, bytes]]:
    """Give the files of isolane, changed as wanted."""
    left = set(spoilt)
    for path in sorted(_SOURCE.rglob("*")):
        name = path.relative_to(_SOURCE).as_posix()
        if not path.is_file() or "__pycache__" in name or name.startswith(_LEFT_OUT):
            continue
        content = path.read_bytes()
        if name == "__init__.py":
            content = re.sub(rb'__version__ = "[^"]*"', f'__version__ = "{version}"'.encode(), content)
        if name in spoilt:
            left.discard(name)
            changed = spoilt[name](content.decode()).encode()
            if changed == content:
                raise RuntimeError(f"{name} was not spoilt, so nothing would be proved")
            content = changed
        yield f"isolane/{name}", content
    if left:
        raise RuntimeError(f"isolane has no {left}")


def _write_wheel(folder: Path, name: str, version: str, files: dict[str, bytes], entry: str = "") -> None:
    info = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: harness\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        **({f"{info}/entry_points.txt": entry.encode()} if entry else {}),
    }
    record = "".join(f"{path},sha256={_hash(content)},{len(content)}\n" for path, content in files.items())
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}.items():
            archive.writestr(zipfile.ZipInfo(path), content, zipfile.ZIP_DEFLATED)


def _hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
