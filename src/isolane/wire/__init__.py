"""Bytes that cross a process, a network or a restart: tap copies, blocks, papers, acknowledgements, files of records.

Flow: a value of `core` goes in, versioned bytes come out, and the other way round.
May import: core.
Lives here: one file a format, with the layout written at its top; golden bytes stand in tests/golden; what signals are
    called where Prometheus' rules hold. And `mqtt_session`, in which all that speak MQTT mend one library.
Does not live here: TLS, retry, storage. The relay imports `wire` too, so no module here imports numpy unless its
bytes need it.
"""
