"""This file is a tap that takes every copy and drops it; it guards that the cost of copying is measured alone."""

import socket
import sys

_PACKET_BYTES = 1 << 17


def main(path: str) -> None:
    """Listen, take one connection after the other, read until each ends."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen()
        print("listening", flush=True)
        buffer = bytearray(_PACKET_BYTES)
        while True:
            relay, _ = listener.accept()
            with relay:
                while relay.recv_into(buffer):
                    pass


if __name__ == "__main__":
    main(sys.argv[1])
