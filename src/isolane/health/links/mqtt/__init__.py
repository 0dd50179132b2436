"""MQTT 5 (or 3.1.1) over TLS through a broker, QoS 1, one long session.

Flow: messages go to `isolane/<site>/<gateway>/up/<kind>`, the center's answers come on `.../dn`.
May import: core, wire, security, config, aiomqtt.
Lives here: the broker session, its limits (receive maximum, packet size), reconnecting.
Does not live here: what is sent next, and when again: the broker's own acknowledgement is not the center's.
"""
