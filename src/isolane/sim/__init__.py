"""The world outside the gateway: chargers with real physics, Modbus devices, a CSMS with a billing ledger.

Flow: a seeded physical model is stepped; one and the same state feeds OCPP meter values and Modbus registers; the
charger journals what it metered, the CSMS bills what it was told, and `billing` compares the two to the Wh.
May import: core, wire, security, devices, and foreign protocol libraries (ocpp, websockets, pymodbus).
Lives here: physics, chargers, Modbus servers, the CSMS, the comparison of bills, the scenario that ties them together.
Does not live here: anything the gateway is made of; this room judges it and must not share its mistakes.
"""
