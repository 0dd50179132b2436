"""Meters and chargers over Modbus TCP and RTU: one source an address or serial port, any number of unit ids behind it.

Flow: template and settings → plan (requests, signals) → connection or line → words → decode → readings.
May import: core, config, devices, pymodbus, pyserial.
Lives here: polling, merging of registers, SunSpec discovery, patience with sick devices.
Does not live here: register maps (devices); writing to devices, which this channel never does.
"""
