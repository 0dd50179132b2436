"""This file numbers the states that travel as samples; it guards that a number never gets a second meaning.

A state is a sample of resolution 1. docs/reference/signals.md shows the same lists; a test compares.
"""

AVAILABILITY = (
    "Available",
    "Preparing",
    "Charging",
    "Finishing",
    "Faulted",
    "Unavailable",
    "SuspendedEV",
    "SuspendedEVSE",
    "Reserved",
    "Occupied",
)
"""`Connector/AvailabilityState`, `ChargingStation/AvailabilityState` and `EVSE/xState` by number, as OCPP spells them.

The first six are what device templates use. 1.6 knows all but Occupied, 2.x Available, Occupied, Reserved, Unavailable
and Faulted.
"""
