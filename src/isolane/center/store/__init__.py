"""What the center keeps: the catalogue (who and what exists, the books) and telemetry (samples over time).

Flow: batches of verified arrivals go in and are durable when the call returns; views and series come out.
May import: core, wire, config.
Lives here: the two ports, their embedded implementations (SQLite; hot blocks and a Parquet lake), live listeners.
Does not live here: sockets, HTTP, rules about whom to believe (ingest), pages (console).
"""
