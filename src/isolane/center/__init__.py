"""The O&M center: the reference receiver of Channel B. It runs apart from any CSMS and never sees billing or drivers.

Flow: ingest (MQTT, HTTPS) -> store (commit, then acknowledge) -> api -> console.
May import: core, wire, security, config; inside: `store`, and nobody a sibling except `app`, the assembly.
Lives here: what happens to telemetry after it has left the gateway, and what people see of it.
Does not live here: anything that runs on a gateway, tariffs, drivers, the CSMS.
"""
