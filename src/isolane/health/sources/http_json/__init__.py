"""Whatever shows its condition as JSON on a web page: a UPS, a router, an inverter, a building controller.

Flow: GET every period → bounded body → JSON → path → value → readings.
May import: core, config, devices (units), security, httpx.
Lives here: one URL a source, with its credentials.
Does not live here: HTML, XML, logins by form; writing to devices.
"""
