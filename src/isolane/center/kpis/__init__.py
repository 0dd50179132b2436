"""How well the chargers served: uptime, sessions and repairs as figures that somebody else can compute again.

Flow: the store's series, alerts and catalogue -> intervals -> figures per port, charger, site, model and firmware.
May import: core, wire, config, center.store.
Lives here: interval algebra, the definitions with their sources, and what a report is made of.
Does not live here: pages and CSV (console, api).
"""
