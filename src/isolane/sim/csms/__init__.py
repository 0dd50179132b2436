"""The simulated CSMS: a central system for OCPP 1.6 and 2.0.1 with a billing ledger.

Flow: WebSocket → peer → answers per version → ledger → JSON lines.
May import: sim.peer, sim.records, core, security, websockets.
Lives here: what a sane, patient back office does.
Does not live here: judgement about the chargers' side; `sim.billing` compares both.
"""
