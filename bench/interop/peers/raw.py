"""This file says what raw peers exchange; it guards that both clients play the same sessions.

A client tells the server what to do by a JSON text `{"do": ...}`: `send` its own messages, `ping` the client, `close`
with a code, `abort` the connection. Every other message is written down only.
"""

import json
import random

PROTOCOLS = ("ocpp2.1", "ocpp2.0.1", "ocpp1.6")
"""What a server speaks, best first. Clients offer them the other way round, and one that nobody speaks."""
OFFER = ("ocpp9.9", *reversed(PROTOCOLS))
MESSAGE_MAX = 6 * 1024 * 1024
"""Bytes that a server takes; the relay takes more, so that it is the server that says no."""
PING = b"ping \x00\xff"
SERVER_CLOSES = (
    (1000, ""),
    (1001, "going away"),
    (1011, "fell over"),
    (1012, "restart"),
    (4000, "4000 gr\u00fcn \u2713"),
)
CLIENT_CLOSES = ((1000, "done"), (1001, ""), (3001, "registered"), (4999, "private \u2713"))


def messages(seed: int) -> list[str | bytes]:
    """Make messages of every size that a length field has a form for, some of which a JSON parser would not take."""
    rng = random.Random(seed)
    odd = (
        '[2,"1","Heartbeat",{}]',
        '[ 2 ,\t"2" , "StatusNotification",{ "info":"caf\\u00e9 \\ud83d\\ude00 \\/ caf\u00e9 \U0001f600" } ]',
        '[2,"3","MeterValues",{"transactionId":18446744073709551615,"v":1.0e+05,"w":-0.0,"a":1,"a":2}]',
        '[2,"4","SignedFirmwareStatusNotification",{"signature":"MEQCIH+/=="}]',
        '[5,"5","InternalError","",{}]',
        '[6,"6","NotifyPeriodicEventStream",{"id":1}]',
        '[2,"7","Heartbeat",{}',
        "not JSON at all",
        "",
        "\x00\x1f\ufeff",
    )
    sized = [rng.choice(odd[:3]) * (size // 20 + 1) for size in (125, 126, 65_535, 65_536, 300_000)]
    blobs = [rng.randbytes(size) for size in (0, 1, 125, 126, 65_535, 65_536)]
    return [*odd, *sized, *blobs, "x" * 5_000_000, *(rng.choice(odd) for _ in range(50))]


def order(what: str, **more: object) -> str:
    """Write what a client tells a server."""
    return json.dumps({"do": what, **more})


def read_order(data: str | bytes) -> dict[str, object] | None:
    """Give what a client has told, None for a message like any other."""
    if isinstance(data, str) and data.startswith('{"do"'):
        told: dict[str, object] = json.loads(data)
        return told
    return None
