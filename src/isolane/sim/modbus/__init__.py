"""The Modbus devices of the simulated site: chargers and meters with the registers of their makers' maps.

Flow: a physical state comes in each step, register words go out, a Modbus TCP server shows them.
May import: sim.physics, core, pymodbus.
Lives here: register maps as data, encoding of words, the server.
Does not live here: the gateway's device templates; these maps are written independently, so that one finds the other
wrong.
"""
