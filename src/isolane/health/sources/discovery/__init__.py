"""Finding devices on a Modbus address or serial bus, and saying which template fits and why.

Flow: `wire` asks one question at a time → `ask` remembers a unit's answers → `weigh` turns them into scored reasons →
`scan` goes through the units within its time.
May import: core, config, devices, sources.modbus (decoding and merging), pymodbus.
Lives here: presence, Modbus device identification, SunSpec chains, marks, plausibility.
Does not live here: polling (modbus); writing to devices, which nothing here can do; what a person sees (cli).
"""
