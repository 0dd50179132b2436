"""This file defines the [value] table; it guards that every limit of the relay is written once, with its reason."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from isolane.config.values import Address
from isolane.value.access.settings import Access, Listener, Retrofit, check_access
from isolane.value.own_calls.settings import OwnCallsSettings


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of each thing one charger, or all of them, may use; each description gives its reason."""

    handshake_s: Annotated[
        float, Meta(description="s from accept to a whole request; a charger on 2G needs 2", gt=0, le=120)
    ] = 5.0
    preauth: Annotated[
        int,
        Meta(
            description="Sockets without a whole request; the oldest gives way, so hoarding shuts nobody out",
            ge=1,
            le=65_536,
        ),
    ] = 256
    failed_handshakes_per_min: Annotated[
        int,
        Meta(
            description="Handshakes a minute from one address that fail by its own doing, before 429: a scan, not a "
            "charger with a wrong password. A charger that the CSMS has accepted from there before is not held to it",
            ge=1,
            le=100_000,
        ),
    ] = 600
    headers: Annotated[int, Meta(description="Header fields of a request; chargers send about 8", ge=8, le=1024)] = 64
    header_bytes: Annotated[
        int, Meta(description="Bytes of one header line or the request line; the longest real one is a token", ge=256)
    ] = 8192
    head_bytes: Annotated[
        int, Meta(description="Bytes of a whole request head; what an unknown peer can make us keep", ge=1024)
    ] = 65_536
    connections: Annotated[
        int, Meta(description="Chargers at once; bounds memory and file descriptors, two a charger", ge=1)
    ] = 10_000
    dials: Annotated[
        int, Meta(description="CSMS handshakes at once; a CSMS that restarts is not met with all chargers", ge=1)
    ] = 256
    dials_per_s: Annotated[
        float, Meta(description="CSMS handshakes a second; 2,000 chargers are back in 20 s", gt=0)
    ] = 100.0
    dials_burst: Annotated[int, Meta(description="CSMS handshakes at once after a quiet time", ge=1)] = 200
    dial_wait_s: Annotated[
        float,
        Meta(
            description="s that a charger waits for its turn; one that would wait longer is told 503 and Retry-After",
            ge=0,
            le=120,
        ),
    ] = 5.0
    message_bytes: Annotated[
        int,
        Meta(description="Bytes of one WebSocket message as sent; far above the largest OCPP message", ge=1024),
    ] = 8 * 1024 * 1024
    fragments: Annotated[
        int, Meta(description="Frames of one message; real chargers send one, some firmware tens", ge=1)
    ] = 128
    messages_per_s: Annotated[
        float,
        Meta(
            description="Messages a second from one charger; one that empties its queue sends 10 to 30. One that sends "
            "more is not read for a moment, so that it takes longer and loses nothing",
            gt=0,
        ),
    ] = 50.0
    over_pace_s: Annotated[
        float,
        Meta(
            description="s over `messages_per_s` without a break before 1008; 30,000 messages at 50 a second are no "
            "queue of a charger",
            ge=0,
            le=86_400,
        ),
    ] = 600.0
    messages_burst: Annotated[
        int, Meta(description="Messages at once from one charger; what it sends after a boot", ge=4)
    ] = 200
    control_frames_per_s: Annotated[
        int, Meta(description="Pings and Pongs a second from either side, and at once; peers send one in seconds", ge=1)
    ] = 20
    buffer_bytes: Annotated[
        int,
        Meta(description="Bytes waiting for a slow reader before the other side is no longer read", ge=4096),
    ] = 1024 * 1024
    assembly_s: Annotated[
        float,
        Meta(
            description="s from a message's first byte to its last, fragments included, while it moves slower than "
            "`assembly_bytes_per_s`; one byte a second holds nothing open",
            gt=0,
            le=3600,
        ),
    ] = 15.0
    assembly_bytes_per_s: Annotated[
        int,
        Meta(
            description="Bytes a second with which a message may take longer than `assembly_s`; the slowest mobile "
            "network carries ten times as many",
            ge=1,
            le=1_000_000,
        ),
    ] = 100
    stall_s: Annotated[
        float, Meta(description="s that a full buffer may not move before both legs are ended", gt=0)
    ] = 30.0
    dead_s: Annotated[
        float,
        Meta(
            description="s after which an unreachable peer counts as gone (TCP keep-alive and user timeout), so that a "
            "charger learns of a lost CSMS and queues",
            ge=3,
            le=7200,
        ),
    ] = 30.0
    probe_s: Annotated[
        float,
        Meta(description="s that an old charger gets to answer when its identity connects again", gt=0, le=30),
    ] = 3.0
    hold_s: Annotated[
        float,
        Meta(description="s that a charger is kept waiting while its CSMS is away, in outage mode hold", gt=0, le=600),
    ] = 30.0
    hold_bytes: Annotated[
        int, Meta(description="Bytes of a charger that wait meanwhile; then it is not read", ge=1024)
    ] = 65_536
    close_s: Annotated[
        float, Meta(description="s from the first sign of an end to the end of both legs", gt=0, le=120)
    ] = 5.0


class Csms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the business goes. A charger's identity is appended to the URL's path as the charger wrote it."""

    url: Annotated[str, Meta(description="Base URL, ws:// or wss://, without identity, credentials and query")]
    urls: Annotated[
        list[str],
        Meta(
            description="Further base URLs of the same CSMS, in order of preference: a charger that connects while "
            "`url` cannot be reached goes to the next. Connected chargers stay where they are"
        ),
    ] = []
    ca: Annotated[Path | None, Meta(description="PEM certificates to trust; none trusts the system's")] = None
    certificate: Annotated[Path | None, Meta(description="PEM chain of our client identity, for wss")] = None
    key: Annotated[Path | None, Meta(description="PEM private key of `certificate`")] = None
    connect_s: Annotated[
        float, Meta(description="s from dialling to the whole answer; then the charger is told 504", gt=0, le=120)
    ] = 10.0

    def __post_init__(self) -> None:
        """Check the URL.

        Raises:
            ValueError: One is no base URL, or a client identity is half given or cannot be used.
        """
        schemes = {_check_url(url) for url in self.all_urls}
        if (self.certificate is None) != (self.key is None):
            raise ValueError("`certificate` and `key` belong together: give both or neither")
        if schemes == {"ws"} and (self.ca or self.certificate):
            raise ValueError("`ca`, `certificate` and `key` are for wss:// only")

    @property
    def all_urls(self) -> list[str]:
        """Every base URL, in order of preference."""
        return [self.url, *self.urls]


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"ws", "wss"} or not parts.hostname:
        raise ValueError(f"url {url!r} is not a ws:// or wss:// URL")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("url may hold no credentials, query or fragment")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("url may hold printable ASCII without spaces only")
    if parts.port == 0:
        raise ValueError("url names port 0")
    return parts.scheme


class ValueSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The relay."""

    metrics: Annotated[Address, Meta(description="Prometheus page, host:port, loopback")]
    csms: Annotated[Csms, Meta(description="The CSMS")]
    listen: Annotated[list[Listener], Meta(description="Ports for chargers, at least one", min_length=1)]
    access: Annotated[Access, Meta(description="Who may come in, and with what")] = Access()
    retrofit: Annotated[
        list[Retrofit], Meta(description="Chargers for which the gateway speaks at the CSMS; read again on SIGHUP")
    ] = []
    allow: Annotated[
        list[str] | None, Meta(description="Identities that may connect; none lets the CSMS decide alone")
    ] = None
    origins: Annotated[
        list[str],
        Meta(description="Values of Origin that may connect; a charger sends none, a browser always does"),
    ] = []
    compression: Annotated[
        Literal["each-message", "untouched"],
        Meta(
            description="each-message: both peers are asked to compress each message alone, so that the tap can lose "
            "copies; untouched: the negotiation passes as it is, for a charger that cannot do that"
        ),
    ] = "each-message"
    duplicates: Annotated[
        Literal["ping-old", "newest-if-authenticated", "refuse"],
        Meta(
            description="When an identity connects again. ping-old: the old charger is pinged, and gives way only "
            "when it stays silent for limits.probe_s; newest-if-authenticated: it gives way to whom the CSMS accepts; "
            "refuse: it stays. A refused newcomer is told 409"
        ),
    ] = "ping-old"
    outage: Annotated[
        Literal["close", "hold"],
        Meta(
            description="When the CSMS's leg ends without a Close frame. close: the charger's ends too, and it queues; "
            "hold: the charger waits while the CSMS is dialled again, at most limits.hold_s, and nothing is answered "
            "for the CSMS; a CALL in flight stays unanswered"
        ),
    ] = "close"
    workers: Annotated[
        int,
        Meta(
            description="Relay processes that share the ports. 1 fills one core, and a site needs no more; several pay "
            "where one core is full and others are free. Then `preauth`, `failed_handshakes_per_min`, `dials`, "
            "`dials_per_s` and `dials_burst` are cut in as many parts; `connections` and `failures_per_min` hold for "
            "all together, every other limit is one charger's",
            ge=1,
            le=16,
        ),
    ] = 1
    drain_s: Annotated[
        float, Meta(description="s that connections may finish by themselves after SIGTERM, before 1001", ge=0, le=600)
    ] = 5.0
    tap_buffer_bytes: Annotated[
        int, Meta(description="Send buffer of the tap's socket; the system may cap it", ge=65_536, le=64 * 1024 * 1024)
    ] = 1024 * 1024
    own_calls: Annotated[
        OwnCallsSettings,
        Meta(
            description="Questions of the gateway's own to chargers; off by default. Read again on SIGHUP where they "
            "were on at the start"
        ),
    ] = OwnCallsSettings()
    limits: Annotated[Limits, Meta(description="Limits, each with its reason")] = Limits()

    @property
    def certificates(self) -> list[Path]:
        """Every certificate that the relay shows somebody."""
        shown = [listener.certificate for listener in self.listen]
        shown += [listener.second_certificate for listener in self.listen]
        shown += [self.csms.certificate, *(entry.certificate for entry in self.retrofit)]
        return [path for path in shown if path is not None]

    def __post_init__(self) -> None:
        """Check what the tables say together.

        Raises:
            ValueError: They contradict each other.
        """
        check_access(self.access, self.listen, self.retrofit, self.csms.all_urls)
