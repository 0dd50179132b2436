"""Prometheus remote write 1.0: to Prometheus, VictoriaMetrics, Mimir and whatever else takes it.

Flow: rows become series, one request a piece of a block; where a signal has no value its series gets a stale marker.
May import: core, wire, security, config, httpx, protobuf, cramjam.
Lives here: the message, names and labels on a series, where stale markers belong.
Does not live here: the loop and its retries (links/forward), HTTP (links/posting).
"""
