"""CHANNEL A, the Value channel: relays OCPP-J between charger and CSMS so that neither can notice.

Flow: listen → handshake → policy, admission → duplicates → dial → splice (scan) → the other leg; tap_port copies the
    bytes, may lose, never waits.
May import: core, wire, security, config; uvloop, h11, msgspec, prometheus_client.
Lives here: both WebSocket legs, their limits and counters, and the copy port. Where to look:

- the door, from accept to the answer: listen, entrance, head, handshake, extensions, policy, failures
- who may come in, and with what: admission, basic, credentials, learning, attempts, client_certificate, der,
  revocation, profiles, retrofit
- one identity, one connection: duplicates, probe
- the way to the CSMS: dial, endpoints, reach
- a connection while it lives: connection, splice, scan, pace, assembly, hold
- what a leg is: stream, tls_stream, listener_tls
- the window to the tap: tap_port
- what is shown: registry, connection_lines, metrics, dial_metrics, security_events, expiry
- settings and files, and reading them again: settings, settings_access, live_settings, key_files, durable
- the process: app
- workers/: what several relays on one port have to agree on; loaded where there are several
- own_calls/: the gateway's own questions to chargers, off by default, the only place that unmasks and reads messages

Does not live here: decompression, anything that observes: the relay carries bytes.
"""
