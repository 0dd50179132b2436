"""Meters and chargers over Modbus TCP: one source a TCP address, any number of unit ids behind it.

Flow: template and settings → plan (requests, signals) → connection → words → decode → readings.
May import: core, config, devices, pymodbus.
Lives here: polling, merging of registers, SunSpec discovery, patience with sick devices.
Does not live here: register maps (devices); writing to devices, which this channel never does.
"""
