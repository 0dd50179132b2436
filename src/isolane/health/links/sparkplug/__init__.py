"""Sparkplug B 3.0: the gateway as an Edge Node, its chargers as Devices, at a broker that others run.

Flow: births tell what there is, data tells what changed, the will tells that we are gone; commands: rebirth only.
May import: core, wire, security, config, aiomqtt, protobuf, links/mqtt (the broker session).
Lives here: the payload, aliases, report by exception, the session's order, the primary host's state.
Does not live here: what is sent next (outbox/cursor); TLS and sockets (links/mqtt/connect).
What the specification demands and which test shows it: docs/reference/sparkplug-assertions.md.
"""
