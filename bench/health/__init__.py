"""What Channel B costs: bytes for a sample on the wire, processor and memory of its process, time to catch up.

Flow: `feed` simulates a site of chargers and serves it over Modbus; `gateway` runs the real health process, broker and
    center, with a `tap` between gateway and broker that counts; `peers` sends the same samples in other formats over
    real TLS sockets; `recovery` lets an outbox drain; `report` judges.
May import: everything, as what it measures is the whole.
Lives here: the measurement and its table.
Does not live here: whether A suffers from B (bench/isolation).
"""
