"""The center's HTTP API: what people's browsers and other programs may ask.

Flow: a request -> the store's ports -> JSON, CSV or server-sent events.
May import: core, wire, config, center.store.
Lives here: paths, parameters and their bounds, errors as problem+json, live streams, headers that keep browsers safe.
Does not live here: pages (console), how anything is computed or stored.
"""
