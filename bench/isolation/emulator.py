"""This file is a modem link between two network namespaces; it guards that a packet leaves when its turn is over.

Each direction has a rate, a delay and a queue bounded in time, as a modem has: a packet that meets a fuller queue is
dropped. A packet starts when the one before has left, takes its size at the rate, and arrives a delay later.

Arguments: site namespace, world namespace, device name, rate in bit/s, one-way delay in s, queue in s. On standard
input each line is a question; the answer is a JSON line with what is queued, carried and dropped in each direction.
"""

import ctypes
import fcntl
import gc
import json
import os
import select
import struct
import sys
from collections import deque
from pathlib import Path
from time import monotonic

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x1001
_PACKET_BYTES_MAX = 2048
_PRIORITY = 60
"""Above every other process here: the link is hardware."""
_IDLE_S = 1.0


class Way:
    """One direction.

    Args:
        rate_bps: Rate, bit/s.
        delay_s: From the end of a packet's turn to its arrival, s.
        queue_s: Most that waits, s at the rate.
        out: Where packets arrive.
    """

    def __init__(self, rate_bps: float, delay_s: float, queue_s: float, out: int) -> None:
        self._s_per_byte = 8 / rate_bps
        self._delay_s, self._queue_s, self._out = delay_s, queue_s, out
        self._free_at = 0.0
        self._under_way: deque[tuple[float, bytes]] = deque()
        self.carried_bytes = self.carried = self.dropped = 0

    def take(self, packet: bytes, now: float) -> None:
        """Queue a packet, or drop it."""
        if self._free_at - now > self._queue_s:
            self.dropped += 1
            return
        self._free_at = max(now, self._free_at) + len(packet) * self._s_per_byte
        self._under_way.append((self._free_at + self._delay_s, packet))
        self.carried += 1
        self.carried_bytes += len(packet)

    def release(self, now: float) -> None:
        """Hand over what has arrived."""
        while self._under_way and self._under_way[0][0] <= now:
            os.write(self._out, self._under_way.popleft()[1])

    @property
    def due_at(self) -> float:
        """When the next packet arrives."""
        return self._under_way[0][0] if self._under_way else float("inf")

    def told(self, now: float) -> dict[str, float]:
        """Give the figures."""
        return {
            "queued_s": max(0.0, self._free_at - now),
            "under_way": len(self._under_way),
            "carried": self.carried,
            "carried_bytes": self.carried_bytes,
            "dropped": self.dropped,
        }


def _tun(namespace: str, name: str) -> int:
    """Make a device in a namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with (Path("/run/netns") / namespace).open("rb") as place:
        if libc.setns(place.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN_NO_PI))
    return device


def _drain(device: int, way: Way) -> None:
    try:
        while True:
            packet = os.read(device, _PACKET_BYTES_MAX)
            way.take(packet, monotonic())
    except BlockingIOError:
        return


def main(arguments: list[str]) -> None:
    """Carry packets until standard input ends."""
    site, world = (_tun(name, arguments[2]) for name in arguments[:2])
    rate_bps, delay_s, queue_s = map(float, arguments[3:6])
    up, down = Way(rate_bps, delay_s, queue_s, world), Way(rate_bps, delay_s, queue_s, site)
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    gc.collect()
    gc.freeze()
    gc.disable()
    print("ready", flush=True)
    while True:
        wait_s = max(0.0, min(up.due_at, down.due_at, monotonic() + _IDLE_S) - monotonic())
        readable, _, _ = select.select((site, world, sys.stdin), (), (), wait_s)
        if site in readable:
            _drain(site, up)
        if world in readable:
            _drain(world, down)
        now = monotonic()
        up.release(now)
        down.release(now)
        if sys.stdin in readable:
            if not sys.stdin.readline():
                return
            print(json.dumps({"up": up.told(now), "down": down.told(now)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
