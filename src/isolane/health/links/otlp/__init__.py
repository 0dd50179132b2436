"""OpenTelemetry over HTTP: metrics and logs to a Collector or any other OTLP receiver.

Flow: rows become gauges, facts become log records; a charger is a resource.
May import: core, wire, security, config, httpx, opentelemetry-proto.
Lives here: both requests, what a partial success means.
Does not live here: the loop and its retries (links/forward), HTTP (links/posting), what a fact is (links/facts).
"""
