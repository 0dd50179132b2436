"""The window from Channel A to Channel B: it decodes copies, removes personal data, may lose, and never delays.

Flow: copies of the relay → connections → session → stream (frames, inflate) → ocpp → facts, through allow → event_port
    → the health process. What is read is shown to `watch`, which looks for attacks.
May import: core, wire, config; no module that opens a network socket, but for the metrics page of `wire.exposition`.
Lives here: everything that sees a payload in clear. What is personal ends in this process. Where to look:

- from copies to messages: listen, connections, session, stream, frames, inflate, ocpp, pairing
- from messages to facts, and what may pass: facts, facts_v16, facts_v201, allow, vocabulary, device_model, pseudonym
- signs of attack: watch, reconfiguration, mass_control, ownership, register_series, security_events
- the way out: event_port, standing, journal
- hashes of what passed, kept on the box: frame_tree
- what is shown: tally, occupancy, metrics
- the process: app, settings, supervision

Does not live here: anything the relay waits for; storage; the meaning of a fact for a charger's health.
"""
