"""This file makes network namespaces and the links between them; it guards that none outlives the bench.

Names carry the bench's process id, so that two benches do not meet.
"""

import json
import os
import subprocess
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import which

ROOT = Path(__file__).resolve().parents[2]
DEVICE = "modem"
_CONGESTION = Path("/proc/sys/net/ipv4/tcp_congestion_control")
_CONTROLS = ("cubic", "reno")
"""What Linux ships, and where a namespace may not have it, what fills a queue alike; the machine's own may differ."""
_SETTINGS = """
import sys
from pathlib import Path
net = Path("/proc/sys/net")
(net / "ipv4/tcp_no_metrics_save").write_text("1")  # one connection must not learn from another's past
for which in ("all", "default"):
    if (net / "ipv6").exists():
        (net / "ipv6/conf" / which / "disable_ipv6").write_text("1")  # no packets of the system's own
for control in sys.argv[1:]:
    try:
        (net / "ipv4/tcp_congestion_control").write_text(control)
        break
    except OSError:
        continue
"""


@dataclass(frozen=True)
class Namespace:
    """One namespace.

    Attributes:
        name: Its name.
    """

    name: str

    def command(self, *words: str | Path) -> list[str]:
        """Give the command that runs another in here."""
        return [_ip(), "netns", "exec", self.name, *map(str, words)]

    def python(self, module: str, *words: str | Path) -> list[str]:
        """Give the command that runs a module of ours in here."""
        return self.command(sys.executable, "-m", module, *words)


class Link:
    """An emulated link between a site and the world.

    Args:
        stack: Ends it.
        site: One end; its address ends in 1.
        world: The other; its address ends in 2.
        number: Third byte of its addresses; unique.
        rate_kbps: Rate, kbit/s.
        delay_s: One way, s.
        queue_s: Of the modem, s.
    """

    def __init__(
        self,
        stack: ExitStack,
        site: Namespace,
        world: Namespace,
        *,
        number: int,
        rate_kbps: int,
        delay_s: float,
        queue_s: float,
    ) -> None:
        device = f"{DEVICE}{number}"
        words = (site.name, world.name, device, str(rate_kbps * 1000), str(delay_s), str(queue_s))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.isolation.emulator", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(end, self._process)
        self._line()
        self.site_host, self.world_host = f"10.99.{number}.1", f"10.99.{number}.2"
        for namespace, own, other in (
            (site, self.site_host, self.world_host),
            (world, self.world_host, self.site_host),
        ):
            _run("-n", namespace.name, "addr", "add", own, "peer", other, "dev", device)
            _run("-n", namespace.name, "link", "set", device, "up")

    def ask(self) -> dict[str, dict[str, float]]:
        """Give what is queued, carried and dropped, up and down."""
        if self._process.stdin is None:
            raise SystemExit("the link has no pipe")
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        answer: dict[str, dict[str, float]] = json.loads(self._line())
        return answer

    def _line(self) -> str:
        line = "" if self._process.stdout is None else self._process.stdout.readline()
        if not line:
            raise SystemExit("the link's emulator has ended")
        return line


def namespace(stack: ExitStack, kind: str) -> Namespace:
    """Make a namespace with its loopback up."""
    made = Namespace(f"isolane-{os.getpid()}-{kind}")
    _run("netns", "add", made.name)
    stack.callback(_remove, made)
    _run("-n", made.name, "link", "set", "lo", "up")
    subprocess.run(made.command(sys.executable, "-S", "-c", _SETTINGS, *_CONTROLS), check=True)
    return made


def congestion_control(namespace: Namespace) -> str:
    """Give what TCP in a namespace does when packets are lost."""
    command = namespace.command("/bin/cat", _CONGESTION)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def install() -> None:
    """Install iproute2 where it is missing and we may.

    Raises:
        SystemExit: We are not root, or namespaces and devices are not allowed here.
    """
    if os.geteuid() != 0:
        raise SystemExit("run this as root: it makes network namespaces of its own")
    packages = ["mosquitto"] if _found() else ["iproute2", "mosquitto"]
    subprocess.run([ROOT / "tools" / "packages", *packages], check=True)
    if not Path("/dev/net/tun").exists():
        raise SystemExit("there is no /dev/net/tun here")


def end(process: "subprocess.Popen[str] | subprocess.Popen[bytes]") -> None:
    """End a process, whatever state it is in; nothing here has anything to keep."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()


def _remove(namespace: Namespace) -> None:
    subprocess.run([_ip(), "netns", "del", namespace.name], check=False)


def _run(*words: str) -> None:
    subprocess.run([_ip(), *words], check=True)


def _ip() -> str:
    found = _found()
    if found is None:
        raise SystemExit("there is no `ip` here: install iproute2")
    return found


def _found() -> str | None:
    return which("ip") or which("ip", path="/usr/sbin:/sbin")
