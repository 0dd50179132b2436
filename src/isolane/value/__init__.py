"""CHANNEL A, the Value channel: relays OCPP-J between charger and CSMS so that neither can notice.

Flow: listen → handshake → policy → dial → splice (scan) → the other leg; tap_port copies the bytes, may lose, never
waits. May import: core, wire, security, config; uvloop, h11, msgspec, prometheus_client. Lives here: both WebSocket
legs, their limits and counters, and the copy port; in workers/ what several relays on one port have to agree on; in
own_calls/ the gateway's own questions to chargers, off by default, the only place that unmasks and reads messages.
Does not live here: decompression, anything that observes: the relay carries bytes.
"""
