"""This file is what is beyond the links; it guards that every row of every site has a broker of its own.

One namespace with the CSMS, the brokers and the far end of Channel B. Sites of all links share it, as they do a center.
"""

from contextlib import ExitStack
from pathlib import Path
from shutil import which

from bench.isolation.namespaces import Namespace
from bench.isolation.processes import Asked, Server
from bench.isolation.processors import real_time

from isolane.security.authority import Authority

GATEWAY = "gw-1"
CSMS_PORT = 8443
_BROKER_PORT = 8883
_PRIORITY = 15
_BROKER = """\
listener {port} 0.0.0.0
cafile {pki}/ca.pem
certfile {pki}/world.pem
keyfile {pki}/world.key
require_certificate true
use_identity_as_username true
allow_anonymous false
persistence false
max_packet_size 1100000
max_queued_messages 1000
max_inflight_messages 100
set_tcp_nodelay true
user root
log_dest stderr
log_type error
log_type information
"""


def make_pki(folder: Path, hosts: tuple[str, ...]) -> None:
    """Make a CA and everybody's certificates."""
    folder.mkdir(mode=0o700)
    authority = Authority(folder)
    authority.create("bench")
    authority.issue("world", common_name="world", hosts=("127.0.0.1", *hosts))
    authority.issue("gateway", common_name=GATEWAY)
    authority.issue("center", common_name="center")


class World:
    """All servers beyond the links.

    Args:
        stack: Ends them.
        namespace: Where they run.
        folder: For settings and logs; `pki` in it is made.
        brokers: How many.
    """

    def __init__(self, stack: ExitStack, namespace: Namespace, folder: Path, brokers: int) -> None:
        pki = folder / "pki"
        self.ports = [_BROKER_PORT + number for number in range(brokers)]
        keys = [pki / "world.pem", pki / "world.key"]
        csms = namespace.python("bench.isolation.csms", "0.0.0.0", str(CSMS_PORT), *keys)
        self._csms = Server(stack, csms, folder / "csms.log", "ready")
        for port in self.ports:
            conf = folder / f"broker-{port}.conf"
            conf.write_text(_BROKER.format(port=port, pki=pki), encoding="utf-8")
            command = namespace.command(_mosquitto(), "-c", conf)
            broker = Server(stack, command, folder / f"broker-{port}.log", "running").wait()
            real_time(broker.pid, _PRIORITY)
        identity = [pki / "ca.pem", pki / "center.pem", pki / "center.key"]
        center = namespace.python("bench.isolation.center", *identity, *map(str, self.ports))
        self._center = Asked(stack, center, folder / "center.log")
        self._csms.wait()
        self._center.wait()

    def brought(self) -> dict[int, dict[str, int]]:
        """Give what each broker has brought to the center: messages, blocks, samples, payload_bytes."""
        self._center.ask()
        return {int(port): counts for port, counts in self._center.json().items()}


def _mosquitto() -> str:
    found = which("mosquitto") or which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise SystemExit("there is no mosquitto here")
    return found
