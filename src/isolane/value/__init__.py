"""CHANNEL A, the Value channel: relays OCPP-J between charger and CSMS so that neither can notice.

Flow: door (listen, handshake) → access, policy → upstream (dial) → legs (splice, scan) → the other leg; tap_port copies
    the bytes, may lose, never waits.
May import: core, wire, security, config; uvloop, h11, msgspec, prometheus_client.
Lives here: both WebSocket legs, their limits and counters, and the copy port. Where to look:

- door/: from accept to the answer
- access/: who may come in, and with what
- upstream/: the way to the CSMS
- legs/: a connection while it lives, and what a leg is
- the window to the tap: tap_port
- what is shown: registry, connection_lines, metrics, security_events, expiry
- settings and files, and reading them again: settings, live_settings, key_files, durable, der
- why a charger is refused: failures
- the process: app
- workers/: what several relays on one port have to agree on; loaded where there are several
- own_calls/: the gateway's own questions to chargers, off by default, the only place that unmasks and reads messages

Does not live here: decompression, anything that observes: the relay carries bytes.
"""
