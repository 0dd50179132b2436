"""InfluxDB line protocol: to InfluxDB 1 and 2, VictoriaMetrics, Telegraf and whatever else takes it.

Flow: signals of one place become one line a row, with the names and units that remote write has.
May import: core, wire, security, config, httpx.
Lives here: lines and their escaping, both versions' addresses, what a partial write means.
Does not live here: the loop and its retries (links/forward), HTTP (links/posting).
"""
