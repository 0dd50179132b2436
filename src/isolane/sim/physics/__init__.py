"""The physical side of a charger: supply, heat, air, insulation, the vehicle; pure, seeded, stepped.

Flow: a step of simulated seconds goes in; the state moves on; `readings()` gives what the charger's sensors show.
May import: core.
Lives here: equations with their parameters, faults that grow, vehicles and visits drawn from measured distributions.
Does not live here: clocks, sockets, protocols. The same seed and the same steps give the same readings.
"""
