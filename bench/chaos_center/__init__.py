"""The center under random deaths: workers, center, database and broker are killed; nothing may be lost or doubled.

Flow: gateways with books of their own -> broker, HTTPS -> workers -> PostgreSQL -> center -> its telemetry store, while
`faults` kills; then `judge` compares books, ledger and every stored sample. `make chaos-center`.
"""
