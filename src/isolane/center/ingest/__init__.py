"""How telemetry comes in: from a broker, or by HTTPS POST.

Flow: bytes and the identity that the transport proved -> `read` -> a batch -> store -> the answer
(`wire.uplink.Downlink`). May import: core, wire, security, config, center.store. Lives here: transports, whom to
believe, what is poison, group commit, what to answer. Does not live here: how anything is stored, anything that people
ask for.
"""
