"""This file sends the same samples in other formats; it guards that each goes through real TLS to a real server.

MQTT formats go to mosquitto with QoS 1, one topic a charger; HTTP formats are posted over one kept connection. What
each says is what its own documentation asks for: names where the format has names, one time stamp where it has one.
"""

import gzip
import http.client
import http.server
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import zstandard
from bench.health.gateway import Names
from bench.health.signals import COUNT, I64
from bench.health.tap import Tap
from numpy.typing import NDArray
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from isolane.core.signals import Signal
from isolane.health.links.otlp.encode import metrics_request
from isolane.health.links.remote_write.encode import Ends, packed, write_request
from isolane.health.links.rows import Rows
from isolane.health.links.sparkplug.payload import Change, data
from isolane.wire.block import BlockKey

_START_MS = 1_700_000_000_000
_WAIT_S = 30.0

Message = tuple[str, bytes]
"""Topic or path, and the payload."""


@dataclass(frozen=True)
class Peer:
    """One format.

    Attributes:
        name: As in the table.
        period_s: Rows in one message.
        over: "mqtt" or "http".
        headers: Of HTTP.
        write: Gives the messages of some rows.
    """

    name: str
    period_s: int
    over: str
    headers: dict[str, str]
    write: Callable[[Rows], list[Message]]


def peers() -> list[Peer]:
    """Give all formats; each call begins anew, since some tell only what has changed."""
    protobuf = {"content-type": "application/x-protobuf"}
    snappy = {**protobuf, "content-encoding": "snappy", "x-prometheus-remote-write-version": "0.1.0"}
    zipped = {**protobuf, "content-encoding": "gzip"}
    return [
        Peer("JSON over MQTT, a charger each", 1, "mqtt", {}, _json),
        Peer("Sparkplug B, aliases, changes only", 1, "mqtt", {}, _Sparkplug()),
        Peer("OTLP, gzip", 1, "http", zipped, _otlp),
        Peer("Prometheus remote write, snappy", 1, "http", snappy, _RemoteWrite()),
        Peer("JSON, zstd, over MQTT", 60, "mqtt", {}, _json_zstd),
        Peer("OTLP, gzip", 60, "http", zipped, _otlp),
        Peer("Prometheus remote write, snappy", 60, "http", snappy, _RemoteWrite()),
    ]


def rows_of(signals: tuple[Signal, ...], values: I64, first: int) -> Rows:
    """Give rows as the encoders take them."""
    t_ms = _START_MS + 1000 * np.arange(first, first + values.shape[1], dtype=np.int64)
    codes = np.zeros(values.shape, np.uint8)
    return Rows(BlockKey(_START_MS, 0, first + 1), signals, t_ms, 1000, values, codes)


def cost(peer: Peer, who: Names, port: int, signals: tuple[Signal, ...], values: I64) -> float:
    """Send samples with one format; give bytes for a sample, both ways, without the handshake."""
    batches = [
        rows_of(signals, np.ascontiguousarray(values[:, at : at + peer.period_s]), at)
        for at in range(0, values.shape[1] - peer.period_s + 1, peer.period_s)
    ]
    # The first message says more than those that follow: names, values that have not changed.
    warm, rest = peer.write(batches[0]), [peer.write(batch) for batch in batches[1:]]
    with Tap(port) as tap:
        sender = _mqtt(who, tap.port) if peer.over == "mqtt" else _http(who, tap.port, peer.headers)
        with sender as send:
            send(warm)
            before = tap.carried.both
            for messages in rest:
                send(messages)
            sent = tap.carried.both - before
    return sent / sum(batch.samples for batch in batches[1:])


@contextmanager
def _mqtt(who: Names, port: int) -> Iterator[Callable[[list[Message]], None]]:
    client = Client(CallbackAPIVersion.VERSION2, client_id="peer", protocol=MQTTv5)
    client.tls_set(str(who.ca), str(who.gateway.certificate), str(who.gateway.key))
    client.connect("127.0.0.1", port, keepalive=60)
    client.loop_start()

    def send(messages: list[Message]) -> None:
        for topic, payload in messages:
            client.publish(topic, payload, qos=1).wait_for_publish(_WAIT_S)

    try:
        deadline = time.monotonic() + _WAIT_S
        while not client.is_connected() and time.monotonic() < deadline:
            time.sleep(0.01)
        yield send
    finally:
        client.disconnect()
        client.loop_stop()


@contextmanager
def _http(who: Names, port: int, headers: dict[str, str]) -> Iterator[Callable[[list[Message]], None]]:
    tls = ssl.create_default_context(cafile=str(who.ca))
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=tls, timeout=_WAIT_S)

    def send(messages: list[Message]) -> None:
        for path, payload in messages:
            connection.request("POST", path, payload, headers)
            connection.getresponse().read()

    try:
        yield send
    finally:
        connection.close()


class _Taker(http.server.BaseHTTPRequestHandler):
    """Takes whatever is posted, as a receiver of metrics does: 204 and nothing more."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take one request."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *_args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def receiver(who: Names) -> Iterator[int]:
    """Run an HTTPS server on loopback; give its port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Taker)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(who.server.certificate, who.server.key)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def _columns(rows: Rows) -> list[NDArray[np.float64]]:
    return [rows.column(index) for index in range(len(rows.signals))]


def _json(rows: Rows) -> list[Message]:
    columns, messages = _columns(rows), []
    for at, t_ms in enumerate(rows.t_ms.tolist()):
        for first in range(0, len(columns), COUNT):
            values = {rows.signals[first + n].key: columns[first + n][at] for n in range(COUNT)}
            text = json.dumps({"ts": t_ms, "values": values}, separators=(",", ":"))
            messages.append((f"north/{rows.signals[first].charger}/telemetry", text.encode()))
    return messages


def _json_zstd(rows: Rows) -> list[Message]:
    columns, messages = _columns(rows), []
    for first in range(0, len(columns), COUNT):
        values = {rows.signals[first + n].key: columns[first + n].tolist() for n in range(COUNT)}
        text = json.dumps({"ts": int(rows.t_ms[0]), "step": 1000, "values": values}, separators=(",", ":"))
        packed_text = zstandard.ZstdCompressor(level=9).compress(text.encode())
        messages.append((f"north/{rows.signals[first].charger}/telemetry", packed_text))
    return messages


def _otlp(rows: Rows) -> list[Message]:
    request = metrics_request(rows, {"service.name": "isolane"}, held=True)
    return [("/v1/metrics", gzip.compress(request.SerializeToString(), 6))]


class _Sparkplug:
    """DDATA of each charger with what has changed."""

    def __init__(self) -> None:
        self._told: dict[int, float] = {}

    def __call__(self, rows: Rows) -> list[Message]:
        columns, messages = _columns(rows), []
        for at, t_ms in enumerate(rows.t_ms.tolist()):
            for first in range(0, len(columns), COUNT):
                changes = [
                    (index, Change(rows.signals[index], t_ms, float(columns[index][at])))
                    for index in range(first, first + COUNT)
                    if self._told.get(index) != columns[index][at]
                ]
                self._told.update((index, columns[index][at]) for index, _ in changes)
                if changes:
                    topic = f"spBv1.0/north/DDATA/gw-1/{rows.signals[first].charger}"
                    messages.append((topic, data(at % 256, t_ms, changes)))
        return messages


class _RemoteWrite:
    """A request of all series."""

    def __init__(self) -> None:
        self._ends = Ends()

    def __call__(self, rows: Rows) -> list[Message]:
        request, self._ends = write_request(rows, self._ends, {"job": "isolane"}, held=True)
        return [("/api/v1/write", packed(request))]
