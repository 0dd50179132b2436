"""Grafana Loki: what happened, as log lines; no samples.

Flow: facts become JSON lines in streams of few labels.
May import: core, wire, security, config, httpx.
Lives here: the push request, which labels a stream has.
Does not live here: the loop and its retries (links/forward), HTTP (links/posting), what a fact is (links/facts).
"""
