"""This file looks packages up among known vulnerabilities; it guards that a look-up which did not happen is no pass.

pip-audit asks a service. A service of our own on loopback, shaped like OSV's, answers from advisories.toml, by which
the canary must be found: an old release of a package with a vulnerability that everybody knows. The same program then
asks the public service about our locks, where there is a way to it.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.supply.locks import LOCKS, canonical

ADVISORIES = Path(__file__).with_name("advisories.toml")
_HASH = "0" * 64
_AUDIT_S = 300


@dataclass(frozen=True)
class Audit:
    """What an audit has said.

    Attributes:
        ran: Whether the service has answered for every package.
        found: Package, version and names of what is known against it.
        why: What kept it from running.
    """

    ran: bool
    found: tuple[str, ...]
    why: str = ""


def audit(lock: Path, service: str | None = None) -> Audit:
    """Look every package of a lock up.

    Args:
        lock: With hashes, which pip-audit needs to believe that nothing else is installed.
        service: Address of an OSV-shaped service; None for the public one.
    """
    program = Path(sys.executable).with_name("pip-audit")
    where = ("--vulnerability-service", "osv", "--osv-url", service) if service else ()
    with tempfile.TemporaryDirectory() as cache:
        fixed = (
            "--disable-pip",
            "--require-hashes",
            "--progress-spinner",
            "off",
            "--cache-dir",
            cache,
            "--timeout",
            "10",
        )
        command = [str(program), "--requirement", str(lock), *fixed, "--format", "json", *where]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_AUDIT_S)
        except subprocess.TimeoutExpired:
            return Audit(ran=False, found=(), why=f"no answer in {_AUDIT_S} s")
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return Audit(ran=False, found=(), why=(done.stderr.strip().splitlines() or ["it says nothing"])[-1][:200])
    left_out = [str(one["name"]) for one in packages if "vulns" not in one]
    if left_out or not packages:
        return Audit(ran=False, found=(), why=f"not looked up: {', '.join(left_out) or 'everything'}"[:200])
    found = [
        (one["name"], one["version"], [str(vuln["id"]) for vuln in one["vulns"]]) for one in packages if one["vulns"]
    ]
    return Audit(ran=True, found=tuple(f"{name} {version}: {', '.join(ids)}" for name, version, ids in found))


def canary_lock(folder: Path) -> Path:
    """Write a lock that names every version which advisories.toml knows to be bad, and one good one."""
    table = tomllib.loads(ADVISORIES.read_text(encoding="utf-8"))["advisories"]
    names = [f"{one['package']}=={one['bad']}" for one in table] + ["msgspec==0.19.0"]
    lock = folder / "canary.txt"
    lock.write_text("".join(f"{name} --hash=sha256:{_HASH}\n" for name in names), encoding="utf-8")
    return lock


@contextlib.contextmanager
def own_service(advisories: Path = ADVISORIES) -> Iterator[str]:
    """Serve advisories on loopback as OSV does; gives the address."""
    table = tomllib.loads(advisories.read_text(encoding="utf-8"))["advisories"]

    class Answers(BaseHTTPRequestHandler):
        """Says what is known against the version that is asked for."""

        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name, version = canonical(query["package"]["name"]), query["version"]
            known = [_advisory(one) for one in table if (one["package"], one["bad"]) == (name, version)]
            body = json.dumps({"vulns": known} if known else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _advisory(one: dict[str, str]) -> dict[str, Any]:
    package = {"name": one["package"], "ecosystem": "PyPI"}
    events = [{"introduced": "0"}, {"fixed": one["fixed"]}]
    ranges = [{"type": "ECOSYSTEM", "events": events}]
    affected = [{"package": package, "ranges": ranges, "versions": [one["bad"]]}]
    return {"id": one["id"], "aliases": [], "summary": one["says"], "details": one["says"], "affected": affected}


def canary_is_found() -> str:
    """Look the canary up at our own service; give what is wrong, "" for nothing."""
    table = tomllib.loads(ADVISORIES.read_text(encoding="utf-8"))["advisories"]
    expected = tuple(f"{one['package']} {one['bad']}: {one['id']}" for one in table)
    with tempfile.TemporaryDirectory() as folder, own_service() as address:
        said = audit(canary_lock(Path(folder)), address)
    if not said.ran:
        return f"the audit did not run: {said.why}"
    return "" if set(said.found) == set(expected) else f"found {said.found}, planted {expected}"


def public_audit(locks: tuple[Path, ...] = (LOCKS / "dev.txt",)) -> list[Audit]:
    """Look our locks up at the public service."""
    return [audit(lock) for lock in locks]
