"""What speaks SNMP on a site: routers with their modems, switches, uninterruptible power supplies.

Flow: GET every period → values by object identifier → numbers or rates → readings.
May import: core, config, devices (units), pysnmp.
Lives here: one agent a source, read with v2c or v3; ready tables for UPS-MIB and IF-MIB.
Does not live here: traps; SET, which this channel never sends.
"""
