"""This file measures a bare link; it guards that the emulator is known before anything is measured over it.

`probe echo HOST` answers UDP packets and takes TCP bytes; `probe ask HOST N` sends N packets one after the other, then
sends over TCP for a while, and prints a JSON line: round trips in s, and bit/s of TCP payload as they arrived.
"""

import json
import os
import socket
import sys
import threading
from time import monotonic, sleep

_PORT = 7007
_PACKET = bytes(100)
_GAP_S = 0.01
_SEND_S = 1.5
_WAIT_S = 5.0
_PRIORITY = 20


def _echo(host: str) -> None:
    taker = socket.create_server((host, _PORT))
    threading.Thread(target=_take, args=(taker,), daemon=True).start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, _PORT))
        print("ready", flush=True)
        while True:
            packet, peer = sock.recvfrom(2048)
            sock.sendto(packet, peer)


def _take(listener: socket.socket) -> None:
    """Take bytes for a while after a shorter one, and answer with the rate, bit/s."""
    connection, _ = listener.accept()
    began = monotonic()
    while monotonic() < began + _SEND_S / 2:
        connection.recv(1 << 16)
    got, began = 0, monotonic()
    while monotonic() < began + _SEND_S:
        got += len(connection.recv(1 << 16))
    rate = got * 8 / (monotonic() - began)
    connection.sendall(f"{rate}\n".encode())
    connection.close()


def _ask(host: str, count: int) -> None:
    trips = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(_WAIT_S)
        sock.connect((host, _PORT))
        for _ in range(count):
            began = monotonic()
            sock.send(_PACKET)
            sock.recv(2048)
            trips.append(monotonic() - began)
            sleep(_GAP_S)
    with socket.create_connection((host, _PORT)) as sock:
        sock.setblocking(False)
        rate = b""
        end = monotonic() + 4 * _WAIT_S
        while not rate and monotonic() < end:
            try:
                sock.send(bytes(1 << 14))
            except BlockingIOError:
                sleep(0.002)
            except ConnectionError:
                break
            try:
                rate = sock.recv(64)
            except BlockingIOError:
                continue
    print(json.dumps({"trips_s": trips, "rate_bps": float(rate or 0)}), flush=True)


if __name__ == "__main__":
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    if sys.argv[1] == "echo":
        _echo(sys.argv[2])
    else:
        _ask(sys.argv[2], int(sys.argv[3]))
