"""The window from Channel A to Channel B: it decodes copies, removes personal data, may lose, and never delays.

Flow: `listen` takes raw copies from the relay, `connections` and `session` give each to its connection, `stream` puts a
direction together (`frames`, `inflate`), `ocpp` and `pairing` read the messages, `facts_v16` and `facts_v201` turn them
into events through `allow`, and `event_port` sends these to the health process. `watch` looks for attacks in what is
read (`reconfiguration`, `mass_control`, `ownership`, `register_series`), and `security_events` tells of them.
May import: core, wire, config; no module that opens a network socket, but for the metrics page of `wire.exposition`.
Lives here: everything that sees a payload in clear. What is personal ends in this process.
Does not live here: anything the relay waits for; storage; the meaning of a fact for a charger's health.
"""
