"""The simulated chargers: a bay where cars come and go, an OCPP dialect, a queue that survives outages, a journal.

Flow: the bay is stepped → events (plugged, started, metered, stopped, unplugged) → dialect → outbox → link → CSMS;
what was metered goes to the journal first.
May import: sim.physics, sim.modbus, sim.peer, core, security, websockets.
Lives here: everything a charger does of its own accord.
Does not live here: equations (physics), register maps (modbus), anything the CSMS decides.
"""
